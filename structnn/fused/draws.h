// Dropout from one seed: what a number becomes depends on the seed, on its row and on its place there,
// so that a backward pass finds again what a forward pass dropped.
#pragma once

#include <algorithm>

#include "vectors.h"

namespace structnn {

typedef uint32_t Draws __attribute__((vector_size(kVectorBytes)));
constexpr int64_t kDraws = kVectorBytes / sizeof(uint32_t);

// Each bit of the result depends on all of them: the finalizer of MurmurHash3.
inline Draws mix(Draws bits) {
  bits = (bits ^ (bits >> 16)) * 0x85ebca6bu;
  bits = (bits ^ (bits >> 13)) * 0xc2b2ae35u;
  return bits ^ (bits >> 16);
}

// Copies some numbers of a row, zeros in place of those that are dropped, and the rest divided by the
// share of those that are not. A row has fewer than 2^32.
template <typename T>
void drop(int64_t seed, double rate, int64_t row, const T* from, int64_t count, T* to) {
  const T scale = T(1 / (1 - rate));
  const auto limit = uint32_t(rate * 4294967296.0);
  const Draws of_row = mix(Draws{} + uint32_t(seed) + uint32_t(row));
  Draws place;
  for (int lane = 0; lane < kDraws; ++lane) place[lane] = uint32_t(seed >> 32) + uint32_t(lane);
  for (int64_t first = 0; first < count; first += kDraws, place += uint32_t(kDraws)) {
    const Draws draws = mix(of_row ^ mix(place));
    if constexpr (kLanes<T> == kDraws) {
      const auto scaled = load_some<T>(from + first, count - first) * scale;
      store_some<T>(to + first, draws < limit ? Vector<T>{} : scaled, count - first);
    } else {
      const int64_t some = std::min(kDraws, count - first);
      for (int64_t lane = 0; lane < some; ++lane)
        to[first + lane] = draws[lane] < limit ? T(0) : from[first + lane] * scale;
    }
  }
}

}  // namespace structnn
