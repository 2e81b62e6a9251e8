// AdamW on the rows of a table that a batch reads, each row in one pass.
//
// What a row waits for, and why its updates can be paid at once, is told in
// tasks/training/deferred_adam.py, whose functions in PyTorch compute the same.
#include <cmath>
#include <cstdint>

namespace {

using Number = STRUCTNN_NUMBER;

struct Table {
  int64_t words, width, rows, now;   // rows: how many are meant; now: the step they are brought to
  Number *weights, *first, *second;  // (words, width): the table and its moments
  int64_t *paid, *seen;              // (words,): the step of a row, and that of its moments
  Number *faded, *owed;              // (words,): what is left of its quotient, and what it owes of it
  const int64_t* row;                // (rows,): their places in the table
  const Number* grad;                // (rows, width), for `step` alone
  double beta_1, beta_2, rate, kept, eps;
};

}  // namespace

extern "C" {

// Bring rows to where AdamW would have them now; any may be named more than once. Returns 0, and
// does nothing, if one is not in the table.
int catch_up(const Table* given) {
  const Table& t = *given;
  for (int64_t i = 0; i < t.rows; ++i)
    if (t.row[i] < 0 || t.row[i] >= t.words) return 0;
  const Number eps = Number(t.eps);
  for (int64_t i = 0; i < t.rows; ++i) {
    const int64_t row = t.row[i];
    if (t.paid[row] >= t.now) continue;
    const Number kept = Number(std::pow(t.kept, double(t.now - t.paid[row])));
    const Number owed = t.owed[row];
    Number* __restrict w = t.weights + row * t.width;
    const Number* __restrict m = t.first + row * t.width;
    const Number* __restrict v = t.second + row * t.width;
#pragma omp simd
    for (int64_t d = 0; d < t.width; ++d)
      w[d] = w[d] * kept - owed * (m[d] / (std::sqrt(v[d]) + eps));
    t.paid[row] = t.now;
    t.owed[row] = 0;
  }
  return 1;
}

// A step of rows that have a gradient, each named once, and caught up before.
void step(const Table* given) {
  const Table& t = *given;
  const Number kept = Number(t.kept), eps = Number(t.eps), rate = Number(t.rate);
  const Number new_1 = Number(1 - t.beta_1), new_2 = Number(1 - t.beta_2);
  for (int64_t i = 0; i < t.rows; ++i) {
    const int64_t row = t.row[i];
    const double waited = double(t.now - t.seen[row]);
    const Number old_1 = Number(std::pow(t.beta_1, waited));
    const Number old_2 = Number(std::pow(t.beta_2, waited));
    Number* __restrict w = t.weights + row * t.width;
    Number* __restrict m = t.first + row * t.width;
    Number* __restrict v = t.second + row * t.width;
    const Number* __restrict g = t.grad + i * t.width;
#pragma omp simd
    for (int64_t d = 0; d < t.width; ++d) {
      m[d] = m[d] * old_1 + new_1 * g[d];
      v[d] = v[d] * old_2 + new_2 * g[d] * g[d];
      w[d] = w[d] * kept - rate * (m[d] / (std::sqrt(v[d]) + eps));
    }
    t.paid[row] = t.seen[row] = t.now;
    t.faded[row] = 1;
    t.owed[row] = 0;
  }
}
}
