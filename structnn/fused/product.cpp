// The time that a product takes, so that the fastest way of a processor can be chosen.
#include <chrono>

#include "products.h"

using namespace structnn;

namespace {

// Some words by the weights of an LSTM, which are packed before, as in a pass.
void multiply_once(const Number* x, const Number* w, int64_t rows, int64_t depth, int64_t hidden,
                   Number* out) {
  const Columns<Number> gates{4, hidden};
  Weights<Number> packed(gates, depth);
  packed.pack_transposed(w);
  const int64_t panel_size = 4 * kLanes<Number>;
  for_pieces(0, rows, 1, [&](int64_t begin, int64_t end) {
    const Number* words[kSome];
    for (int64_t row = begin; row < end; ++row) words[row - begin] = x + row * depth;
    multiply(Rows<Number>(words, depth, end - begin), packed,
             [&](int64_t row, int64_t panel, const Number* product) {
               std::memcpy(out + (begin + row) * gates.padded() + panel * panel_size, product,
                           panel_size * sizeof(Number));
             });
  });
}

// Numbers of all kinds of bits: zeros need little power, and a matrix unit multiplies them faster.
void fill(Number* numbers, int64_t count) {
  uint32_t state = 1;
  for (int64_t index = 0; index < count; ++index) {
    state = state * 1664525 + 1013904223;  // Numerical Recipes' generator
    numbers[index] = Number(state) / Number(int64_t(1) << 31) - 1;
  }
}

}  // namespace

extern "C" {

// Of ``(rows, depth)`` by ``(depth, 4 * hidden)``: the shortest of some times, in seconds.
double seconds(int64_t rows, int64_t depth, int64_t hidden, int64_t times) {
  using Clock = std::chrono::steady_clock;
  Buffer<Number> x(rows * depth), w(4 * hidden * depth), out(rows * Columns<Number>{4, hidden}.padded());
  fill(x.get(), rows * depth);
  fill(w.get(), 4 * hidden * depth);
  double shortest = 1e9;
  for (int64_t time = 0; time < times; ++time) {
    const auto start = Clock::now();
    multiply_once(x.get(), w.get(), rows, depth, hidden, out.get());
    shortest = std::min(shortest, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return shortest;
}
}
