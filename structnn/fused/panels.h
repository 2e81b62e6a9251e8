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

  // The transposed of `matrix`, ``(groups * units, depth)``: a square of lanes by lanes at a time.
  void pack_transposed(const T* matrix, int64_t threads = 1) {
    constexpr int64_t lanes = kLanes<T>;
    columns.for_vectors(threads, [&](int64_t index, int vector, int64_t column, int64_t units) {
      const int64_t stride = columns.width(index) * lanes;
      for (int64_t k = 0; k < depth; k += lanes) {
        const int64_t count = std::min(lanes, depth - k);
        Vector<T> square[lanes];
        load_transposed<T>([&](int64_t i) { return matrix + (column + i) * depth + k; }, units,
                           depth - k, square);
        T* to = panel(index) + k * stride + vector * lanes;
        for (int64_t i = 0; i < count; ++i) store<T>(to + i * stride, square[i]);
      }
    });
  }

  // The matrix whose rows row(index) are. One group only.
  template <typename Row>
  void pack_rows(Row row, int64_t threads = 1) {
    parallel_for(columns.panels(), threads, [&](int64_t index) {
      const int64_t begin = columns.first_tile(index) * kLanes<T>;
      const int64_t width = columns.width(index) * kLanes<T>;
      const int64_t left = columns.units - begin;
      T* to = panel(index);
      for (int64_t k = 0; k < depth; ++k, to += width)
        for (int64_t v = 0; v < width; v += kLanes<T>)
          store<T>(to + v, load_some<T>(row(k) + begin + v, left - v));
    });
  }

 private:
  Buffer<T> own_;
  T* const data_;
};

}  // namespace structnn
