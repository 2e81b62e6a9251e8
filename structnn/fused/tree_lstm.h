// What the Tree-LSTMs share: trees, words and cells, forward and backward.
//
// Nodes are in the order of structnn.Schedule: by height, leaves first. Some nodes at a time are
// taken through all that concerns them while it is in cache: products, gates, states. A tile is as
// many hidden units as a vector has lanes; units that fill up the last tile have no weights, so
// that all that follows from them stays harmless. Kept for the backward pass, in whole vectors, one
// after the other:
//
//   cells  (nodes, tiles, lanes)
//   gates  (nodes, 3, tiles, lanes): i, o and u
//
// Where there is none, gates are kept of the inner nodes alone.
#pragma once

#include <algorithm>

#include "products.h"

namespace structnn {

// What an operator is given, before what it needs besides. The trees are as in structnn.Schedule;
// `parent` is `nodes` for a root.
struct TreeLstm {
  int64_t nodes, leaves, levels, words, input, hidden, threads, differentiable;
  const int64_t *level_ptr, *parent, *child, *child_ptr;
  const int64_t* row;  // of each node in h, and in x if it is one of the first `words`
  const void *x, *w, *b;
  void *kept, *forgets, *h;
  // For the backward pass; what is null is not wanted.
  const void* d_h;
  void *d_x, *d_w, *d_b;
};

// The trees with everything that forward and backward both need.
template <typename T, typename Given>
class Trees {
 protected:
  using Element = T;
  using Arguments = Given;
  static constexpr int64_t lanes = kLanes<T>;
  const Given& in;
  const int64_t nodes, leaves, hidden, input;
  const Columns<T> iou, one;  // gates of a node side by side, or one vector of the hidden units
  const int64_t tiles, padded;

  explicit Trees(const Given& given)
      : in(given),
        nodes(given.nodes),
        leaves(given.leaves),
        hidden(given.hidden),
        input(given.input),
        iou{3, hidden},
        one{1, hidden},
        tiles(one.tiles()),
        padded(one.padded()) {}

  bool is_root(int64_t node) const { return in.parent[node] == nodes; }
  bool has_word(int64_t node) const { return node < in.words; }
  const T* x_of(int64_t node) const { return static_cast<const T*>(in.x) + in.row[node] * input; }
  T* h_of(int64_t node) const { return static_cast<T*>(in.h) + in.row[node] * hidden; }
  T* cell_of(int64_t node) const { return static_cast<T*>(in.kept) + node * padded; }
  T* gates_of(int64_t node) const {
    return cell_of(nodes + 3 * (in.differentiable ? node : node - leaves));
  }
  int64_t units_of(int64_t tile) const { return hidden - tile * lanes; }

  // The sum over the children of an inner node: of function(edge), the child being in.child[edge].
  template <typename Function>
  Vector<T> sum_edges(int64_t node, Function function) const {
    Vector<T> sum = {};
    for (int64_t edge = in.child_ptr[node - leaves]; edge < in.child_ptr[node - leaves + 1]; ++edge)
      sum += function(edge);
    return sum;
  }

  // function(begin, end) for pieces of a range of nodes.
  template <typename Function>
  void for_pieces(int64_t begin, int64_t end, Function function) const {
    structnn::for_pieces(begin, end, in.threads, function);
  }
};

template <typename Trees>
class ForwardPass : protected Trees {
 protected:
  using T = typename Trees::Element;
  using Trees::in, Trees::leaves, Trees::hidden, Trees::input;
  using Trees::lanes, Trees::tiles, Trees::iou, Trees::one, Trees::padded;

  struct WordWeights {
    Weights<T> iou, f;

    explicit WordWeights(const ForwardPass& pass) : iou(pass.iou, pass.input), f(pass.one, pass.input) {
      const T* w = static_cast<const T*>(pass.in.w);
      iou.pack_transposed(w, pass.in.threads);
      f.pack_transposed(w + 3 * pass.hidden * pass.input, pass.in.threads);
    }
  };

  Buffer<T> b;  // (4 * padded,)

  explicit ForwardPass(const typename Trees::Arguments& given) : Trees(given), b(4 * padded) {
    b.fill_with_zeros();
    for (int64_t gate = 0; gate < 4; ++gate)
      std::memcpy(b.get() + gate * padded, static_cast<const T*>(given.b) + gate * hidden,
                  hidden * sizeof(T));
  }

  // All that nodes get from their words: leaves their states, inner nodes of gates i, o and u the sums
  // until the children are added, and what the children's forget gates begin with, begin_forgets(node,
  // tile, sum). The weights of words are gone then: those of states take their memory, which is in cache.
  template <typename Function>
  void read_words(Function begin_forgets) {
    const WordWeights w(*this);
    project_inner(w, begin_forgets);
    this->for_pieces(0, leaves, [&](int64_t begin, int64_t end) { compute_leaves(w, begin, end); });
  }

  template <typename Function>
  void project_inner(const WordWeights& w, Function begin_forgets) {
    this->for_pieces(leaves, std::max(leaves, in.words), [&](int64_t begin, int64_t end) {
      const T* words[kSome];
      for (int64_t node = begin; node < end; ++node) words[node - begin] = this->x_of(node);
      const Rows<T> rows(words, input, end - begin);
      multiply(rows, w.iou, [&](int64_t row, int64_t tile, const T* sum) {
        for (int gate = 0; gate < 3; ++gate, sum += lanes) {
          const int64_t at = gate * padded + tile * lanes;
          store<T>(this->gates_of(begin + row) + at, load<T>(sum) + load<T>(b.get() + at));
        }
      });
      multiply_tiles(rows, w.f, [&](int64_t row, int64_t tile, Vector<T> sum) {
        begin_forgets(begin + row, tile, sum + load<T>(b.get() + 3 * padded + tile * lanes));
      });
    });
  }

  void compute_leaves(const WordWeights& w, int64_t begin, int64_t end) {
    const int64_t worded = std::max(begin, std::min(end, in.words));
    const T* words[kSome];
    for (int64_t node = begin; node < worded; ++node) words[node - begin] = this->x_of(node);
    compute_states(Rows<T>(words, input, worded - begin), w.iou, begin,
                   [&](int64_t node, int64_t tile, T* sum) {
                     compute_cell(node, tile, sum, b.get(), Vector<T>{});
                   });
    for (int64_t node = worded; node < end; ++node)
      for (int64_t tile = 0; tile < tiles; ++tile) {
        T nothing[3 * lanes] = {};
        compute_cell(node, tile, nothing, b.get(), Vector<T>{});
        compute_state(node, tile, nothing);
      }
  }

  // The states of the nodes from `begin` on, a row for each; cell(node, tile, sum) computes a cell.
  template <typename States, typename U, typename Cell>
  void compute_states(const States& rows, const U& weights, int64_t begin, Cell cell) {
    multiply(
        rows, weights, [&](int64_t row, int64_t tile, T* sum) { cell(begin + row, tile, sum); },
        [&](int64_t row, int64_t tile, T* left) { compute_state(begin + row, tile, left); });
  }

  // The gates i, o and u, and the cell. The gates' sums are in two parts: a block ``(3, lanes)``, and a
  // row of all units. What is left of the children's cells comes third. In the block the cell and gate
  // o are left.
  void compute_cell(int64_t node, int64_t tile, T* block, const T* row, Vector<T> remembered) {
    const int64_t at = tile * lanes;
    const auto i = sigmoid<T>(load<T>(block) + load<T>(row + at));
    const auto o = sigmoid<T>(load<T>(block + lanes) + load<T>(row + padded + at));
    const auto u = structnn::tanh<T>(load<T>(block + 2 * lanes) + load<T>(row + 2 * padded + at));
    const auto c = i * u + remembered;
    if (in.differentiable) {
      T* gate = this->gates_of(node) + at;
      store<T>(gate, i);
      store<T>(gate + padded, o);
      store<T>(gate + 2 * padded, u);
    }
    store<T>(this->cell_of(node) + at, c);
    store<T>(block, c);
    store<T>(block + lanes, o);
  }

  // The state, from what compute_cell has left.
  void compute_state(int64_t node, int64_t tile, const T* left) {
    const auto h = load<T>(left + lanes) * structnn::tanh<T>(load<T>(left));
    store_some<T>(this->h_of(node) + tile * lanes, h, this->units_of(tile));
  }
};

// Gradients of the gates' sums are kept for some nodes only, until they are used for those of the
// weights and of the words.
template <typename Trees>
class BackwardPass : protected Trees {
 protected:
  using T = typename Trees::Element;
  using Trees::in, Trees::leaves, Trees::hidden, Trees::input;
  using Trees::lanes, Trees::tiles, Trees::one, Trees::padded;

  const Columns<T> word;
  Weights<T> w;
  Gradient<T> d_w_iou, d_w_f;
  Buffer<T> d_b;  // (4, padded)

  // Of the nodes at hand, of which those without a word come first.
  int64_t at_hand = 0, wordless = 0;
  Buffer<int64_t> node_at;
  const int64_t own, stride;
  // (kSome, stride): `own` sums of the operator's, then those of gates i, o and u, and at inner
  // nodes what their children's forget gates begin with.
  Buffer<T> d_sums;

  BackwardPass(const typename Trees::Arguments& given, int64_t own)
      : Trees(given),
        word{1, input},
        w(word, 4 * hidden),
        d_w_iou(given.d_w, 3 * hidden, input),
        d_w_f(given.d_w, hidden, input, 3 * hidden),
        d_b(4 * padded),
        node_at(kSome),
        own(own),
        stride(own + 4 * hidden),
        d_sums(kSome * stride + lanes) {  // the last vector of a row may reach beyond it
    if (in.d_x) w.pack_rows(Matrix<T>{static_cast<const T*>(given.w), input}, in.threads);
    d_b.fill_with_zeros();
  }

  T* d_sums_at(int64_t index) const { return d_sums.get() + index * stride; }
  T* d_gates_at(int64_t index) const { return d_sums_at(index) + own; }

  void take(int64_t node) {
    node_at.get()[at_hand++] = node;
    wordless += !this->has_word(node);
  }

  // visit(begin, end, inner) for as many nodes of a level as can be taken, and use_up(inner) for
  // those at hand, all of them inner nodes or all leaves. From the roots to the leaves:
  template <typename Visit, typename UseUp>
  void walk_down(Visit visit, UseUp use_up) {
    for (int64_t level = in.levels - 1; level > 0; --level) walk(level, visit, use_up);
    if (at_hand) use_up(true);
    walk(0, visit, use_up);
    if (at_hand) use_up(false);
    hand_over();
  }

  // And from the leaves to the roots.
  template <typename Visit, typename UseUp>
  void walk_up(Visit visit, UseUp use_up) {
    walk(0, visit, use_up);
    if (at_hand) use_up(false);
    for (int64_t level = 1; level < in.levels; ++level) walk(level, visit, use_up);
    if (at_hand) use_up(true);
    hand_over();
  }

  // The gradients of gates i, o and u, and the cell's, from those parts of the state's and of the
  // cell's that the parent passed on.
  Vector<T> differentiate_state(int64_t index, int64_t tile, Vector<T> d_h, Vector<T> d_c) {
    const int64_t node = node_at.get()[index], at = tile * lanes, units = this->units_of(tile);
    d_h += load_some<T>(static_cast<const T*>(in.d_h) + in.row[node] * hidden + at, units);
    const T* gate = this->gates_of(node) + at;
    const auto i = load<T>(gate), o = load<T>(gate + padded), u = load<T>(gate + 2 * padded);
    const auto tanh_c = structnn::tanh<T>(load<T>(this->cell_of(node) + at));
    d_c += d_h * o * (T(1) - tanh_c * tanh_c);
    T* to = d_gates_at(index) + at;
    store_some<T>(to, d_c * u * i * (T(1) - i), units);
    store_some<T>(to + hidden, d_h * tanh_c * o * (T(1) - o), units);
    store_some<T>(to + 2 * hidden, d_c * i * (T(1) - u * u), units);
    return d_c;
  }

  // What the nodes at hand add to the gradients, besides the operator's own sums.
  void use_up(bool inner, std::vector<Sum<T>> sums) {
    const int64_t gates = inner ? 4 : 3, worded = at_hand - wordless;
    const T *words_at[kSome], *d_gates[kSome];
    for (int64_t index = 0; index < worded; ++index) {
      words_at[index] = this->x_of(node_at.get()[wordless + index]);
      d_gates[index] = d_gates_at(wordless + index);
    }
    Weights<T> words(word, in.d_w ? worded : 0);
    words.pack_rows([&](int64_t index) { return words_at[index]; }, in.threads);
    const T* const first = d_gates_at(wordless);
    sums.push_back({{first, stride}, words, d_w_iou});
    if (inner) sums.push_back({{first + 3 * hidden, stride}, words, d_w_f});
    const int64_t slices = in.d_x ? slices_of(worded, in.threads) : 0;
    add_sums(sums, tiles + slices, in.threads, [&](int64_t task) {
      if (task < tiles) {
        for (int64_t gate = 0; gate < gates; ++gate) add_rows(gate, task);
      } else {
        const int64_t slice = task - tiles, from = begin_of(slice, slices, worded);
        differentiate_words(d_gates + from, gates, wordless + from,
                            begin_of(slice + 1, slices, worded) - from);
      }
    });
    at_hand = wordless = 0;
  }

 private:
  template <typename Visit, typename UseUp>
  void walk(int64_t level, Visit visit, UseUp use_up) {
    const int64_t end = in.level_ptr[level + 1];
    for (int64_t begin = in.level_ptr[level], next; begin < end; begin = next) {
      next = std::min(end, begin + kSome - at_hand);
      visit(begin, next, level > 0);
      if (at_hand == kSome) use_up(level > 0);
    }
  }

  // Of one vector of a gate's sums.
  void add_rows(int64_t gate, int64_t tile) {
    structnn::add_rows<T>(d_gates_at(0) + gate * hidden + tile * lanes, stride, at_hand,
                          d_b.get() + gate * padded + tile * lanes);
  }

  void differentiate_words(const T* const* d_gates, int64_t gates, int64_t from, int64_t count) {
    multiply(Rows<T>(d_gates, gates * hidden, count), w,
             [&](int64_t row, int64_t panel, const T* product) {
               const int64_t node = node_at.get()[from + row];
               const int64_t at = word.first_tile(panel) * lanes;
               std::memcpy(static_cast<T*>(in.d_x) + in.row[node] * input + at, product,
                           std::min(word.width(panel) * lanes, input - at) * sizeof(T));
             });
  }

  void hand_over() {
    d_w_iou.finish();
    d_w_f.finish();
    if (in.d_b)
      for (int64_t gate = 0; gate < 4; ++gate)
        std::memcpy(static_cast<T*>(in.d_b) + gate * hidden, d_b.get() + gate * padded,
                    hidden * sizeof(T));
  }
};

}  // namespace structnn
