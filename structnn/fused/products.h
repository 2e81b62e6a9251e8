// Matrix products in small steps, so that an operator can work on each step while it is in cache.
//
// One factor is packed once into panels; of the other one only a few rows are needed at a time, and
// they may lie anywhere. Products are by the processor's vectors, or those of float32 by its matrix
// unit where the compiler may use one.
#pragma once

#include <type_traits>
#include <vector>

#include "matrix_unit.h"
#include "vector_products.h"

namespace structnn {

#ifdef STRUCTNN_MATRIX_UNIT
template <typename T>
constexpr bool kByMatrixUnit = std::is_same_v<T, float>;
using UnitWeights = SplitPanels;
using UnitRows = SplitRows;
#else
template <typename T>
constexpr bool kByMatrixUnit = false;
using UnitWeights = void;
using UnitRows = void;
#endif

// A block has at most so many rows.
constexpr int kMostRows = 16;

// The packed factor.
template <typename T>
using Weights = std::conditional_t<kByMatrixUnit<T>, UnitWeights, Packed<T>>;

// Some rows of the other factor of multiply.
template <typename T>
using Rows = std::conditional_t<kByMatrixUnit<T>, UnitRows, GivenRows<T>>;

// The same where a few rows at a time go through all weights, as states of a level or of a step do: by
// vectors, even if there is a matrix unit. To split rows takes longer than the unit saves, and weights
// that are half as large again may not stay in the second cache from one time to the next.
template <typename T>
using StateWeights = Packed<T>;
template <typename T>
using StateRows = GivenRows<T>;

// function(row, panel, product) for each panel of b and, within it, each row of a, which may be
// shorter than b is deep: product is ``(width, lanes)``. Of several functions the next one begins when some
// rows are through: what waits for a long chain of operations runs beside the chains of other rows. What
// it needs may be left in product.
template <typename A, typename B, typename... Functions>
void multiply(const A& a, const B& b, Functions... functions) {
  const auto of_rows = [&](auto& function) {
    return [&](int64_t first, int rows, int64_t panel, auto* product) {
      const int64_t stride = b.columns.width(panel) * b.columns.lanes;
      for (int row = 0; row < rows; ++row, product += stride) function(first + row, panel, product);
    };
  };
  multiply_blocks(a, b, [](int64_t, int, int64_t) {}, of_rows(functions)...);
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

// What is added to a matrix of gradients: transposed(a) * b; nothing if b has no rows.
template <typename T>
struct Sum {
  Matrix<T> a;
  const Weights<T>& b;
  Gradient<T>& to;

  int64_t parts() const { return b.depth > 0 ? to.parts() : 0; }
};

// Adds all sums, and does function(task) for each of some other tasks.
template <typename T, typename Function>
void add_sums(const std::vector<Sum<T>>& sums, int64_t tasks, int64_t threads, Function function) {
  int64_t parts = 0;
  for (const auto& sum : sums) parts += sum.parts();
  parallel_for(parts + tasks, threads, [&](int64_t index) {
    for (const auto& sum : sums) {
      if (index < sum.parts()) return accumulate(sum.a, sum.b, sum.to, index);
      index -= sum.parts();
    }
    function(index);
  });
  for (const auto& sum : sums) sum.to.filled |= sum.parts() > 0;
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
