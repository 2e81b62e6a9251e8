// Matrices of gradients, in the order of the rows in which whoever wants them reads them.
#pragma once

#include "work.h"

namespace structnn {

// So many rows of a matrix of gradients are one piece of work.
constexpr int64_t kPart = 32;

// A matrix that sums are added to, some rows at a time; null where nobody wants it.
template <typename T>
struct Gradient {
  T* data;
  int64_t rows, columns, stride;  // from one row to the next
  bool filled = false;  // whether anything is there yet: the first sums are not added to what was

  // The rows of a whole matrix from `first` on.
  Gradient(void* matrix, int64_t rows, int64_t columns, int64_t first = 0)
      : data(matrix ? static_cast<T*>(matrix) + first * columns : nullptr),
        rows(rows),
        columns(columns),
        stride(columns) {}

  int64_t parts() const { return data ? ceil_div(rows, kPart) : 0; }
  int64_t rows_of(int64_t part) const { return std::min(kPart, rows - part * kPart); }
  T* row(int64_t index) const { return data + index * stride; }

  // Of what nothing was added to: zeros.
  void finish() const {
    for (int64_t index = 0; data && !filled && index < rows; ++index)
      std::memset(row(index), 0, columns * sizeof(T));
  }
};

// The rows of a matrix.
template <typename T>
struct Matrix {
  const T* begin;
  int64_t stride;

  const T* operator()(int64_t row) const { return begin + row * stride; }
};

}  // namespace structnn
