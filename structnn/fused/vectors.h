// Vectors as wide as the processor's, and the functions of a gate on them.
#pragma once

#include <cstdint>
#include <cstring>
#include <utility>

#ifdef __AVX512F__
#include <immintrin.h>
#endif

// For functions of some vectors, in registers. Left the choice, a compiler calls them in a large library,
// where the call takes longer than the function.
#define STRUCTNN_INLINE inline __attribute__((always_inline))

namespace structnn {

using Number = STRUCTNN_NUMBER;  // float or double, as whoever compiles it says

#ifdef __AVX512F__
constexpr int kVectorBytes = 64;
constexpr int kRegisters = 32;
#else
constexpr int kVectorBytes = 32;
constexpr int kRegisters = 16;
#endif

template <typename T>
struct Lanes;

template <>
struct Lanes<float> {
  typedef float Vector __attribute__((vector_size(kVectorBytes)));
  typedef float Half __attribute__((vector_size(kVectorBytes / 2)));
  typedef int32_t Bits __attribute__((vector_size(kVectorBytes)));
  static constexpr int kMantissa = 23;
  static constexpr int kTerms = 7;  // of the power series: the next one is below half an ulp
  static constexpr float kRounder = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  static constexpr float kLog2High = 0.693359375f, kLog2Low = -2.12194440e-4f;
  static constexpr float kLargest = 87.0f;
};

template <>
struct Lanes<double> {
  typedef double Vector __attribute__((vector_size(kVectorBytes)));
  typedef double Half __attribute__((vector_size(kVectorBytes / 2)));
  typedef int64_t Bits __attribute__((vector_size(kVectorBytes)));
  static constexpr int kMantissa = 52;
  static constexpr int kTerms = 13;
  static constexpr double kRounder = 6755399441055744.0;  // 1.5 * 2^52
  static constexpr double kLog2High = 0.693147180369123816490,
                          kLog2Low = 1.90821492927058770002e-10;
  static constexpr double kLargest = 708.0;
};

template <typename T>
using Vector = typename Lanes<T>::Vector;

template <typename T>
constexpr int kLanes = kVectorBytes / int(sizeof(T));

template <typename T>
STRUCTNN_INLINE Vector<T> load(const T* from) {
  Vector<T> value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

// Asks for a vector that will be loaded soon. It may begin in one line of the cache and end in the
// next one.
template <typename T>
inline void fetch(const T* vector) {
  __builtin_prefetch(vector);
  __builtin_prefetch(vector + kLanes<T> - 1);
}

template <typename T>
STRUCTNN_INLINE void store(T* to, Vector<T> value) {
  std::memcpy(to, &value, sizeof(value));
}

// The first `count` elements of fewer than a vector, without a call.
template <typename T>
inline void copy_some(T* to, const T* from, int64_t count) {
  if constexpr (kLanes<T> > 8)
    if (count & 8) std::memcpy(to, from, 8 * sizeof(T)), to += 8, from += 8;
  if constexpr (kLanes<T> > 4)
    if (count & 4) std::memcpy(to, from, 4 * sizeof(T)), to += 4, from += 4;
  if (count & 2) std::memcpy(to, from, 2 * sizeof(T)), to += 2, from += 2;
  if (count & 1) *to = *from;
}

#ifdef __AVX512F__
constexpr bool kMasks = true;
inline unsigned first_lanes(int64_t count) { return count > 0 ? (1u << count) - 1 : 0; }
inline Vector<float> mask_load(const float* from, int64_t count) {
  return _mm512_maskz_loadu_ps(__mmask16(first_lanes(count)), from);
}
inline Vector<double> mask_load(const double* from, int64_t count) {
  return _mm512_maskz_loadu_pd(__mmask8(first_lanes(count)), from);
}
inline void mask_store(float* to, Vector<float> value, int64_t count) {
  _mm512_mask_storeu_ps(to, __mmask16(first_lanes(count)), value);
}
inline void mask_store(double* to, Vector<double> value, int64_t count) {
  _mm512_mask_storeu_pd(to, __mmask8(first_lanes(count)), value);
}
#else
constexpr bool kMasks = false;
#endif

// No more than `count` elements, zeros behind them; none if that is negative.
template <typename T>
STRUCTNN_INLINE Vector<T> load_some(const T* from, int64_t count) {
  if (count >= kLanes<T>) return load<T>(from);
  if constexpr (kMasks) {
    return mask_load(from, count);
  } else {
    T value[kLanes<T>] = {};
    if (count > 0) copy_some(value, from, count);
    return load<T>(value);
  }
}

template <typename T>
STRUCTNN_INLINE void store_some(T* to, Vector<T> value, int64_t count) {
  if (count >= kLanes<T>) return store<T>(to, value);
  if constexpr (kMasks) {
    mask_store(to, value, count);
  } else {
    T stored[kLanes<T>];
    store<T>(stored, value);
    if (count > 0) copy_some(to, stored, count);
  }
}

// The elements of the lower (or upper) half of two vectors by turns.
template <typename T, bool kUpper, int... kLane>
STRUCTNN_INLINE Vector<T> interleave(Vector<T> a, Vector<T> b, std::integer_sequence<int, kLane...>) {
  constexpr int lanes = kLanes<T>;
#ifdef __clang__
  return __builtin_shufflevector(a, b, (kUpper * lanes / 2 + kLane / 2 + kLane % 2 * lanes)...);
#else
  constexpr
      typename Lanes<T>::Bits places = {(kUpper * lanes / 2 + kLane / 2 + kLane % 2 * lanes)...};
  return __builtin_shuffle(a, b, places);
#endif
}

// As many vectors as they have lanes, as the rows of a square matrix.
template <typename T>
STRUCTNN_INLINE void transpose(Vector<T>* square) {
  constexpr int lanes = kLanes<T>;
  const auto lane = std::make_integer_sequence<int, lanes>();
  for (int length = 1; length < lanes; length *= 2) {
    Vector<T> next[lanes];
    for (int i = 0; i < lanes / 2; ++i) {
      next[2 * i] = interleave<T, false>(square[i], square[i + lanes / 2], lane);
      next[2 * i + 1] = interleave<T, true>(square[i], square[i + lanes / 2], lane);
    }
    for (int i = 0; i < lanes; ++i) square[i] = next[i];
  }
}

// The same of some rows row(index) that are in memory, with so many columns; zeros are in place of others.
template <typename T, typename Row>
STRUCTNN_INLINE void load_transposed(Row row, int64_t rows, int64_t columns, Vector<T>* square) {
  constexpr int lanes = kLanes<T>;
#ifdef __AVX512F__
  // Quarters of four rows at a time side by side: half of the work is done by loading them.
  if constexpr (sizeof(T) == sizeof(float))
    if (rows >= lanes && columns >= lanes) {
      for (int quarter = 0; quarter < 4; ++quarter, square += 4) {
        const auto load_quarter = [&](int i) { return _mm_loadu_ps(row(i) + 4 * quarter); };
        __m512 from[4];
        for (int i = 0; i < 4; ++i) {
          from[i] = _mm512_castps128_ps512(load_quarter(i));
          from[i] = _mm512_insertf32x4(from[i], load_quarter(i + 4), 1);
          from[i] = _mm512_insertf32x4(from[i], load_quarter(i + 8), 2);
          from[i] = _mm512_insertf32x4(from[i], load_quarter(i + 12), 3);
        }
        const auto a = _mm512_unpacklo_ps(from[0], from[1]), b = _mm512_unpackhi_ps(from[0], from[1]);
        const auto c = _mm512_unpacklo_ps(from[2], from[3]), d = _mm512_unpackhi_ps(from[2], from[3]);
        square[0] = _mm512_shuffle_ps(a, c, 0x44);
        square[1] = _mm512_shuffle_ps(a, c, 0xEE);
        square[2] = _mm512_shuffle_ps(b, d, 0x44);
        square[3] = _mm512_shuffle_ps(b, d, 0xEE);
      }
      return;
    }
#endif
  for (int i = 0; i < lanes; ++i)
    square[i] = i < rows ? load_some<T>(row(i), columns) : Vector<T>{};
  transpose<T>(square);
}

// The power series' coefficients, highest first: 1/n!, ..., 1/2, 1.
template <typename T>
struct Series {
  T at[Lanes<T>::kTerms];
  constexpr Series() : at() {
    double factorial = 1;
    for (int n = 1; n <= Lanes<T>::kTerms; ++n) {
      factorial *= n;
      at[Lanes<T>::kTerms - n] = T(1 / factorial);
    }
  }
};

// exp(x) as scale * (1 + rest): x = n log 2 + r, scale = 2^n, rest = exp(r) - 1.
template <typename T>
STRUCTNN_INLINE void split_exp(Vector<T> x, Vector<T>& scale, Vector<T>& rest) {
  using L = Lanes<T>;
  constexpr Series<T> series;
  const Vector<T> largest = L::kLargest - Vector<T>{};
  x = x > largest ? largest : x;  // written so that NaN stays NaN
  x = x < -largest ? -largest : x;
  const Vector<T> shifted = x * T(1.4426950408889634) + L::kRounder;
  const Vector<T> n = shifted - L::kRounder;
  const Vector<T> r = (x - n * L::kLog2High) - n * L::kLog2Low;
  Vector<T> sum = series.at[0] - Vector<T>{};
  for (int term = 1; term < L::kTerms; ++term) sum = sum * r + series.at[term];
  rest = sum * r;
  const typename L::Bits one = (typename L::Bits)(T(1) - Vector<T>{});
  scale = (Vector<T>)(((typename L::Bits)shifted << L::kMantissa) + one);
}

template <typename T>
STRUCTNN_INLINE Vector<T> sigmoid(Vector<T> x) {
  Vector<T> scale, rest;
  split_exp<T>(-x, scale, rest);
  return T(1) / (T(1) + (scale * rest + scale));
}

// By exp(2x) - 1, which is as precise near zero as elsewhere.
template <typename T>
STRUCTNN_INLINE Vector<T> tanh(Vector<T> x) {
  Vector<T> scale, rest;
  const Vector<T> most = T(20) - Vector<T>{};  // tanh(20) is 1
  x = x > most ? most : x;
  split_exp<T>(x + x, scale, rest);
  const Vector<T> less_one = scale * rest + (scale - T(1));
  return less_one / (less_one + T(2));
}

}  // namespace structnn
