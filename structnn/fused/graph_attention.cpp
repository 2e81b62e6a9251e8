// Attention over the edges of a graph, forward and backward, for one layer of a graph network.
//
// Edges are grouped by target, and listed a second time by source, so that every sum over edges is
// taken where its result belongs and nothing is scattered. A vector of an edge depends on the edge's
// number alone (its kind, its relation), so there is a row for each number. Scores and weights are
// (edges, heads); vectors are (rows, heads * width).

#include <algorithm>
#include <cstdint>
#include <vector>

#include "vectors.h"

using namespace structnn;

extern "C" {

struct Attention {
  int64_t nodes, edges, heads, width, threads;
  const int64_t *source, *target, *number;  // of each edge
  const int64_t *incoming, *outgoing;       // where the edges of each node begin
  const int64_t* by_source;                 // edges in the order of their sources
  double slope;                             // of the leaky rectifier
  // What each layer makes of these is said below; the bias (heads * width), which may be null, is added
  // to the output. Gradients are those of the arrays they are named after, and d_edge, d_attention and
  // d_bias are added to; d_scores (edges, heads) and d_sums (edges, heads *
  // width) are room to work in.
  void *query, *key;
  const void *value, *edge, *attention, *bias;
  void *weights, *out;
  const void* d_out;
  void *d_scores, *d_sums, *d_query, *d_key, *d_value, *d_edge, *d_attention, *d_bias;
};
}

namespace {

constexpr int64_t kBlock = 64;  // nodes at a time; sums over all nodes don't depend on the threads

template <typename T>
T sum_of_lanes(Vector<T> value) {
  T some[kLanes<T>];
  store<T>(some, value);
  for (int half = kLanes<T> / 2; half > 0; half /= 2)
    for (int lane = 0; lane < half; ++lane) some[lane] += some[lane + half];
  return some[0];
}

template <typename T>
T dot(const T* a, const T* b, int64_t size) {
  Vector<T> sum = {};
  for (int64_t k = 0; k < size; k += kLanes<T>)
    sum += load_some(a + k, size - k) * load_some(b + k, size - k);
  return sum_of_lanes<T>(sum);
}

template <typename T>
void add_scaled(T* to, T scale, const T* from, int64_t size) {
  for (int64_t k = 0; k < size; k += kLanes<T>)
    store_some<T>(to + k, load_some(to + k, size - k) + scale * load_some(from + k, size - k), size - k);
}

template <typename T>
void add(T* to, const T* from, int64_t size) {
  add_scaled(to, T(1), from, size);
}

template <typename T>
void exp_all(T* values, int64_t size) {
  for (int64_t k = 0; k < size; k += kLanes<T>) {
    Vector<T> scale, rest;
    split_exp<T>(load_some(values + k, size - k), scale, rest);
    store_some<T>(values + k, scale * rest + scale, size - k);
  }
}

template <typename T>
struct Layer {
  const Attention& in;
  const int64_t heads, width, dim;
  const T slope;

  explicit Layer(const Attention& given)
      : in(given),
        heads(given.heads),
        width(given.width),
        dim(given.heads * given.width),
        slope(T(given.slope)) {}

  int64_t query_width() const { return dim; }  // and of a key
  static const T* at(const void* from, int64_t place) { return static_cast<const T*>(from) + place; }
  static T* at(void* from, int64_t place) { return static_cast<T*>(from) + place; }
  T steepness(T sum) const { return sum > 0 ? T(1) : slope; }
};

// Velickovic et al. (2018): value is W h, edge are scores (rows, heads), attention are two vectors. Key
// and query (rows, heads) are room for the scores that they give a node as source and as target.
template <typename T>
struct Gat : Layer<T> {
  using Layer<T>::Layer, Layer<T>::in, Layer<T>::heads, Layer<T>::width, Layer<T>::dim, Layer<T>::at;
  static constexpr bool edges_have_values = false, nodes_have_scores = true;
  static constexpr int64_t vectors = 2;

  int64_t query_width() const { return heads; }
  void to_scores(int64_t node) const {
    for (int64_t head = 0, from = 0; head < heads; ++head, from += width) {
      const T* value = at(in.value, node * dim + from);
      *at(in.key, node * heads + head) = dot(value, at(in.attention, from), width);
      *at(in.query, node * heads + head) = dot(value, at(in.attention, dim + from), width);
    }
  }
  void from_scores(int64_t node, T* d_attention) const {
    for (int64_t head = 0, from = 0; head < heads; ++head, from += width) {
      const T* value = at(in.value, node * dim + from);
      T* d_value = at(in.d_value, node * dim + from);
      const T d_key = *at(in.d_key, node * heads + head), d_query = *at(in.d_query, node * heads + head);
      add_scaled(d_value, d_key, at(in.attention, from), width);
      add_scaled(d_value, d_query, at(in.attention, dim + from), width);
      add_scaled(d_attention + from, d_key, value, width);
      add_scaled(d_attention + dim + from, d_query, value, width);
    }
  }
  T sum(int64_t edge, int64_t head) const {
    return *at(in.key, in.source[edge] * heads + head) + *at(in.query, in.target[edge] * heads + head) +
           *at(in.edge, in.number[edge] * heads + head);
  }
  void score(int64_t edge, T* scores) const {
    for (int64_t head = 0; head < heads; ++head) {
      const T z = sum(edge, head);
      scores[head] = z * this->steepness(z);
    }
  }
  void to_target(int64_t edge, T* d_scores, T*) const {
    T* d_query = at(in.d_query, in.target[edge] * heads);
    for (int64_t head = 0; head < heads; ++head) {
      d_scores[head] *= this->steepness(sum(edge, head));
      d_query[head] += d_scores[head];
    }
  }
  void to_source(int64_t edge, const T* d_scores) const {
    add(at(in.d_key, in.source[edge] * heads), d_scores, heads);
  }
  void to_number(int64_t edge, const T* d_scores) const {
    add(at(in.d_edge, in.number[edge] * heads), d_scores, heads);
  }
};

// Brody et al. (2022): value is W_s h and serves as key, query is W_t h, edge is W_e e.
template <typename T>
struct GatV2 : Layer<T> {
  using Layer<T>::Layer, Layer<T>::in, Layer<T>::heads, Layer<T>::width, Layer<T>::dim, Layer<T>::at;
  static constexpr bool edges_have_values = false, nodes_have_scores = false;
  static constexpr int64_t vectors = 1;

  // Of one head the sums before the rectifier, vector by vector.
  template <typename Function>
  void for_sums(int64_t edge, int64_t head, Function function) const {
    const T* key = at(in.value, in.source[edge] * dim + head * width);
    const T* query = at(in.query, in.target[edge] * dim + head * width);
    const T* own = at(in.edge, in.number[edge] * dim + head * width);
    const T* attention = at(in.attention, head * width);
    for (int64_t k = 0; k < width; k += kLanes<T>) {
      const int64_t left = width - k;
      function(head * width + k, left,
               load_some(key + k, left) + load_some(query + k, left) + load_some(own + k, left),
               load_some(attention + k, left));
    }
  }
  void score(int64_t edge, T* scores) const {
    for (int64_t head = 0; head < heads; ++head) {
      Vector<T> total = {};
      for_sums(edge, head, [&](int64_t, int64_t, Vector<T> z, Vector<T> attention) {
        total += attention * (z > 0 ? z : this->slope * z);
      });
      scores[head] = sum_of_lanes<T>(total);
    }
  }
  void to_target(int64_t edge, T* d_scores, T* d_attention) const {
    T *d_sums = at(in.d_sums, edge * dim), *d_query = at(in.d_query, in.target[edge] * dim);
    for (int64_t head = 0; head < heads; ++head) {
      const Vector<T> steep = d_scores[head] - Vector<T>{}, flat = steep * this->slope;
      for_sums(edge, head, [&](int64_t k, int64_t left, Vector<T> z, Vector<T> attention) {
        const Vector<T> d_rectified = z > 0 ? steep : flat, d_sum = d_rectified * attention;
        store_some<T>(d_sums + k, d_sum, left);
        store_some<T>(d_query + k, load_some(d_query + k, left) + d_sum, left);
        store_some<T>(d_attention + k, load_some(d_attention + k, left) + d_rectified * z, left);
      });
    }
  }
  void to_source(int64_t edge, const T*) const {
    add(at(in.d_value, in.source[edge] * dim), at(in.d_sums, edge * dim), dim);
  }
  void to_number(int64_t edge, const T*) const {
    add(at(in.d_edge, in.number[edge] * dim), at(in.d_sums, edge * dim), dim);
  }
};

// Shi et al. (2021): key, query and value are those of a Transformer, the query divided by the root of
// the width; an edge's vector is added to the key and to the value.
template <typename T>
struct Transformer : Layer<T> {
  using Layer<T>::Layer, Layer<T>::in, Layer<T>::heads, Layer<T>::width, Layer<T>::dim, Layer<T>::at;
  static constexpr bool edges_have_values = true, nodes_have_scores = false;
  static constexpr int64_t vectors = 0;

  void score(int64_t edge, T* scores) const {
    const T *key = at(in.key, in.source[edge] * dim), *query = at(in.query, in.target[edge] * dim);
    const T* own = at(in.edge, in.number[edge] * dim);
    for (int64_t head = 0, from = 0; head < heads; ++head, from += width)
      scores[head] = dot(query + from, key + from, width) + dot(query + from, own + from, width);
  }
  void to_target(int64_t edge, T* d_scores, T*) const {
    const T *key = at(in.key, in.source[edge] * dim), *own = at(in.edge, in.number[edge] * dim);
    T* d_query = at(in.d_query, in.target[edge] * dim);
    for (int64_t head = 0, from = 0; head < heads; ++head, from += width) {
      add_scaled(d_query + from, d_scores[head], key + from, width);
      add_scaled(d_query + from, d_scores[head], own + from, width);
    }
  }
  void to_query(int64_t edge, const T* d_scores, T* to) const {
    const T* query = at(in.query, in.target[edge] * dim);
    for (int64_t head = 0, from = 0; head < heads; ++head, from += width)
      add_scaled(to + from, d_scores[head], query + from, width);
  }
  void to_source(int64_t edge, const T* d_scores) const {
    to_query(edge, d_scores, at(in.d_key, in.source[edge] * dim));
  }
  void to_number(int64_t edge, const T* d_scores) const {
    to_query(edge, d_scores, at(in.d_edge, in.number[edge] * dim));
  }
};

template <typename Function>
void for_blocks(const Attention& in, Function function) {
  const int64_t blocks = (in.nodes + kBlock - 1) / kBlock;
#pragma omp parallel for schedule(static) num_threads(int(in.threads)) if (in.threads > 1)
  for (int64_t block = 0; block < blocks; ++block)
    function(block, block * kBlock, std::min(in.nodes, (block + 1) * kBlock));
}

template <typename T, template <typename> class Kind>
class Passes {
  const Attention& in;
  const Kind<T> layer;
  const int64_t heads, width, dim;

  T* weights_of(int64_t edge) const { return static_cast<T*>(in.weights) + edge * heads; }
  T* d_scores_of(int64_t edge) const { return static_cast<T*>(in.d_scores) + edge * heads; }
  const T* value_of(int64_t edge) const {
    return static_cast<const T*>(in.value) + in.source[edge] * dim;
  }
  const T* own_value_of(int64_t edge) const {
    return static_cast<const T*>(in.edge) + in.number[edge] * dim;
  }
  const T* d_out_of(int64_t node) const { return static_cast<const T*>(in.d_out) + node * dim; }

 public:
  explicit Passes(const Attention& given)
      : in(given), layer(given), heads(layer.heads), width(layer.width), dim(layer.dim) {}

  void forward() const {
    if constexpr (Kind<T>::nodes_have_scores)
      for_blocks(in, [this](int64_t, int64_t begin, int64_t end) {
        for (int64_t node = begin; node < end; ++node) layer.to_scores(node);
      });
    for_blocks(in, [this](int64_t, int64_t begin, int64_t end) {
      for (int64_t node = begin; node < end; ++node) shift_scores(node);
      const int64_t first = in.incoming[begin], last = in.incoming[end];
      exp_all(weights_of(first), (last - first) * heads);
      for (int64_t node = begin; node < end; ++node) average(node);
    });
  }

  void backward() const {
    const int64_t blocks = (in.nodes + kBlock - 1) / kBlock, vectors = Kind<T>::vectors * dim;
    std::vector<T> d_attention(blocks * vectors), d_bias(in.bias ? blocks * dim : 0);
    const auto d_attention_of = [&](int64_t block) { return d_attention.data() + block * vectors; };
    for_blocks(in, [&](int64_t block, int64_t begin, int64_t end) {
      std::vector<T> sums(heads);
      clear(in.d_query, begin, end, layer.query_width());
      for (int64_t node = begin; node < end; ++node) {
        to_target(node, sums.data(), d_attention_of(block));
        if (in.bias) add(d_bias.data() + block * dim, d_out_of(node), dim);
      }
    });
    // The sums over all edges are one thread's, while others take blocks of nodes.
#pragma omp parallel for schedule(dynamic) num_threads(int(in.threads)) if (in.threads > 1)
    for (int64_t task = 0; task <= blocks; ++task) {
      if (task == 0) {
        to_numbers();
        continue;
      }
      const int64_t begin = (task - 1) * kBlock, end = std::min(in.nodes, task * kBlock);
      to_sources(begin, end);
      if constexpr (Kind<T>::nodes_have_scores)
        for (int64_t node = begin; node < end; ++node)
          layer.from_scores(node, d_attention_of(task - 1));
    }
    for (int64_t block = 0; block < blocks; ++block) {
      add(static_cast<T*>(in.d_attention), d_attention_of(block), vectors);
      if (in.bias) add(static_cast<T*>(in.d_bias), d_bias.data() + block * dim, dim);
    }
  }

 private:
  // Scores less the largest one of their head, in the place of the weights.
  void shift_scores(int64_t node) const {
    const int64_t first = in.incoming[node], last = in.incoming[node + 1];
    for (int64_t edge = first; edge < last; ++edge) layer.score(edge, weights_of(edge));
    for (int64_t head = 0; head < heads && first < last; ++head) {
      T highest = weights_of(first)[head];
      for (int64_t edge = first + 1; edge < last; ++edge)
        highest = std::max(highest, weights_of(edge)[head]);
      for (int64_t edge = first; edge < last; ++edge) weights_of(edge)[head] -= highest;
    }
  }

  void average(int64_t node) const {
    const int64_t first = in.incoming[node], last = in.incoming[node + 1];
    for (int64_t head = 0; head < heads; ++head) {
      T total = 0;
      for (int64_t edge = first; edge < last; ++edge) total += weights_of(edge)[head];
      for (int64_t edge = first; edge < last; ++edge) weights_of(edge)[head] /= total;
    }
    T* out = static_cast<T*>(in.out) + node * dim;
    if (in.bias)
      std::copy_n(static_cast<const T*>(in.bias), dim, out);
    else
      std::fill_n(out, dim, T(0));
    for (int64_t edge = first; edge < last; ++edge) {
      add_weighted(out, edge, value_of(edge));
      if (Kind<T>::edges_have_values) add_weighted(out, edge, own_value_of(edge));
    }
  }

  void add_weighted(T* to, int64_t edge, const T* value) const {
    for (int64_t head = 0, from = 0; head < heads; ++head, from += width)
      add_scaled(to + from, weights_of(edge)[head], value + from, width);
  }

  // Through the softmax to the scores, and from there to the target's query.
  void to_target(int64_t node, T* sums, T* d_attention) const {
    const int64_t first = in.incoming[node], last = in.incoming[node + 1];
    const T* d_out = d_out_of(node);
    std::fill(sums, sums + heads, T(0));
    for (int64_t edge = first; edge < last; ++edge)
      for (int64_t head = 0, from = 0; head < heads; ++head, from += width) {
        T d_weight = dot(d_out + from, value_of(edge) + from, width);
        if (Kind<T>::edges_have_values)
          d_weight += dot(d_out + from, own_value_of(edge) + from, width);
        d_scores_of(edge)[head] = d_weight;
        sums[head] += weights_of(edge)[head] * d_weight;
      }
    for (int64_t edge = first; edge < last; ++edge) {
      for (int64_t head = 0; head < heads; ++head)
        d_scores_of(edge)[head] = weights_of(edge)[head] * (d_scores_of(edge)[head] - sums[head]);
      layer.to_target(edge, d_scores_of(edge), d_attention);
    }
  }

  void to_sources(int64_t begin, int64_t end) const {
    clear(in.d_value, begin, end, dim);
    clear(in.d_key, begin, end, layer.query_width());
    for (int64_t place = in.outgoing[begin]; place < in.outgoing[end]; ++place) {
      const int64_t edge = in.by_source[place];
      add_weighted(static_cast<T*>(in.d_value) + in.source[edge] * dim, edge,
                   d_out_of(in.target[edge]));
      layer.to_source(edge, d_scores_of(edge));
    }
  }

  void to_numbers() const {
    for (int64_t edge = 0; edge < in.edges; ++edge) {
      layer.to_number(edge, d_scores_of(edge));
      if (Kind<T>::edges_have_values)
        add_weighted(static_cast<T*>(in.d_edge) + in.number[edge] * dim, edge,
                     d_out_of(in.target[edge]));
    }
  }

  // Rows of gradients that sums begin with.
  static void clear(void* rows, int64_t begin, int64_t end, int64_t size) {
    if (rows) std::fill(static_cast<T*>(rows) + begin * size, static_cast<T*>(rows) + end * size, T(0));
  }
};

}  // namespace

#define STRUCTNN_LAYER(name, Kind)                                                          \
  void name##_forward(const Attention* given) { Passes<Number, Kind>(*given).forward(); }   \
  void name##_backward(const Attention* given) { Passes<Number, Kind>(*given).backward(); }

extern "C" {
STRUCTNN_LAYER(gat, Gat)
STRUCTNN_LAYER(gatv2, GatV2)
STRUCTNN_LAYER(transformer, Transformer)
}
