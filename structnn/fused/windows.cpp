// A convolution over windows of words with the ReLU behind it, forward and backward.
//
// Words lie in rows with zeros between sentences, so that a window is so many rows one after the other:
// its product with the weights needs no copy of it. Rows of x and of the gradients have free room for
// the widest window before the first word and behind the last.
#include <algorithm>

#include "products.h"

using namespace structnn;

namespace {

struct Windows {
  int64_t words, rows, width, left, input, maps, stride, threads;
  const int64_t* row;  // (words,): of each word among the rows
  const void* x;       // (rows, input)
  const void *w, *b;   // (maps, input, width) and (maps,)
  void* h;             // the maps of each word, `stride` apart
  // For the backward pass; what is null is not wanted.
  const void* d_h;  // as h
  void *d_x, *d_w, *d_b;  // (words, input), added to what is there; as w; as b
};

// What a map's weights are for each input at a place of the window.
template <typename T>
void copy_place(const Windows& in, int64_t map, int64_t place, T* to) {
  const T* from = static_cast<const T*>(in.w) + map * in.input * in.width + place;
  for (int64_t i = 0; i < in.input; ++i) to[i] = from[i * in.width];
}

template <typename T>
class Forward {
  const Windows& in;
  const Columns<T> columns;
  Weights<T> w;

 public:
  explicit Forward(const Windows& given)
      : in(given), columns{1, given.maps}, w(columns, given.width * given.input) {
    Buffer<T> rows(in.maps * w.depth);  // the weights in the order of a window's words
    for (int64_t map = 0; map < in.maps; ++map)
      for (int64_t place = 0; place < in.width; ++place)
        copy_place<T>(in, map, place, rows.get() + map * w.depth + place * in.input);
    w.pack_transposed(rows.get(), in.threads);
  }

  void run() {
    for_pieces(0, in.words, in.threads, [&](int64_t begin, int64_t end) {
      const T* windows[kSome];
      for (int64_t word = begin; word < end; ++word)
        windows[word - begin] =
            static_cast<const T*>(in.x) + (in.row[word] - in.left) * in.input;
      multiply_tiles(Rows<T>(windows, w.depth, end - begin), w,
                     [&](int64_t row, int64_t tile, Vector<T> sum) {
                       put(begin + row, tile * kLanes<T>, sum);
                     });
    });
  }

 private:
  void put(int64_t word, int64_t map, Vector<T> sum) {
    const int64_t count = in.maps - map;
    sum += load_some<T>(static_cast<const T*>(in.b) + map, count);
    sum = sum < T(0) ? Vector<T>{} : sum;  // written so that NaN stays NaN
    store_some<T>(static_cast<T*>(in.h) + word * in.stride + map, sum, count);
  }
};

template <typename T>
class Backward {
  const Windows& in;
  const Columns<T> inputs;
  Buffer<T> d_sums;  // (words, maps): before the ReLU; the last vector may reach beyond a row
  Buffer<T> apart;   // (rows, maps): the same with zeros between sentences

 public:
  explicit Backward(const Windows& given)
      : in(given),
        inputs{1, given.input},
        d_sums(given.words * given.maps + kLanes<T>),
        apart(given.d_x ? given.rows * given.maps : 0) {
    if (given.d_x) apart.fill_with_zeros();
  }

  void run() {
    for_pieces(0, in.words, in.threads,
               [&](int64_t begin, int64_t end) { differentiate_sums(begin, end); });
    if (in.d_b) differentiate_biases();
    if (in.d_w) differentiate_weights();
    if (in.d_x) differentiate_words();
  }

 private:
  void differentiate_sums(int64_t begin, int64_t end) {
    for (int64_t word = begin; word < end; ++word) {
      const T* h = static_cast<const T*>(in.h) + word * in.stride;
      const T* d_h = static_cast<const T*>(in.d_h) + word * in.stride;
      T* to = d_sums.get() + word * in.maps;
      for (int64_t map = 0; map < in.maps; map += kLanes<T>) {
        const int64_t count = in.maps - map;
        const auto given = load_some<T>(d_h + map, count);
        store_some<T>(to + map, load_some<T>(h + map, count) <= T(0) ? Vector<T>{} : given, count);
      }
      if (in.d_x) std::memcpy(apart.get() + in.row[word] * in.maps, to, in.maps * sizeof(T));
    }
  }

  void differentiate_biases() {
    T* d_b = static_cast<T*>(in.d_b);
    for (int64_t map = 0; map < in.maps; map += kLanes<T>) {
      T sum[kLanes<T>] = {};
      add_rows<T>(d_sums.get() + map, in.maps, in.words, sum);
      store_some<T>(d_b + map, load<T>(sum), in.maps - map);
    }
  }

  // Those of each place in the window by themselves: more pieces for threads.
  void differentiate_weights() {
    parallel_for(in.width, in.threads, [&](int64_t place) {
      Buffer<T> matrix(in.maps * in.input);
      Gradient<T> d_w(matrix.get(), in.maps, in.input);
      for (int64_t begin = 0, end; begin < in.words; begin = end, d_w.filled = true) {
        end = std::min(in.words, begin + kSome);
        Weights<T> words(inputs, end - begin);
        words.pack_rows([&](int64_t index) {
          return static_cast<const T*>(in.x) + (in.row[begin + index] - in.left + place) * in.input;
        });
        for (int64_t part = 0; part < d_w.parts(); ++part)
          accumulate(Matrix<T>{d_sums.get() + begin * in.maps, in.maps}, words, d_w, part);
      }
      d_w.finish();
      T* to = static_cast<T*>(in.d_w) + place;
      for (int64_t i = 0; i < in.maps * in.input; ++i) to[i * in.width] = matrix.get()[i];
    });
  }

  // The windows that a word is in are one after the other, too, from that which ends with it on.
  void differentiate_words() {
    const int64_t depth = in.width * in.maps;
    Buffer<T> rows(depth * in.input);
    for (int64_t place = 0; place < in.width; ++place)
      for (int64_t map = 0; map < in.maps; ++map)
        copy_place<T>(in, map, in.width - 1 - place,
                      rows.get() + (place * in.maps + map) * in.input);
    Weights<T> w(inputs, depth);
    w.pack_rows(Matrix<T>{rows.get(), in.input}, in.threads);
    for_pieces(0, in.words, in.threads, [&](int64_t begin, int64_t end) {
      const T* windows[kSome];
      for (int64_t word = begin; word < end; ++word)
        windows[word - begin] = apart.get() + (in.row[word] + in.left - in.width + 1) * in.maps;
      multiply_tiles(Rows<T>(windows, depth, end - begin), w,
                     [&](int64_t row, int64_t tile, Vector<T> sum) {
                       const int64_t at = tile * kLanes<T>, count = in.input - at;
                       T* to = static_cast<T*>(in.d_x) + (begin + row) * in.input + at;
                       store_some<T>(to, load_some<T>(to, count) + sum, count);
                     });
    });
  }
};

}  // namespace

extern "C" {

int forward(const Windows* given) { return run<Forward<Number>>(given); }
int backward(const Windows* given) { return run<Backward<Number>>(given); }
}
