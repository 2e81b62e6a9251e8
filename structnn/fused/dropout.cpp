// Dropout, the same forward and backward.
#include <algorithm>

#include "draws.h"
#include "products.h"

using namespace structnn;

namespace {

struct Dropout {
  int64_t count, seed, threads;
  double rate;
  const void* given;  // (count,)
  void* dropped;
};

constexpr int64_t kRow = int64_t(1) << 14;

}  // namespace

extern "C" {

void drop(const Dropout* arguments) {
  const Dropout& in = *arguments;
  parallel_for(ceil_div(in.count, kRow), in.threads, [&](int64_t row) {
    const int64_t begin = row * kRow;
    drop<Number>(in.seed, in.rate, row, static_cast<const Number*>(in.given) + begin,
                 std::min(kRow, in.count - begin), static_cast<Number*>(in.dropped) + begin);
  });
}
}
