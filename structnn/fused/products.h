// Matrix products in small steps, so that an operator can work on each step while it is in cache.
//
// One factor is packed once into panels; of the other one only a few rows are needed at a time, and
// they may lie anywhere. Products are by the processor's vectors, or those of float32 by its matrix
// unit where the compiler may use one.
#pragma once

#include <type_traits>

#include "matrix_unit.h"
#include "vector_products.h"

namespace structnn {

#ifdef STRUCTNN_MATRIX_UNIT
template <typename T>
constexpr bool kByMatrixUnit = std::is_same_v<T, float>;
using UnitWeights = SplitPanels;
using UnitRows = SplitRows;
using UnitTransposedRows = SplitTransposedRows;
#else
template <typename T>
constexpr bool kByMatrixUnit = false;
using UnitWeights = void;
using UnitRows = void;
using UnitTransposedRows = void;
#endif

// A block has at most so many rows.
constexpr int kMostRows = 16;

// The packed factor.
template <typename T>
using Weights = std::conditional_t<kByMatrixUnit<T>, UnitWeights, Packed<T>>;

// Some rows of the other factor of multiply; and of accumulate, which reads them transposed.
template <typename T>
using Rows = std::conditional_t<kByMatrixUnit<T>, UnitRows, GivenRows<T>>;
template <typename T>
using TransposedRows = std::conditional_t<kByMatrixUnit<T>, UnitTransposedRows, GivenRows<T>>;

// function(row, panel, product) for each panel of b and, within it, each row of a, which may be
// shorter than b is deep: product is ``(width, lanes)``.
template <typename A, typename B, typename Function>
void multiply(const A& a, const B& b, Function function) {
  multiply_blocks(
      a, b, [](int64_t, int, int64_t) {},
      [&](int64_t first, int rows, int64_t panel, const auto* product) {
        const int64_t stride = b.columns.width(panel) * b.columns.lanes;
        for (int row = 0; row < rows; ++row, product += stride)
          function(first + row, panel, product);
      });
}

// The same where columns are in one group: function(row, tile, sum) for each vector.
template <typename A, typename B, typename Function>
void multiply_tiles(const A& a, const B& b, Function function) {
  multiply(a, b, [&](int64_t row, int64_t panel, const auto* product) {
    for (int64_t tile = b.columns.first_tile(panel); tile < b.columns.first_tile(panel + 1);
         ++tile, product += b.columns.lanes)
      function(row, tile, load(product));
  });
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
