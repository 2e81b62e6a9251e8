// Matrix products in small steps, so that an operator can work on each step while it is in cache.
//
// One factor is packed once into panels, each as many columns wide as a block of registers; of the
// other one only a few rows are needed at a time, and they may lie anywhere.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <new>
#include <utility>
#include <vector>

#include "vectors.h"

#ifdef _OPENMP
#include <omp.h>
#endif

namespace structnn {

// A panel is at most this many vectors wide, and a product with one has at most so many rows: as
// many sums as there are registers, besides those for a row of the panel and one more.
constexpr int kMostWidth = kRegisters == 32 ? 4 : 3;

constexpr int most_rows(int width) {
  const int rows = (kRegisters - width - 1) / width;
  const int enough = width < 3 ? 4 : 8;  // narrow panels are rare
  return rows < enough ? rows : enough;
}

constexpr int64_t ceil_div(int64_t size, int64_t part) { return (size + part - 1) / part; }

// Where piece `index` of `pieces` about equal ones begins.
constexpr int64_t begin_of(int64_t index, int64_t pieces, int64_t size) {
  return size * index / pieces;
}

// Blocks of memory that a thread has used and will want again. The first touch of memory that is
// fresh from the system costs more than an operator takes to fill it.
class Spares {
 public:
  ~Spares() {
    for (const Block& block : blocks_) std::free(block.data);
  }

  // At least so many bytes: the smallest spare block that is large enough, and not wastefully so,
  // or else a new one; `bytes` becomes its size.
  void* take(int64_t& bytes) {
    auto found = blocks_.end();
    for (auto block = blocks_.begin(); block != blocks_.end(); ++block)
      if (block->bytes >= bytes && block->bytes <= 2 * bytes &&
          (found == blocks_.end() || block->bytes < found->bytes))
        found = block;
    if (found == blocks_.end()) {
      void* data = std::aligned_alloc(64, bytes);
      if (!data) throw std::bad_alloc();
      return data;
    }
    void* data = found->data;
    bytes = found->bytes;
    kept_ -= bytes;
    *found = blocks_.back();
    blocks_.pop_back();
    return data;
  }

  void give_back(void* data, int64_t bytes) {
    if (kept_ + bytes > kMost || blocks_.size() == blocks_.capacity()) return std::free(data);
    kept_ += bytes;
    blocks_.push_back({data, bytes});
  }

  static Spares& of_thread() {
    static thread_local Spares spares;
    return spares;
  }

 private:
  struct Block {
    void* data;
    int64_t bytes;
  };
  static constexpr int64_t kMost = int64_t(1) << 25;  // what a thread keeps when it does nothing

  Spares() { blocks_.reserve(32); }  // so that giving back never needs memory
  std::vector<Block> blocks_;
  int64_t kept_ = 0;
};

template <typename T>
class Buffer {
 public:
  explicit Buffer(int64_t size) : bytes_(ceil_div(size * int64_t(sizeof(T)) + 1, 64) * 64) {
    data_ = static_cast<T*>(Spares::of_thread().take(bytes_));
  }
  ~Buffer() { Spares::of_thread().give_back(data_, bytes_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  void fill_with_zeros() { std::memset(data_, 0, bytes_); }
  T* get() const { return data_; }

 private:
  int64_t bytes_;
  T* data_;
};

// function(index) for each index.
template <typename Function>
void parallel_for(int64_t count, int64_t threads, Function function) {
#ifdef _OPENMP
  if (threads > 1 && count > 1) {
    bool failed = false;  // nothing may be thrown out of a thread
#pragma omp parallel for num_threads(threads) schedule(dynamic)
    for (int64_t index = 0; index < count; ++index) {
      try {
        function(index);
      } catch (const std::bad_alloc&) {
#pragma omp atomic write
        failed = true;
      }
    }
    if (failed) throw std::bad_alloc();
    return;
  }
#endif
  for (int64_t index = 0; index < count; ++index) function(index);
}

constexpr int64_t kSome = 192;  // how many nodes or words are taken at a time

// function(begin, end) for pieces of a range, kSome at most, one for each thread at least unless
// they are few.
template <typename Function>
void for_pieces(int64_t begin, int64_t end, int64_t threads, Function function) {
  const int64_t size = end - begin;
  const int64_t pieces = std::max(ceil_div(size, kSome), std::min(threads, size / 16));
  parallel_for(pieces, threads, [&](int64_t piece) {
    function(begin + begin_of(piece, pieces, size), begin + begin_of(piece + 1, pieces, size));
  });
}

// The columns of a packed matrix: `groups` blocks of `units` columns (the gates of an LSTM, say).
// With several groups a panel is one vector of each group, of the same units; with one group it is
// a few adjacent vectors. The last vector of a group is filled up with zeros.
template <typename T>
struct Columns {
  int64_t groups, units;

  // The vectors of a group, and the elements of all groups.
  int64_t tiles() const { return ceil_div(units, kLanes<T>); }
  int64_t padded() const { return groups * tiles() * kLanes<T>; }

  int64_t panels() const { return groups > 1 ? tiles() : ceil_div(tiles(), kMostWidth); }
  int64_t first_tile(int64_t panel) const { return begin_of(panel, panels(), tiles()); }
  int width(int64_t panel) const {
    return int(groups * (first_tile(panel + 1) - first_tile(panel)));
  }

  // Whether half of each vector of a panel is enough. It is worth it where all of them are the last
  // of their group, and is made for three groups.
  bool is_half(int64_t panel) const {
    const int64_t left = units - panel * kLanes<T>;
    return groups == 3 && left <= kLanes<T> / 2;
  }
};

// A matrix in panels: all rows of the first panel, then all rows of the second one, and so on.
template <typename T>
class Packed {
 public:
  const Columns<T> columns;
  const int64_t depth;  // the number of rows
  bool filled = false;

  Packed(Columns<T> columns, int64_t depth)
      : columns(columns), depth(depth), data_(columns.padded() * depth) {}

  T* panel(int64_t index) const {
    return data_.get() + columns.first_tile(index) * columns.groups * kLanes<T> * depth;
  }

  // The transposed of `matrix`, ``(groups * units, depth)``.
  void pack_transposed(const T* matrix) {
    for_squares(
        [&](T* vectors, int64_t stride, int64_t row, int64_t rows, int64_t k, int64_t count) {
          Vector<T> square[kLanes<T>];
          for (int64_t i = 0; i < kLanes<T>; ++i)
            square[i] = load_some<T>(matrix + (row + i) * depth + k, i < rows ? count : 0);
          transpose<T>(square);
          for (int64_t i = 0; i < count; ++i) store<T>(vectors + i * stride, square[i]);
        });
  }

  // The inverse of that; zeros if nothing was ever put here.
  void unpack_transposed(T* matrix) const {
    if (!filled) {
      std::memset(matrix, 0, columns.groups * columns.units * depth * sizeof(T));
      return;
    }
    for_squares(
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
  void pack_rows(const T* matrix, int64_t first, int64_t count) {
    for (int64_t index = 0; index < columns.panels(); ++index) {
      const int64_t begin = columns.first_tile(index) * kLanes<T>;
      const int64_t width = columns.width(index) * kLanes<T>;
      const int64_t left = columns.units - begin;
      T* to = panel(index) + first * width;
      for (int64_t k = 0; k < count; ++k, to += width)
        for (int64_t v = 0; v < width; v += kLanes<T>)
          store<T>(to + v, load_some<T>(matrix + k * columns.units + begin + v, left - v));
    }
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
  Buffer<T> data_;

  // function(vectors, stride, column, columns, row, rows) for each square of lanes by lanes
  // elements: where its vectors are and how far apart; the first of its columns, of its rows, and
  // how many.
  template <typename Function>
  void for_squares(Function function) const {
    constexpr int64_t lanes = kLanes<T>;
    for (int64_t index = 0; index < columns.panels(); ++index) {
      const int width = columns.width(index);
      for (int v = 0; v < width; ++v) {
        const bool grouped = columns.groups > 1;
        const int64_t unit = (columns.first_tile(index) + (grouped ? 0 : v)) * lanes;
        const int64_t column = (grouped ? v * columns.units : 0) + unit;
        const int64_t count = columns.units - unit < lanes ? columns.units - unit : lanes;
        for (int64_t k = 0; k < depth; k += lanes)
          function(panel(index) + (k * width + v) * lanes, width * lanes, column, count, k,
                   depth - k < lanes ? depth - k : lanes);
      }
    }
  }
};

// out = a * panel, for a few rows of a, ``(rows, depth)``; V is a vector or half of one.
template <typename T, typename V, int kRows, int kWidth>
__attribute__((noinline)) void multiply_block(const T* const* a, int64_t depth, const T* panel,
                                              T* out) {
  constexpr int lanes = kLanes<T>;
  V sums[kRows][kWidth];
  const T* row[kRows];
  for (int r = 0; r < kRows; ++r) {
    row[r] = a[r];
    for (int v = 0; v < kWidth; ++v) sums[r][v] = V{};
  }
  for (int64_t k = 0; k < depth; ++k, panel += kWidth * lanes) {
    V columns[kWidth];
    for (int v = 0; v < kWidth; ++v) std::memcpy(&columns[v], panel + v * lanes, sizeof(V));
    for (int r = 0; r < kRows; ++r)
      for (int v = 0; v < kWidth; ++v) sums[r][v] += row[r][k] * columns[v];
  }
  for (int r = 0; r < kRows; ++r)
    for (int v = 0; v < kWidth; ++v)
      std::memcpy(out + (r * kWidth + v) * lanes, &sums[r][v], sizeof(V));
}

// out += transposed(a) * b, for a few columns of a, from `offset` on; or = if nothing is there yet.
template <typename T, typename V, int kRows, int kWidth>
__attribute__((noinline)) void accumulate_block(const T* const* a, int64_t offset, const T* b,
                                                int64_t count, T* out, bool fresh) {
  constexpr int lanes = kLanes<T>;
  V sums[kRows][kWidth];
  for (int r = 0; r < kRows; ++r)
    for (int v = 0; v < kWidth; ++v) sums[r][v] = V{};
  for (int64_t n = 0; n < count; ++n, b += kWidth * lanes) {
    const T* row = a[n] + offset;
    V columns[kWidth];
    for (int v = 0; v < kWidth; ++v) std::memcpy(&columns[v], b + v * lanes, sizeof(V));
    for (int r = 0; r < kRows; ++r)
      for (int v = 0; v < kWidth; ++v) sums[r][v] += row[r] * columns[v];
  }
  for (int r = 0; r < kRows; ++r)
    for (int v = 0; v < kWidth; ++v, out += lanes) {
      V before = {};
      if (!fresh) std::memcpy(&before, out, sizeof(V));
      sums[r][v] += before;
      std::memcpy(out, &sums[r][v], sizeof(V));
    }
}

// Both of them for one size.
template <typename T>
struct Block {
  void (*multiply)(const T* const*, int64_t, const T*, T*);
  void (*accumulate)(const T* const*, int64_t, const T*, int64_t, T*, bool);
};

template <typename T, typename V, int kWidth, int... kLess>
const Block<T>& choose_block(int rows, std::integer_sequence<int, kLess...>) {
  static constexpr Block<T> blocks[] = {
      {multiply_block<T, V, kLess + 1, kWidth>, accumulate_block<T, V, kLess + 1, kWidth>}...};
  return blocks[rows - 1];
}

template <typename T, int kWidth = kMostWidth>
const Block<T>& block_of(int rows, int width, bool half) {
  if constexpr (kWidth > 1)
    if (width < kWidth) return block_of<T, kWidth - 1>(rows, width, half);
  const auto all = std::make_integer_sequence<int, most_rows(kWidth)>();
  if constexpr (kWidth == 3)
    if (half) return choose_block<T, typename Lanes<T>::Half, kWidth>(rows, all);
  return choose_block<T, Vector<T>, kWidth>(rows, all);
}

// function(first, rows) for blocks of rows that go with a panel of this width.
template <typename Function>
inline void for_blocks(int64_t count, int width, Function function) {
  const int64_t blocks = ceil_div(count, most_rows(width));
  for (int64_t block = 0; block < blocks; ++block) {
    const int64_t first = begin_of(block, blocks, count);
    function(first, int(begin_of(block + 1, blocks, count) - first));
  }
}

// function(row, panel, product) for each panel of b and, within it, each row of a, which may be
// shorter than b is deep: product is ``(width, lanes)``.
template <typename T, typename Function>
void multiply(const T* const* a, int64_t depth, int64_t count, const Packed<T>& b,
              Function function) {
  alignas(64) T product[kRegisters * kLanes<T>];
  for (int64_t panel = 0; panel < b.columns.panels(); ++panel) {
    const int width = b.columns.width(panel);
    const bool half = b.columns.is_half(panel);
    if (half) std::memset(product, 0, sizeof(product));
    for_blocks(count, width, [&](int64_t first, int rows) {
      block_of<T>(rows, width, half).multiply(a + first, depth, b.panel(panel), product);
      const T* at = product;
      for (int r = 0; r < rows; ++r, at += width * kLanes<T>) function(first + r, panel, at);
    });
  }
}

// The same where columns are in one group: function(row, tile, sum) for each vector.
template <typename T, typename Function>
void multiply_tiles(const T* const* a, int64_t depth, int64_t count, const Packed<T>& b,
                    Function function) {
  multiply<T>(a, depth, count, b, [&](int64_t row, int64_t panel, const T* product) {
    for (int64_t tile = b.columns.first_tile(panel); tile < b.columns.first_tile(panel + 1);
         ++tile, product += kLanes<T>)
      function(row, tile, load<T>(product));
  });
}

// The vectors of b: `step` apart in a row, and rows are `stride` apart.
template <typename T>
struct Vectors {
  const T* begin;
  int64_t step, stride;
};

// Adds transposed(a) * b to a panel of out, or puts it there if nothing is yet.
template <typename T>
void accumulate(const T* const* a, Vectors<T> b, int64_t count, Packed<T>& out, int64_t panel) {
  // Each block of out reads all of b, whose rows lie far apart: they are brought together, as many
  // at a time as stay in the first cache. Of none, zeros are put there.
  constexpr int64_t kTogether = 96;
  const int width = out.columns.width(panel);
  const int64_t stride = width * kLanes<T>;
  const bool half = out.columns.is_half(panel);
  alignas(64) T together[kTogether * kMostWidth * kLanes<T>];
  for (int64_t begin = 0; begin == 0 || begin < count; begin += kTogether) {
    const int64_t some = count - begin < kTogether ? count - begin : kTogether;
    for (int64_t n = 0; n < some; ++n)
      for (int v = 0; v < width; ++v)
        store<T>(together + n * stride + v * kLanes<T>,
                 load<T>(b.begin + (begin + n) * b.stride + v * b.step));
    for_blocks(out.depth, width, [&](int64_t first, int rows) {
      block_of<T>(rows, width, half)
          .accumulate(a + begin, first, together, some, out.panel(panel) + first * stride,
                      !out.filled && begin == 0);
    });
  }
}

// Adds a vector of each of some rows, `stride` apart, to another one.
template <typename T>
void add_rows(const T* from, int64_t stride, int64_t count, T* to) {
  auto sum = load<T>(to);
  for (int64_t n = 0; n < count; ++n) sum += load<T>(from + n * stride);
  store<T>(to, sum);
}

// Runs a pass of an operator; whether there was memory enough.
template <typename Pass, typename Given>
int run(const Given* given) {
  try {
    Pass(*given).run();
    return 1;
  } catch (const std::bad_alloc&) {
    return 0;
  }
}

}  // namespace structnn
