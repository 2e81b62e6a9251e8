// The child-sum Tree-LSTM over the levels of many trees, forward and backward; see tree_lstm.h.
//
// A child's forget gate is computed at the child and kept there, in whole vectors; zeros at a root:
//
//   forgets  (nodes, tiles, lanes)
//
// In the relational Tree-LSTM a child's state reaches its parent as a message: multiplied by the
// gate of its relation, or with the vector of its relation added.
#include "tree_lstm.h"

using namespace structnn;

namespace {

struct ChildSum : TreeLstm {
  int64_t gated;  // whether relations are gates
  const void *u_iou, *u_f;
  void *d_u_iou, *d_u_f;
  // (nodes, hidden), by rank: null where children send their states.
  const void* relation;
  void *message, *d_relation;
};

template <typename T>
class ChildSumTrees : protected Trees<T, ChildSum> {
 protected:
  using Base = Trees<T, ChildSum>;
  using Base::Base;
  using Base::in, Base::hidden, Base::lanes, Base::tiles, Base::padded;

  // What a node sends to its parent.
  const T* message_of(int64_t node) const {
    return in.relation ? static_cast<const T*>(in.message) + node * hidden : this->h_of(node);
  }
  T* forgets_of(int64_t node) const { return static_cast<T*>(in.forgets) + node * padded; }

  void sum_messages(int64_t node, T* to) const {
    for (int64_t tile = 0; tile < tiles; ++tile) {
      const auto sum = this->sum_edges(node, [&](int64_t edge) {
        return load_some<T>(message_of(in.child[edge]) + tile * lanes, this->units_of(tile));
      });
      store_some<T>(to + tile * lanes, sum, this->units_of(tile));
    }
  }
};

template <typename T, bool kMany>
class Forward : ForwardPass<ChildSumTrees<T>> {
  using Base = ForwardPass<ChildSumTrees<T>>;
  using States = std::conditional_t<kMany, Rows<T>, StateRows<T>>;
  using U = std::conditional_t<kMany, Weights<T>, StateWeights<T>>;
  using Base::in, Base::nodes, Base::hidden;
  using Base::lanes, Base::tiles, Base::iou, Base::one, Base::padded;

 public:
  explicit Forward(const ChildSum& given) : Base(given) {}

  void run() {
    // In place of their own forget gates inner nodes keep what their children's begin with.
    this->read_words([&](int64_t node, int64_t tile, Vector<T> sum) {
      store<T>(this->forgets_of(node) + tile * lanes, sum);
    });
    U u_iou(iou, hidden), u_f(one, hidden);
    u_iou.pack_transposed(static_cast<const T*>(in.u_iou), in.threads);
    u_f.pack_transposed(static_cast<const T*>(in.u_f), in.threads);
    for (int64_t level = 0; level < in.levels; ++level)
      this->for_pieces(in.level_ptr[level], in.level_ptr[level + 1],
                       [&](int64_t begin, int64_t end) {
                         if (level > 0) compute_inner(u_iou, begin, end);
                         if (in.relation) compute_messages(begin, end);
                         compute_forgets(u_f, begin, end);
                       });
  }

 private:
  void compute_inner(const U& u_iou, int64_t begin, int64_t end) {
    Buffer<T> sums((end - begin) * (hidden + padded));
    T* const remembered = sums.get();  // what the cells get from the children's
    T* const messages = remembered + (end - begin) * padded;
    const T* rows_of_messages[kSome];
    for (int64_t node = begin; node < end; ++node) {
      T* to = remembered + (node - begin) * padded;
      for (int64_t v = 0; v < padded; v += lanes)
        store<T>(to + v, this->sum_edges(node, [&](int64_t edge) {
          const int64_t k = in.child[edge];
          return load<T>(this->forgets_of(k) + v) * load<T>(this->cell_of(k) + v);
        }));
      to = messages + (node - begin) * hidden;
      this->sum_messages(node, to);
      rows_of_messages[node - begin] = to;
    }
    this->compute_states(
        States(rows_of_messages, hidden, end - begin), u_iou, begin,
        [&](int64_t node, int64_t tile, T* sum) {
          this->compute_cell(node, tile, sum, this->gates_of(node),
                             load<T>(remembered + (node - begin) * padded + tile * lanes));
        });
  }

  void compute_messages(int64_t begin, int64_t end) {
    for (int64_t node = begin; node < end; ++node)
      for (int64_t tile = 0; tile < tiles; ++tile) {
        const int64_t units = this->units_of(tile), at = node * hidden + tile * lanes;
        const auto h = load_some<T>(this->h_of(node) + tile * lanes, units);
        const auto r = load_some<T>(static_cast<const T*>(in.relation) + at, units);
        store_some<T>(static_cast<T*>(in.message) + at, in.gated ? r * h : r + h, units);
      }
  }

  // Equation 4, at the child.
  void compute_forgets(const U& u_f, int64_t begin, int64_t end) {
    const T* messages[kSome];
    int64_t children[kSome], count = 0;
    for (int64_t node = begin; node < end; ++node) {
      if (this->is_root(node)) {
        std::memset(this->forgets_of(node), 0, padded * sizeof(T));
      } else {
        messages[count] = this->message_of(node);
        children[count++] = node;
      }
    }
    multiply_tiles(States(messages, hidden, count), u_f,
                   [&](int64_t row, int64_t tile, Vector<T> sum) {
                     const int64_t node = children[row], at = tile * lanes;
                     const auto from_parent = load<T>(this->forgets_of(in.parent[node]) + at);
                     store<T>(this->forgets_of(node) + at, sigmoid<T>(sum + from_parent));
                   });
  }
};

// A node pulls from its parent what the parent left there.
template <typename T>
class Backward : BackwardPass<ChildSumTrees<T>> {
  using Base = BackwardPass<ChildSumTrees<T>>;
  using Base::at_hand, Base::node_at, Base::stride;
  using Base::in, Base::leaves, Base::nodes, Base::hidden;
  using Base::lanes, Base::tiles, Base::one, Base::padded;

  StateWeights<T> u_iou, u_f;
  Gradient<T> d_u_iou, d_u_f;
  Buffer<T> passed;  // (inner nodes, 2, padded): gradients of the children's sum, and of the cell

  // Of the nodes at hand.
  int64_t forgets_at_hand = 0;
  Buffer<T> d_forgets;        // (kSome, padded): of the forget gates of those that have a parent
  Buffer<const T*> messages;  // those that d_forgets belong to
  Buffer<T> sums;             // (kSome, hidden)

 public:
  explicit Backward(const ChildSum& given)
      : Base(given, 0),
        u_iou(one, 3 * hidden),
        u_f(one, hidden),
        d_u_iou(given.d_u_iou, 3 * hidden, hidden),
        d_u_f(given.d_u_f, hidden, hidden),
        passed((nodes - leaves) * 2 * padded),
        d_forgets(kSome * padded),
        messages(kSome),
        sums(kSome * hidden) {
    u_iou.pack_rows(Matrix<T>{static_cast<const T*>(given.u_iou), hidden}, in.threads);
    u_f.pack_rows(Matrix<T>{static_cast<const T*>(given.u_f), hidden}, in.threads);
  }

  void run() {
    this->walk_down([&](int64_t begin, int64_t end, bool inner) { descend(begin, end, inner); },
                    [&](bool inner) { use_up(inner); });
    d_u_iou.finish();
    d_u_f.finish();
  }

 private:
  T* passed_by(int64_t node) const { return passed.get() + (node - leaves) * 2 * padded; }

  // First the nodes that have a parent, then roots.
  void descend(int64_t begin, int64_t end, bool inner) {
    const int64_t first = at_hand, first_forget = forgets_at_hand;
    for (int64_t node = begin; node < end; ++node)
      if (!this->is_root(node)) {
        messages.get()[forgets_at_hand++] = this->message_of(node);
        this->take(node);
      }
    const int64_t first_root = at_hand;
    for (int64_t node = begin; node < end; ++node)
      if (this->is_root(node)) this->take(node);
    this->for_pieces(first, at_hand, [&](int64_t from, int64_t to) {
      const int64_t roots_from = std::max(from, std::min(to, first_root));
      T* forget = d_forgets.get() + (first_forget + from - first) * padded;
      pull(from, roots_from, forget, inner);
      for (int64_t index = roots_from; index < to; ++index)
        for (int64_t tile = 0; tile < tiles; ++tile)
          differentiate(index, tile, Vector<T>{}, Vector<T>{}, inner);
      if (inner) pass_on(from, to);
    });
  }

  // For nodes that have a parent.
  void pull(int64_t from, int64_t to, T* forget, bool inner) {
    const T* rows_of_forgets[kSome];
    for (int64_t index = from; index < to; ++index, forget += padded) {
      const int64_t node = node_at.get()[index];
      const T* d_cell = passed_by(in.parent[node]) + padded;
      for (int64_t v = 0; v < padded; v += lanes) {
        const auto f = load<T>(this->forgets_of(node) + v), c = load<T>(this->cell_of(node) + v);
        store<T>(forget + v, load<T>(d_cell + v) * c * f * (T(1) - f));
      }
      rows_of_forgets[index - from] = forget;
    }
    multiply_tiles(
        StateRows<T>(rows_of_forgets, hidden, to - from), u_f,
        [&](int64_t row, int64_t tile, Vector<T> product) {
          const int64_t index = from + row, node = node_at.get()[index], at = tile * lanes;
          const T* pulled = passed_by(in.parent[node]) + at;
          differentiate(index, tile, of_state(node, tile, product + load<T>(pulled)),
                        load<T>(pulled + padded) * load<T>(this->forgets_of(node) + at), inner);
        });
  }

  // The gradient of a node's state, from that of its message.
  Vector<T> of_state(int64_t node, int64_t tile, Vector<T> d_message) const {
    if (!in.relation) return d_message;
    const int64_t at = tile * lanes, units = this->units_of(tile), place = node * hidden + at;
    const auto h = load_some<T>(this->h_of(node) + at, units);
    const auto r = load_some<T>(static_cast<const T*>(in.relation) + place, units);
    if (in.d_relation)
      store_some<T>(static_cast<T*>(in.d_relation) + place, in.gated ? d_message * h : d_message,
                    units);
    return in.gated ? d_message * r : d_message;
  }

  void differentiate(int64_t index, int64_t tile, Vector<T> d_h, Vector<T> d_c, bool inner) {
    d_c = this->differentiate_state(index, tile, d_h, d_c);
    if (!inner) return;
    const int64_t node = node_at.get()[index], at = tile * lanes;
    // All children's forget gates begin with the same sum.
    const auto factor = this->sum_edges(node, [&](int64_t edge) {
      const int64_t k = in.child[edge];
      const auto f = load<T>(this->forgets_of(k) + at);
      return load<T>(this->cell_of(k) + at) * f * (T(1) - f);
    });
    store_some<T>(this->d_gates_at(index) + 3 * hidden + at, d_c * factor, this->units_of(tile));
    store<T>(passed_by(node) + padded + at, d_c);
  }

  // To the children.
  void pass_on(int64_t from, int64_t to) {
    const T* rows_of_gates[kSome];
    for (int64_t index = from; index < to; ++index) {
      rows_of_gates[index - from] = this->d_gates_at(index);
      this->sum_messages(node_at.get()[index], sums.get() + index * hidden);
    }
    multiply_tiles(StateRows<T>(rows_of_gates, 3 * hidden, to - from), u_iou,
                   [&](int64_t row, int64_t tile, Vector<T> product) {
                     store<T>(passed_by(node_at.get()[from + row]) + tile * lanes, product);
                   });
  }

  void use_up(bool inner) {
    Weights<T> rows(one, inner && in.d_u_iou ? at_hand : 0);
    Weights<T> sent(one, in.d_u_f ? forgets_at_hand : 0);
    rows.pack_rows(Matrix<T>{sums.get(), hidden}, in.threads);
    sent.pack_rows([&](int64_t index) { return messages.get()[index]; }, in.threads);
    Base::use_up(inner, {{{this->d_gates_at(0), stride}, rows, d_u_iou},
                         {{d_forgets.get(), padded}, sent, d_u_f}});
    forgets_at_hand = 0;
  }
};

template <typename T, typename Function>
void map(const T* x, T* out, int64_t size, Function function) {
  for (int64_t at = 0; at < size; at += kLanes<T>)
    store_some<T>(out + at, function(load_some<T>(x + at, size - at)), size - at);
}

}  // namespace

extern "C" {

int forward(const ChildSum* given) {
  // With so many nodes levels are long enough for a matrix unit.
  if constexpr (kByMatrixUnit<Number>)
    if (given->nodes >= 1024) return run<Forward<Number, true>>(given);
  return run<Forward<Number, false>>(given);
}
int backward(const ChildSum* given) { return run<Backward<Number>>(given); }

int vector_bytes() { return kVectorBytes; }

void sigmoid_of(const Number* x, Number* out, int64_t size) {
  map(x, out, size, sigmoid<Number>);
}
void tanh_of(const Number* x, Number* out, int64_t size) {
  map(x, out, size, structnn::tanh<Number>);
}
}
