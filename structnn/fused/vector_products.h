// Products of panels with some rows by the processor's vectors, a block of registers at a time.
#pragma once

#include "panels.h"

namespace structnn {

// Whether sums, a vector for each row or each one of the panel, and one more have registers.
constexpr bool fits(int rows, int width) {
  return rows * width + (rows < width ? rows : width) + 1 <= kRegisters;
}

// A product with a panel has at most so many rows.
constexpr int most_rows(int width) {
  const int enough = width < 3 ? 4 : 8;  // narrow panels are rare
  int rows = 1;
  while (rows < enough && fits(rows + 1, width)) ++rows;
  return rows;
}

// sums += numbers * columns, each number with each column. The fewer of them stay in registers.
template <typename T, typename V, int kRows, int kWidth, typename Number>
inline void add_products(Number number, const T* columns, V (*sums)[kWidth]) {
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

// out = a * panel, for a few rows of a, ``(rows, depth)``; V is a vector or half of one.
template <typename T, typename V, int kRows, int kWidth>
__attribute__((noinline)) void multiply_block(const T* const* a, int64_t depth, const T* panel,
                                              T* out) {
  constexpr int lanes = kLanes<T>;
  V sums[kRows][kWidth] = {};
  const T* row[kRows];
  for (int r = 0; r < kRows; ++r) row[r] = a[r];
  for (int64_t k = 0; k < depth; ++k, panel += kWidth * lanes)
    add_products<T, V, kRows, kWidth>([&](int r) { return row[r][k]; }, panel, sums);
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < kWidth; ++v)
      std::memcpy(out + (r * kWidth + v) * lanes, &sums[r][v], sizeof(V));
}

// out += transposed(a) * b, for a few columns of a, from `offset` on; or = if nothing is there yet.
template <typename T, typename V, int kRows, int kWidth>
__attribute__((noinline)) void accumulate_block(const T* const* a, int64_t offset, const T* b,
                                                int64_t count, T* out, bool fresh) {
  constexpr int lanes = kLanes<T>;
  V sums[kRows][kWidth] = {};
  for (int64_t n = 0; n < count; ++n, b += kWidth * lanes)
    add_products<T, V, kRows, kWidth>([&](int r) { return a[n][offset + r]; }, b, sums);
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 8
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

// Some rows of a matrix, which may lie anywhere.
template <typename T>
struct GivenRows {
  const T* const* rows;
  int64_t depth, count;

  GivenRows(const T* const* rows, int64_t depth, int64_t count, int64_t = 1)
      : rows(rows), depth(depth), count(count) {}
};

// For each panel of b and, within it, each block of rows of a, which may be shorter than b is deep:
// before(first, rows, panel), then function(first, rows, panel, product), which is ``(rows, width,
// lanes)``.
template <typename T, typename Before, typename Function>
void multiply_blocks(const GivenRows<T>& a, const Packed<T>& b, Before before, Function function) {
  alignas(64) T product[kRegisters * kLanes<T>];
  for (int64_t panel = 0; panel < b.columns.panels(); ++panel) {
    const int width = b.columns.width(panel);
    const bool half = b.columns.is_half(panel);
    if (half) std::memset(product, 0, sizeof(product));
    for_blocks(a.count, width, [&](int64_t first, int rows) {
      before(first, rows, panel);
      block_of<T>(rows, width, half).multiply(a.rows + first, a.depth, b.panel(panel), product);
      function(first, rows, panel, product);
    });
  }
}

// Adds transposed(a) * b to a panel of out, or puts it there if nothing is yet.
template <typename T>
void accumulate(const GivenRows<T>& a, Vectors<T> b, Packed<T>& out, int64_t panel) {
  // Each block of out reads all of b, whose rows lie far apart: they are brought together, as many
  // at a time as stay in the first cache. Of none, zeros are put there.
  constexpr int64_t kTogether = 96;
  const int width = out.columns.width(panel);
  const int64_t stride = width * kLanes<T>;
  const bool half = out.columns.is_half(panel);
  alignas(64) T together[kTogether * kMostWidth * kLanes<T>];
  for (int64_t begin = 0; begin == 0 || begin < a.count; begin += kTogether) {
    const int64_t some = a.count - begin < kTogether ? a.count - begin : kTogether;
    for (int64_t n = 0; n < some; ++n)
      for (int v = 0; v < width; ++v)
        store<T>(together + n * stride + v * kLanes<T>,
                 load<T>(b.begin + (begin + n) * b.stride + v * b.step));
    for_blocks(out.depth, width, [&](int64_t first, int rows) {
      block_of<T>(rows, width, half)
          .accumulate(a.rows + begin, first, together, some, out.panel(panel) + first * stride,
                      !out.filled && begin == 0);
    });
  }
}

}  // namespace structnn
