// Products of panels with some rows by the processor's vectors, a block of registers at a time.
#pragma once

#include "gradients.h"
#include "panels.h"

namespace structnn {

// Whether sums, a vector for each row or each one of the panel, and one more have registers.
constexpr bool fits(int rows, int width) {
  return rows * width + (rows < width ? rows : width) + 1 <= kRegisters;
}

// A product with a panel has at most so many rows.
constexpr int kMostBlock = 8;
constexpr int most_rows(int width) {
  const int enough = width < 3 ? 4 : kMostBlock;  // narrow panels are rare
  int rows = 1;
  while (rows < enough && fits(rows + 1, width)) ++rows;
  return rows;
}

// sums += numbers * columns, each number with each column. The fewer of them stay in registers.
template <typename T, typename V, int kRows, int kWidth, typename Number>
STRUCTNN_INLINE void add_products(Number number, const T* columns, V (*sums)[kWidth]) {
  constexpr bool kColumnsStay = kWidth <= kRows;
  constexpr int kStaying = kColumnsStay ? kWidth : kRows, kOthers = kColumnsStay ? kRows : kWidth;
  const auto column = [&](int v) {
    V value;
    std::memcpy(&value, columns + v * kLanes<T>, sizeof(V));
    return value;
  };
  V staying[kStaying];
#pragma GCC unroll 8
  for (int n = 0; n < kStaying; ++n)
    if constexpr (kColumnsStay)
      staying[n] = column(n);
    else
      staying[n] = number(n) - V{};
#pragma GCC unroll 8
  for (int other = 0; other < kOthers; ++other)
#pragma GCC unroll 8
    for (int n = 0; n < kStaying; ++n)
      if constexpr (kColumnsStay)
        sums[other][n] += number(other) * staying[n];
      else
        sums[n][other] += staying[n] * column(other);
}

// The sums of a * panel, for a few rows of a, ``(rows, depth)``, whose numbers are `step` apart.
template <typename T, typename V, int kRows, int kWidth>
STRUCTNN_INLINE void sum_products(const T* const* a, int64_t step, int64_t depth, const T* panel,
                                  V (*sums)[kWidth]) {
  const T* row[kRows];
  for (int r = 0; r < kRows; ++r) row[r] = a[r];
  for (int64_t at = 0; at < depth * step; at += step, panel += kWidth * kLanes<T>)
    add_products<T, V, kRows, kWidth>([&](int r) { return row[r][at]; }, panel, sums);
}

// out = a * panel, ``(rows, width, lanes)``; V is a vector or half of one.
template <typename T, typename V, int kRows, int kWidth>
__attribute__((noinline)) void multiply_block(const T* const* a, int64_t depth, const T* panel,
                                              T* out) {
  V sums[kRows][kWidth] = {};
  sum_products<T, V, kRows, kWidth>(a, 1, depth, panel, sums);
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < kWidth; ++v)
      std::memcpy(out + (r * kWidth + v) * kLanes<T>, &sums[r][v], sizeof(V));
}

// out += a * panel, or = if nothing is there yet; rows of out are `stride` apart, and have so many
// columns for the panel.
template <typename T, int kRows, int kWidth>
__attribute__((noinline)) void accumulate_block(const T* const* a, int64_t step, int64_t depth,
                                                const T* panel, T* out, int64_t stride,
                                                int64_t columns, bool fresh) {
  Vector<T> sums[kRows][kWidth] = {};
  sum_products<T, Vector<T>, kRows, kWidth>(a, step, depth, panel, sums);
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < kWidth; ++v) {
      T* to = out + r * stride + v * kLanes<T>;
      const int64_t count = columns - v * kLanes<T>;
      if (!fresh) sums[r][v] += load_some<T>(to, count);
      store_some<T>(to, sums[r][v], count);
    }
}

// Which of the two: what a library does not call is not compiled.
struct Multiply {
  template <typename T>
  using Block = void (*)(const T* const*, int64_t, const T*, T*);
  template <typename T, typename V, int kRows, int kWidth>
  static constexpr Block<T> block = multiply_block<T, V, kRows, kWidth>;
};
struct Accumulate {
  template <typename T>
  using Block = void (*)(const T* const*, int64_t, int64_t, const T*, T*, int64_t, int64_t, bool);
  template <typename T, typename V, int kRows, int kWidth>
  static constexpr Block<T> block = accumulate_block<T, kRows, kWidth>;
};

template <typename Kind, typename T, typename V, int kWidth, int... kLess>
typename Kind::template Block<T> choose_block(int rows, std::integer_sequence<int, kLess...>) {
  static constexpr typename Kind::template Block<T> blocks[] = {
      Kind::template block<T, V, kLess + 1, kWidth>...};
  return blocks[rows - 1];
}

template <typename Kind, typename T, int kWidth = kMostWidth>
typename Kind::template Block<T> block_of(int rows, int width, bool half) {
  if constexpr (kWidth > 1)
    if (width < kWidth) return block_of<Kind, T, kWidth - 1>(rows, width, half);
  const auto all = std::make_integer_sequence<int, most_rows(kWidth)>();
  if constexpr (kWidth == 3)
    if (half) return choose_block<Kind, T, typename Lanes<T>::Half, kWidth>(rows, all);
  return choose_block<Kind, T, Vector<T>, kWidth>(rows, all);
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

// Some rows of a matrix, which may lie anywhere.
template <typename T>
struct GivenRows {
  const T* const* rows;
  int64_t depth, count;

  GivenRows(const T* const* rows, int64_t depth, int64_t count)
      : rows(rows), depth(depth), count(count) {}
};

// For each panel of b and, within it, each block of rows of a, which may be shorter than b is deep:
// before(first, rows, panel), then each function(first, rows, panel, product), which is ``(rows, width,
// lanes)`` and may be changed for the next one.
template <typename T, typename Before, typename... Functions>
void multiply_blocks(const GivenRows<T>& a, const Packed<T>& b, Before before,
                     Functions... functions) {
  alignas(64) T product[kRegisters * kLanes<T>];
  for (int64_t panel = 0; panel < b.columns.panels(); ++panel) {
    const int width = b.columns.width(panel);
    const bool half = b.columns.is_half(panel);
    for_blocks(a.count, width, [&](int64_t first, int rows) {
      before(first, rows, panel);
      if (half) std::memset(product, 0, rows * width * sizeof(Vector<T>));
      block_of<Multiply, T>(rows, width, half)(a.rows + first, a.depth, b.panel(panel), product);
      (functions(first, rows, panel, product), ...);
    });
  }
}

// Adds transposed(a) * b to a part of the rows of out.
template <typename T>
void accumulate(Matrix<T> a, const Packed<T>& b, const Gradient<T>& out, int64_t part) {
  // As many rows of a at a time as stay in the first cache with those of a panel of b. They lie far
  // apart: they are brought together.
  constexpr int64_t kTogether = 96;
  const int64_t first = part * kPart, count = out.rows_of(part);
  alignas(64) T together[kTogether * kPart];
  for (int64_t begin = 0; begin < b.depth; begin += kTogether) {
    const int64_t some = std::min(kTogether, b.depth - begin);
    for (int64_t n = 0; n < some; ++n)
      for (int64_t v = 0; v < count; v += kLanes<T>)
        store<T>(together + n * kPart + v, load_some<T>(a(begin + n) + first + v, count - v));
    for (int64_t panel = 0; panel < b.columns.panels(); ++panel) {
      const int width = b.columns.width(panel);
      const int64_t column = b.columns.first_tile(panel) * kLanes<T>;
      for_blocks(count, width, [&](int64_t row, int rows) {
        const T* numbers[kMostBlock];
        for (int r = 0; r < rows; ++r) numbers[r] = together + row + r;
        block_of<Accumulate, T>(rows, width, false)(
            numbers, kPart, some, b.panel(panel) + begin * width * kLanes<T>,
            out.row(first + row) + column, out.stride, out.columns - column,
            !out.filled && begin == 0);
      });
    }
  }
}

}  // namespace structnn
