// Attention of all rows of a sentence to one another, in several heads, forward and backward.
//
// Queries, keys and values of a row lie side by side, ``(rows, 3, heads, width)``. Scores are computed
// for some queries at a time and not kept: the backward pass computes them again, from the logarithm of
// the sum of each row's exponentials.
#include <algorithm>
#include <cmath>
#include <limits>

#include "draws.h"
#include "products.h"

using namespace structnn;

namespace {

struct Attention {
  int64_t sentences, heads, width, longest, kinds, causal, seed, threads;
  double dropout;        // the rate
  const int64_t* ptr;    // (sentences + 1,): the first row of each
  const int32_t* kind;   // (sentences, longest, longest), of each query and key; below zero where the
                         // query does not see the key. Null: there are no kinds
  const void* bias;      // (kinds, heads): added to the scores of a kind
  const void* qkv;
  void *out, *log_sums;  // (rows, heads, width) and (rows, heads)
  // For the backward pass.
  const void* d_out;
  void *d_qkv, *d_bias;  // d_bias is (sentences, kinds, heads)
};

// Of a sentence in a head.
template <typename T>
class Head {
 protected:
  static constexpr int64_t lanes = kLanes<T>;
  const Attention& in;
  const int64_t sentence, head, first, length, stride;
  const Columns<T> keys_of, units;  // a column for each key, or for each unit of the head
  const T scale;
  Weights<T> keys;  // a column each
  Buffer<T> q, k, v, p;

  Head(const Attention& given, int64_t sentence, int64_t head)
      : in(given),
        sentence(sentence),
        head(head),
        first(given.ptr[sentence]),
        length(given.ptr[sentence + 1] - first),
        stride(ceil_div(length, lanes) * lanes),
        keys_of{1, length},
        units{1, given.width},
        scale(T(1) / std::sqrt(T(given.width))),
        keys(keys_of, given.width),
        q(length * in.width),
        k(length * in.width),
        v(length * in.width),
        p(kSome * stride) {
    const T* from = static_cast<const T*>(in.qkv) + head * in.width;
    const int64_t part = in.heads * in.width;
    bring(from, 3 * part, q.get());
    bring(from + part, 3 * part, k.get());
    bring(from + 2 * part, 3 * part, v.get());
    keys.pack_transposed(k.get());
  }

  void bring(const T* from, int64_t from_stride, T* to) const {
    for (int64_t row = 0; row < length; ++row)
      std::memcpy(to + row * in.width, from + (first + row) * from_stride, in.width * sizeof(T));
  }

  T* weights_of(int64_t index) const { return p.get() + index * stride; }
  T& log_sum_of(int64_t query) const {
    return static_cast<T*>(in.log_sums)[(first + query) * in.heads + head];
  }
  const int32_t* kinds_of(int64_t query) const {
    return in.kind + (sentence * in.longest + query) * in.longest;
  }
  // Where this head's part of a row begins, in tensors with so many parts a row.
  int64_t place_of(int64_t row, int64_t parts) const {
    return ((first + row) * parts * in.heads + head) * in.width;
  }

  // The scores of some queries, minus infinity for what is not seen.
  void score(int64_t begin, int64_t end) const {
    constexpr T none = -std::numeric_limits<T>::infinity();
    const T* queries[kSome];
    for (int64_t i = begin; i < end; ++i) queries[i - begin] = q.get() + i * in.width;
    multiply_tiles(Rows<T>(queries, in.width, end - begin), keys,
                   [&](int64_t row, int64_t tile, Vector<T> sum) {
                     store<T>(weights_of(row) + tile * lanes, sum * scale);
                   });
    for (int64_t i = begin; i < end; ++i) {
      T* scores = weights_of(i - begin);
      if (in.kind)
        for (int64_t j = 0; j < length; ++j) {
          const int32_t kind = kinds_of(i)[j];
          scores[j] =
              kind < 0 ? none : scores[j] + static_cast<const T*>(in.bias)[kind * in.heads + head];
        }
      std::fill(scores + (in.causal ? i + 1 : length), scores + stride, none);
    }
  }

  // exp(score - log_sum) for each key, and the sum of them.
  T exponentials(T* scores, T log_sum) const {
    constexpr T least = std::numeric_limits<T>::lowest();
    auto sum = Vector<T>{};
    for (int64_t j = 0; j < stride; j += lanes) {
      const auto score = load<T>(scores + j);
      Vector<T> power, rest;
      split_exp<T>(score - log_sum, power, rest);
      const auto exponential = score < least ? Vector<T>{} : power * rest + power;
      store<T>(scores + j, exponential);
      sum += exponential;
    }
    return total(sum);
  }

  static T total(Vector<T> vector) {
    T sum = 0;
    for (int64_t lane = 0; lane < lanes; ++lane) sum += vector[lane];
    return sum;
  }

  void drop(int64_t query, T* weights) const {
    if (in.dropout == 0) return;
    const int64_t row = (first + query) * in.heads + head;
    structnn::drop<T>(in.seed, in.dropout, row, weights, length, weights);
  }

  // function(begin, end) for some queries after the others.
  template <typename Function>
  void for_queries(Function function) const {
    for (int64_t begin = 0, end; begin < length; begin = end)
      function(begin, end = std::min(length, begin + kSome));
  }

  // weights * values of some queries, at their places in `to`.
  void multiply_weights(const Buffer<T>& weights, const Weights<T>& values, int64_t begin,
                        int64_t end, void* to, int64_t parts) const {
    const T* rows[kSome];
    for (int64_t i = begin; i < end; ++i) rows[i - begin] = weights.get() + (i - begin) * stride;
    multiply_tiles(Rows<T>(rows, length, end - begin), values,
                   [&](int64_t row, int64_t tile, Vector<T> sum) {
                     const int64_t at = tile * lanes;
                     store_some<T>(static_cast<T*>(to) + place_of(begin + row, parts) + at, sum,
                                   in.width - at);
                   });
  }
};

template <typename T>
class Forward : Head<T> {
  using Head<T>::in, Head<T>::length, Head<T>::stride, Head<T>::lanes;

 public:
  Forward(const Attention& given, int64_t sentence, int64_t head)
      : Head<T>(given, sentence, head) {}

  void run() {
    Weights<T> values(this->units, length);
    values.pack_rows(Matrix<T>{this->v.get(), in.width});
    this->for_queries([&](int64_t begin, int64_t end) {
      this->score(begin, end);
      for (int64_t i = begin; i < end; ++i) {
        T* weights = this->weights_of(i - begin);
        const T largest = *std::max_element(weights, weights + length);
        const T sum = this->exponentials(weights, largest);
        for (int64_t j = 0; j < stride; j += lanes)
          store<T>(weights + j, load<T>(weights + j) * (1 / sum));
        this->log_sum_of(i) = largest + std::log(sum);
        this->drop(i, weights);
      }
      this->multiply_weights(this->p, values, begin, end, in.out, 1);
    });
  }
};

template <typename T>
class Backward : Head<T> {
  using Head<T>::in, Head<T>::length, Head<T>::stride, Head<T>::lanes, Head<T>::head;

  Weights<T> values, key_rows;  // a column for each value; for each unit
  Gradient<T> d_k, d_v;
  Buffer<T> d_out, d_p, dropped;

 public:
  Backward(const Attention& given, int64_t sentence, int64_t head)
      : Head<T>(given, sentence, head),
        values(this->keys_of, given.width),
        key_rows(this->units, length),
        d_k(gradient_of_part(1)),
        d_v(gradient_of_part(2)),
        d_out(length * in.width),
        d_p(kSome * stride),
        dropped(kSome * stride) {}

  void run() {
    this->bring(static_cast<const T*>(in.d_out) + head * in.width, in.heads * in.width,
                d_out.get());
    values.pack_transposed(this->v.get());
    key_rows.pack_rows(Matrix<T>{this->k.get(), in.width});
    T* d_bias = static_cast<T*>(in.d_bias) + this->sentence * in.kinds * in.heads + head;
    for (int64_t kind = 0; kind < in.kinds; ++kind) d_bias[kind * in.heads] = 0;
    this->for_queries([&](int64_t begin, int64_t end) {
      this->score(begin, end);
      differentiate_weights(begin, end);
      for (int64_t i = begin; i < end; ++i) differentiate_scores(i, i - begin, d_bias);
      this->multiply_weights(d_p, key_rows, begin, end, in.d_qkv, 3);
      add(dropped, d_out, begin, end, d_v);
      add(d_p, this->q, begin, end, d_k);
    });
  }

 private:
  // Of this head's keys, the second part of a row of qkv, or of its values, the third one.
  Gradient<T> gradient_of_part(int64_t part) const {
    const int64_t width = in.heads * in.width;
    T* const begin = static_cast<T*>(in.d_qkv) + this->place_of(0, 3) + part * width;
    Gradient<T> gradient(begin, length, in.width);
    gradient.stride = 3 * width;
    return gradient;
  }

  // Of the weights behind dropout.
  void differentiate_weights(int64_t begin, int64_t end) {
    const T* rows[kSome];
    for (int64_t i = begin; i < end; ++i) rows[i - begin] = d_out.get() + i * in.width;
    multiply_tiles(Rows<T>(rows, in.width, end - begin), values,
                   [&](int64_t row, int64_t tile, Vector<T> sum) {
                     store<T>(d_p.get() + row * stride + tile * lanes, sum);
                   });
  }

  // A query's scores become its weights, and the gradients of its weights those of q * k.
  void differentiate_scores(int64_t query, int64_t index, T* d_bias) {
    T *weights = this->weights_of(index), *d = d_p.get() + index * stride;
    T* behind = dropped.get() + index * stride;
    this->exponentials(weights, this->log_sum_of(query));
    std::copy(weights, weights + stride, behind);
    this->drop(query, behind);
    auto sum = Vector<T>{};
    for (int64_t j = 0; j < stride; j += lanes) sum += load<T>(behind + j) * load<T>(d + j);
    const T mean = this->total(sum);
    this->drop(query, d);
    for (int64_t j = 0; j < stride; j += lanes)
      store<T>(d + j, load<T>(weights + j) * (load<T>(d + j) - mean));
    if (in.kind)
      for (int64_t j = 0; j < length; ++j) {
        const int32_t kind = this->kinds_of(query)[j];
        if (kind >= 0) d_bias[kind * in.heads] += d[j];
      }
    for (int64_t j = 0; j < stride; j += lanes) store<T>(d + j, load<T>(d + j) * this->scale);
  }

  // Adds transposed(weights) * rows of some queries.
  void add(const Buffer<T>& weights, const Buffer<T>& rows, int64_t begin, int64_t end,
           Gradient<T>& sums) const {
    Weights<T> factor(this->units, end - begin);
    factor.pack_rows(Matrix<T>{rows.get() + begin * in.width, in.width});
    for (int64_t part = 0; part < sums.parts(); ++part)
      accumulate(Matrix<T>{weights.get(), stride}, factor, sums, part);
    sums.filled = true;
  }
};

// A pass over all sentences and heads.
template <template <typename> class Pass>
class All {
  const Attention& in;

 public:
  explicit All(const Attention& given) : in(given) {}

  void run() {
    parallel_for(in.sentences * in.heads, in.threads, [&](int64_t task) {
      Pass<Number>(in, task / in.heads, task % in.heads).run();
    });
  }
};

}  // namespace

extern "C" {

int forward(const Attention* given) { return run<All<Forward>>(given); }
int backward(const Attention* given) { return run<All<Backward>>(given); }
}
