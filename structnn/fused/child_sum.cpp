#include "vectors.h"

using namespace structnn;

namespace {

template <typename T, typename Function>
void map(const T* x, T* out, int64_t size, Function function) {
  constexpr int lanes = kLanes<T>;
  for (int64_t at = 0; at < size; at += lanes) {
    const int64_t count = size - at < lanes ? size - at : lanes;
    T value[lanes] = {};
    std::memcpy(value, x + at, count * sizeof(T));
    store<T>(value, function(load<T>(value)));
    std::memcpy(out + at, value, count * sizeof(T));
  }
}

}  // namespace

extern "C" {

void sigmoid_float(const float* x, float* out, int64_t size) { map(x, out, size, sigmoid<float>); }
void sigmoid_double(const double* x, double* out, int64_t size) { map(x, out, size, sigmoid<double>); }
void tanh_float(const float* x, float* out, int64_t size) { map(x, out, size, tanh<float>); }
void tanh_double(const double* x, double* out, int64_t size) { map(x, out, size, tanh<double>); }
}
