// A gated recurrent unit over packed sentences, one layer in one direction, forward and backward. It
// begins with states of zeros.
//
// Words are in the order of a PackedSequence: the first words of all sentences, the longest sentence
// first, then the second words, and so on (for the other direction the last words come first). Kept
// for the backward pass, in whole vectors, one after the other:
//
//   kept  (words, 4, tiles, lanes): n, r, z, and what n gets from the state before
//
// Gates are in the order n, r, z for words and r, z, n for states, so that both lie side by side in
// the gradients, ``(n, r, z, n from the state)``.
#include <algorithm>

#include "products.h"

using namespace structnn;

namespace {

struct Gru {
  int64_t words, steps, batch, input, hidden, threads;
  const int64_t* begin;  // (steps + 1,): the first word of each step
  const int64_t* row;    // (words,): of each word in x and in h
  const void *x, *w, *b, *u, *b_n;
  void *kept, *h;
  // For the backward pass; what is null is not wanted.
  const void* d_h;
  void *d_x, *d_w, *d_b, *d_u, *d_b_n;
};

template <typename T>
class Chains {
 protected:
  static constexpr int64_t lanes = kLanes<T>;
  const Gru& in;
  const int64_t hidden, input;
  const Columns<T> gates, one;  // three of them side by side, or one vector of the units
  const int64_t tiles, padded;

  explicit Chains(const Gru& given)
      : in(given),
        hidden(given.hidden),
        input(given.input),
        gates{3, hidden},
        one{1, hidden},
        tiles(one.tiles()),
        padded(one.padded()) {}

  const T* x_of(int64_t word) const { return static_cast<const T*>(in.x) + in.row[word] * input; }
  T* h_of(int64_t word) const { return static_cast<T*>(in.h) + in.row[word] * hidden; }
  T* kept_of(int64_t word) const { return static_cast<T*>(in.kept) + word * 4 * padded; }
  int64_t units_of(int64_t tile) const { return hidden - tile * lanes; }

  // The state before a word of a step that isn't the first, and a tile of that of any word.
  const T* before(int64_t step, int64_t word) const {
    return h_of(in.begin[step - 1] + word - in.begin[step]);
  }
  Vector<T> before_tile(int64_t step, int64_t word, int64_t tile) const {
    if (step == 0) return Vector<T>{};
    return load_some<T>(before(step, word) + tile * lanes, units_of(tile));
  }

  // function(begin, end) for pieces of a range of words.
  template <typename Function>
  void for_pieces(int64_t begin, int64_t end, Function function) const {
    structnn::for_pieces(begin, end, in.threads, function);
  }
};

template <typename T>
class Forward : Chains<T> {
  using Chains<T>::in, Chains<T>::hidden, Chains<T>::lanes, Chains<T>::tiles, Chains<T>::padded;

  Buffer<T> b, b_n;  // (3, padded) and (padded,)

 public:
  explicit Forward(const Gru& given) : Chains<T>(given), b(3 * padded), b_n(padded) {
    b.fill_with_zeros();
    b_n.fill_with_zeros();
    for (int64_t gate = 0; gate < 3; ++gate)
      std::memcpy(b.get() + gate * padded, static_cast<const T*>(given.b) + gate * hidden,
                  hidden * sizeof(T));
    std::memcpy(b_n.get(), given.b_n, hidden * sizeof(T));
  }

  void run() {
    read_words();
    // The weights of states take the memory of the words' weights, which is in cache.
    Weights<T> u(this->gates, hidden);
    u.pack_transposed(static_cast<const T*>(in.u), in.threads);
    for (int64_t step = 0; step < in.steps; ++step)
      this->for_pieces(in.begin[step], in.begin[step + 1],
                       [&](int64_t begin, int64_t end) { advance(u, step, begin, end); });
  }

 private:
  void read_words() {
    Weights<T> w(this->gates, this->input);
    w.pack_transposed(static_cast<const T*>(in.w), in.threads);
    this->for_pieces(0, in.words, [&](int64_t begin, int64_t end) { project(w, begin, end); });
  }

  void project(const Weights<T>& w, int64_t begin, int64_t end) {
    const T* words[kSome];
    for (int64_t word = begin; word < end; ++word) words[word - begin] = this->x_of(word);
    multiply(Rows<T>(words, this->input, end - begin), w,
             [&](int64_t row, int64_t tile, const T* sum) {
               for (int gate = 0; gate < 3; ++gate, sum += lanes) {
                 const int64_t at = gate * padded + tile * lanes;
                 store<T>(this->kept_of(begin + row) + at, load<T>(sum) + load<T>(b.get() + at));
               }
             });
  }

  void advance(const Weights<T>& u, int64_t step, int64_t begin, int64_t end) {
    if (step == 0) {
      for (int64_t word = begin; word < end; ++word)
        for (int64_t tile = 0; tile < tiles; ++tile) {
          T nothing[3 * lanes] = {};
          compute_gates(word, tile, nothing);
          compute_state(step, word, tile, nothing);
        }
      return;
    }
    const T* states[kSome];
    for (int64_t word = begin; word < end; ++word) states[word - begin] = this->before(step, word);
    multiply(
        Rows<T>(states, hidden, end - begin), u,
        [&](int64_t row, int64_t tile, T* sum) { compute_gates(begin + row, tile, sum); },
        [&](int64_t row, int64_t tile, T* left) { compute_state(step, begin + row, tile, left); });
  }

  // A tile of a word's gates; `sum` is of the state before: r, z, n. In it the sum within n, and z, are
  // left.
  void compute_gates(int64_t word, int64_t tile, T* sum) {
    const int64_t at = tile * lanes;
    T* kept = this->kept_of(word) + at;
    const auto r = sigmoid<T>(load<T>(kept + padded) + load<T>(sum));
    const auto z = sigmoid<T>(load<T>(kept + 2 * padded) + load<T>(sum + lanes));
    const auto from_state = load<T>(sum + 2 * lanes) + load<T>(b_n.get() + at);
    store<T>(kept + padded, r);
    store<T>(kept + 2 * padded, z);
    store<T>(kept + 3 * padded, from_state);
    store<T>(sum, load<T>(kept) + r * from_state);
    store<T>(sum + lanes, z);
  }

  // A tile of its state, from what compute_gates has left.
  void compute_state(int64_t step, int64_t word, int64_t tile, const T* left) {
    const int64_t at = tile * lanes;
    const auto n = structnn::tanh<T>(load<T>(left));
    store<T>(this->kept_of(word) + at, n);
    const auto h = n + load<T>(left + lanes) * (this->before_tile(step, word, tile) - n);
    store_some<T>(this->h_of(word) + at, h, this->units_of(tile));
  }
};

// From the last words to the first. Gradients of the gates are kept for some words only, until they
// are used for those of the weights and of x.
template <typename T>
class Backward : Chains<T> {
  using Chains<T>::in, Chains<T>::hidden, Chains<T>::input;
  using Chains<T>::lanes, Chains<T>::tiles, Chains<T>::padded;

  const Columns<T> word_columns;
  const int64_t stride;
  Weights<T> w;
  StateWeights<T> u;
  Gradient<T> d_w, d_u;
  Buffer<T> carried;  // (batch, padded): of the state before, from the words behind
  Buffer<T> d_b;      // (4, padded)

  // Of the words at hand.
  int64_t at_hand = 0, with_before = 0;  // those with a state before them come first
  Buffer<int64_t> word_at;
  Buffer<const T*> before_at;
  Buffer<T> d_gates;  // (kSome, 4, hidden): n, r, z, n from the state

 public:
  explicit Backward(const Gru& given)
      : Chains<T>(given),
        word_columns{1, input},
        stride(4 * hidden),
        w(word_columns, 3 * hidden),
        u(this->one, 3 * hidden),
        d_w(given.d_w, 3 * hidden, input),
        d_u(given.d_u, 3 * hidden, hidden),
        carried(in.batch * padded),
        d_b(4 * padded),
        word_at(kSome),
        before_at(kSome),
        d_gates(kSome * stride + lanes) {  // the last vector of a row may reach beyond it
    if (in.d_x) w.pack_rows(Matrix<T>{static_cast<const T*>(given.w), input}, in.threads);
    u.pack_rows(Matrix<T>{static_cast<const T*>(given.u), hidden}, in.threads);
    carried.fill_with_zeros();
    d_b.fill_with_zeros();
  }

  void run() {
    for (int64_t step = in.steps - 1; step >= 0; --step)
      for (int64_t begin = in.begin[step], end; begin < in.begin[step + 1]; begin = end) {
        end = std::min(in.begin[step + 1], begin + kSome - at_hand);
        go_back(step, begin, end);
        if (at_hand == kSome) use_up();
      }
    if (at_hand) use_up();
    d_w.finish();
    d_u.finish();
    for (int64_t gate = 0; gate < 3 && in.d_b; ++gate)
      std::memcpy(static_cast<T*>(in.d_b) + gate * hidden, d_b.get() + gate * padded,
                  hidden * sizeof(T));
    if (in.d_b_n) std::memcpy(in.d_b_n, d_b.get() + 3 * padded, hidden * sizeof(T));
  }

 private:
  T* gates_at(int64_t index) const { return d_gates.get() + index * stride; }

  void go_back(int64_t step, int64_t begin, int64_t end) {
    const int64_t first = at_hand;
    for (int64_t word = begin; word < end; ++word) {
      word_at.get()[at_hand++] = word;
      if (step > 0) before_at.get()[with_before++] = this->before(step, word);
    }
    this->for_pieces(first, at_hand, [&](int64_t from, int64_t to) {
      const T* rows[kSome];
      for (int64_t index = from; index < to; ++index) {
        rows[index - from] = gates_at(index) + hidden;
        for (int64_t tile = 0; tile < tiles; ++tile) differentiate(step, index, tile);
      }
      if (step == 0) return;
      multiply_tiles(StateRows<T>(rows, 3 * hidden, to - from), u,
                     [&](int64_t row, int64_t tile, Vector<T> product) {
                       T* at = carried_of(step, word_at.get()[from + row]) + tile * lanes;
                       store<T>(at, load<T>(at) + product);
                     });
    });
  }

  T* carried_of(int64_t step, int64_t word) const {
    return carried.get() + (word - in.begin[step]) * padded;
  }

  void differentiate(int64_t step, int64_t index, int64_t tile) {
    const int64_t word = word_at.get()[index], at = tile * lanes, units = this->units_of(tile);
    const T* kept = this->kept_of(word) + at;
    const auto n = load<T>(kept), r = load<T>(kept + padded), z = load<T>(kept + 2 * padded);
    const T* given = static_cast<const T*>(in.d_h) + in.row[word] * hidden + at;
    T* carry = carried_of(step, word) + at;
    const auto d_h = load_some<T>(given, units) + load<T>(carry);
    const auto d_z = d_h * (this->before_tile(step, word, tile) - n) * z * (T(1) - z);
    const auto d_n = d_h * (T(1) - z) * (T(1) - n * n);
    const auto d_r = d_n * load<T>(kept + 3 * padded) * r * (T(1) - r);
    store<T>(carry, d_h * z);
    T* to = gates_at(index) + at;
    store_some<T>(to, d_n, units);
    store_some<T>(to + hidden, d_r, units);
    store_some<T>(to + 2 * hidden, d_z, units);
    store_some<T>(to + 3 * hidden, d_n * r, units);
  }

  void use_up() {
    const T *words_at[kSome], *rows[kSome];
    for (int64_t index = 0; index < at_hand; ++index) {
      words_at[index] = this->x_of(word_at.get()[index]);
      rows[index] = gates_at(index);
    }
    Weights<T> words(word_columns, in.d_w ? at_hand : 0);
    Weights<T> before(this->one, in.d_u ? with_before : 0);
    words.pack_rows([&](int64_t index) { return words_at[index]; }, in.threads);
    before.pack_rows([&](int64_t index) { return before_at.get()[index]; }, in.threads);
    const int64_t slices = in.d_x ? slices_of(at_hand, in.threads) : 0;
    const std::vector<Sum<T>> sums{{{gates_at(0), stride}, words, d_w},
                                   {{gates_at(0) + hidden, stride}, before, d_u}};
    add_sums(sums, tiles + slices, in.threads, [&](int64_t task) {
      if (task < tiles) {
        for (int64_t gate = 0; gate < 4; ++gate) add_rows(gate, task);
      } else {
        const int64_t slice = task - tiles, from = begin_of(slice, slices, at_hand);
        differentiate_words(rows + from, from, begin_of(slice + 1, slices, at_hand) - from);
      }
    });
    at_hand = with_before = 0;
  }

  void add_rows(int64_t gate, int64_t tile) {
    structnn::add_rows<T>(gates_at(0) + gate * hidden + tile * lanes, stride, at_hand,
                          d_b.get() + gate * padded + tile * lanes);
  }

  void differentiate_words(const T* const* rows, int64_t from, int64_t count) {
    multiply(Rows<T>(rows, 3 * hidden, count), w,
             [&](int64_t row, int64_t panel, const T* product) {
               const int64_t at = word_columns.first_tile(panel) * lanes;
               std::memcpy(
                   static_cast<T*>(in.d_x) + in.row[word_at.get()[from + row]] * input + at, product,
                   std::min(word_columns.width(panel) * lanes, input - at) * sizeof(T));
             });
  }
};

}  // namespace

extern "C" {

int forward(const Gru* given) { return run<Forward<Number>>(given); }
int backward(const Gru* given) { return run<Backward<Number>>(given); }

int vector_bytes() { return kVectorBytes; }
}
