// Matrices as wide panels, in the order in which products read them.
#pragma once

#include "vectors.h"
#include "work.h"

namespace structnn {

// A panel is at most this many vectors wide: the gates of an LSTM. Where a panel may have any width, so
// many registers leave room for fewer.
constexpr int kMostWidth = 4;
constexpr int kAdjacent = kRegisters == 32 ? 4 : 3;

// The columns of a packed matrix: `groups` blocks of `units` columns (the gates of an LSTM, say).
// With several groups a panel is one vector of each group, of the same units; with one group it is
// a few adjacent vectors. The last vector of a group is filled up with zeros.
template <typename T>
struct Columns {
  static constexpr int64_t lanes = kLanes<T>;
  int64_t groups, units;

  // The vectors of a group, and the elements of all groups.
  int64_t tiles() const { return ceil_div(units, kLanes<T>); }
  int64_t padded() const { return groups * tiles() * kLanes<T>; }

  int64_t panels() const { return groups > 1 ? tiles() : ceil_div(tiles(), kAdjacent); }
  int64_t first_tile(int64_t panel) const { return begin_of(panel, panels(), tiles()); }
  int width(int64_t panel) const {
    return int(groups * (first_tile(panel + 1) - first_tile(panel)));
  }

  // function(panel, vector, column, columns) for each vector of each panel: its first column, and how
  // many it has. Each panel is done by one of the threads.
  template <typename Function>
  void for_vectors(int64_t threads, Function function) const {
    parallel_for(panels(), threads, [&](int64_t panel) {
      for (int vector = 0; vector < width(panel); ++vector) {
        const bool grouped = groups > 1;
        const int64_t unit = (first_tile(panel) + (grouped ? 0 : vector)) * lanes;
        const int64_t left = units - unit;
        function(panel, vector, (grouped ? vector * units : 0) + unit, left < lanes ? left : lanes);
      }
    });
  }

  // Whether half of each vector of a panel is enough. It is worth it where all of them are the last
  // of their group, and is made for three groups.
  bool is_half(int64_t panel) const {
    const int64_t left = units - panel * kLanes<T>;
    return groups == 3 && left <= kLanes<T> / 2;
  }
};

// A matrix in panels: all rows of the first panel, then all rows of the second one, and so on. It may
// be given the memory that it is in.
template <typename T>
class Packed {
 public:
  const Columns<T> columns;
  const int64_t depth;  // the number of rows
  bool filled = false;

  Packed(Columns<T> columns, int64_t depth, void* memory = nullptr)
      : columns(columns),
        depth(depth),
        own_(memory ? 0 : columns.padded() * depth),
        data_(memory ? static_cast<T*>(memory) : own_.get()) {}

  static int64_t bytes(Columns<T> columns, int64_t depth) {
    return columns.padded() * depth * sizeof(T);
  }

  T* panel(int64_t index) const {
    return data_ + columns.first_tile(index) * columns.groups * kLanes<T> * depth;
  }

  // The transposed of `matrix`, ``(groups * units, depth)``.
  void pack_transposed(const T* matrix, int64_t threads = 1) {
    for_squares(
        threads,
        [&](T* vectors, int64_t stride, int64_t row, int64_t rows, int64_t k, int64_t count) {
          Vector<T> square[kLanes<T>];
          for (int64_t i = 0; i < kLanes<T>; ++i)
            square[i] = load_some<T>(matrix + (row + i) * depth + k, i < rows ? count : 0);
          transpose<T>(square);
          for (int64_t i = 0; i < count; ++i) store<T>(vectors + i * stride, square[i]);
        });
  }

  // The inverse of that; zeros if nothing was ever put here.
  void unpack_transposed(T* matrix, int64_t threads = 1) const {
    if (!filled) {
      std::memset(matrix, 0, columns.groups * columns.units * depth * sizeof(T));
      return;
    }
    for_squares(
        threads,
        [&](T* vectors, int64_t stride, int64_t row, int64_t rows, int64_t k, int64_t count) {
          Vector<T> square[kLanes<T>];
          for (int64_t i = 0; i < kLanes<T>; ++i)
            square[i] = load_some<T>(vectors + i * stride, i < count ? kLanes<T> : 0);
          transpose<T>(square);
          for (int64_t i = 0; i < rows; ++i)
            store_some<T>(matrix + (row + i) * depth + k, square[i], count);
        });
  }

  // `matrix`, ``(count, units)``, as it is, for so many rows from the first one on. One group only.
  void pack_rows(const T* matrix, int64_t first, int64_t count, int64_t threads = 1) {
    parallel_for(columns.panels(), threads, [&](int64_t index) {
      const int64_t begin = columns.first_tile(index) * kLanes<T>;
      const int64_t width = columns.width(index) * kLanes<T>;
      const int64_t left = columns.units - begin;
      T* to = panel(index) + first * width;
      for (int64_t k = 0; k < count; ++k, to += width)
        for (int64_t v = 0; v < width; v += kLanes<T>)
          store<T>(to + v, load_some<T>(matrix + k * columns.units + begin + v, left - v));
    });
  }

  // The inverse of that for all rows, `stride` apart in the matrix.
  void unpack_rows(T* matrix, int64_t stride) const {
    for (int64_t index = 0; index < columns.panels(); ++index) {
      const int64_t begin = columns.first_tile(index) * kLanes<T>;
      const int64_t width = columns.width(index) * kLanes<T>;
      const int64_t count = std::min(width, columns.units - begin);
      for (int64_t k = 0; k < depth; ++k)
        std::memcpy(matrix + k * stride + begin, panel(index) + k * width, count * sizeof(T));
    }
  }

 private:
  Buffer<T> own_;
  T* const data_;

  // function(vectors, stride, column, columns, row, rows) for each square of lanes by lanes
  // elements: where its vectors are and how far apart; the first of its columns, of its rows, and
  // how many.
  template <typename Function>
  void for_squares(int64_t threads, Function function) const {
    constexpr int64_t lanes = kLanes<T>;
    columns.for_vectors(threads, [&](int64_t index, int v, int64_t column, int64_t count) {
      const int width = columns.width(index);
      for (int64_t k = 0; k < depth; k += lanes)
        function(panel(index) + (k * width + v) * lanes, width * lanes, column, count, k,
                 depth - k < lanes ? depth - k : lanes);
    });
  }
};

// The vectors of b: `step` apart in a row, and rows are `stride` apart.
template <typename T>
struct Vectors {
  const T* begin;
  int64_t step, stride;
};

}  // namespace structnn
