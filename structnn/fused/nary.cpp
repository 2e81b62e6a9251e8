// The N-ary Tree-LSTM over the levels of many trees, forward and backward; see tree_lstm.h.
//
// A node's children have places, and what there is of each of them lies side by side, `hidden`
// units for each place; zeros stand for a child that is missing. Kept in whole vectors:
//
//   forgets  (inner nodes, places * hidden): of each node for its children
#include "tree_lstm.h"

using namespace structnn;

namespace {

struct Nary : TreeLstm {
  int64_t arity;
  const int64_t* sibling;
  const void* u;
  void* d_u;
};

template <typename T>
class NaryTrees : protected Trees<T, Nary> {
 protected:
  using Base = Trees<T, Nary>;
  using Base::in, Base::leaves, Base::hidden, Base::lanes;

  const Columns<T> places;
  const int64_t slots;  // the units of all places

  explicit NaryTrees(const Nary& given)
      : Base(given), places{1, given.arity * given.hidden}, slots(places.units) {}

  // The weights of the children's states for i, o and u, then for the forget gate of each place.
  const T* u_iou() const { return static_cast<const T*>(in.u); }
  const T* u_f() const { return u_iou() + 3 * hidden * slots; }

  T* forgets_of(int64_t node) const {
    return static_cast<T*>(in.forgets) + (node - leaves) * places.padded();
  }
  // A vector of the forget gate for a child.
  Vector<T> forget(int64_t node, int64_t edge, int64_t tile) const {
    return load_some<T>(forgets_of(node) + in.sibling[edge] * hidden + tile * lanes,
                        this->units_of(tile));
  }
  Vector<T> cell_of_child(int64_t edge, int64_t tile) const {
    return load<T>(this->cell_of(in.child[edge]) + tile * lanes);
  }

  void gather_states(int64_t node, T* to) const {
    std::memset(to, 0, slots * sizeof(T));
    for (int64_t edge = in.child_ptr[node - leaves]; edge < in.child_ptr[node - leaves + 1]; ++edge)
      std::memcpy(to + in.sibling[edge] * hidden, this->h_of(in.child[edge]), hidden * sizeof(T));
  }
};

template <typename T>
class Forward : ForwardPass<NaryTrees<T>> {
  using Base = ForwardPass<NaryTrees<T>>;
  using Base::b, Base::places, Base::slots;
  using Base::in, Base::hidden, Base::lanes, Base::iou, Base::padded;

  Buffer<T> b_f;  // (places.padded(),)

 public:
  explicit Forward(const Nary& given) : Base(given), b_f(places.padded()) {
    b_f.fill_with_zeros();
    for (int64_t place = 0; place < in.arity; ++place)
      std::memcpy(b_f.get() + place * hidden, b.get() + 3 * padded, hidden * sizeof(T));
  }

  void run() {
    this->read_words([&](int64_t node, int64_t tile, Vector<T> sum) {
      for (int64_t place = 0; place < in.arity; ++place)
        store_some<T>(this->forgets_of(node) + place * hidden + tile * lanes, sum,
                      this->units_of(tile));
    });
    // Not StateWeights: the states of all places side by side are long enough for a matrix unit.
    Weights<T> u_iou(iou, slots), u_f(places, slots);
    u_iou.pack_transposed(Base::u_iou(), in.threads);
    u_f.pack_transposed(Base::u_f(), in.threads);
    for (int64_t level = 1; level < in.levels; ++level)
      this->for_pieces(
          in.level_ptr[level], in.level_ptr[level + 1],
          [&](int64_t begin, int64_t end) { compute_inner(u_iou, u_f, begin, end); });
  }

 private:
  void compute_inner(const Weights<T>& u_iou, const Weights<T>& u_f, int64_t begin, int64_t end) {
    Buffer<T> states((end - begin) * slots);
    const T* rows_of_states[kSome];
    for (int64_t node = begin; node < end; ++node) {
      T* to = states.get() + (node - begin) * slots;
      this->gather_states(node, to);
      rows_of_states[node - begin] = to;
    }
    const Rows<T> rows(rows_of_states, slots, end - begin);
    compute_forgets(rows, u_f, begin);
    this->compute_states(rows, u_iou, begin, [&](int64_t node, int64_t tile, T* sum) {
      const auto remembered = this->sum_edges(node, [&](int64_t edge) {
        return this->forget(node, edge, tile) * this->cell_of_child(edge, tile);
      });
      this->compute_cell(node, tile, sum, this->has_word(node) ? this->gates_of(node) : b.get(),
                         remembered);
    });
  }

  // Equation 10.
  void compute_forgets(const Rows<T>& states, const Weights<T>& u_f, int64_t begin) {
    multiply_tiles(states, u_f, [&](int64_t row, int64_t tile, Vector<T> sum) {
      const int64_t node = begin + row;
      T* to = this->forgets_of(node) + tile * lanes;
      const T* from_word = this->has_word(node) ? to : b_f.get() + tile * lanes;
      store<T>(to, sigmoid<T>(sum + load<T>(from_word)));
    });
  }
};

// A node pulls from its place at its parent what the parent left there.
template <typename T>
class Backward : BackwardPass<NaryTrees<T>> {
  using Base = BackwardPass<NaryTrees<T>>;
  using Base::at_hand, Base::node_at, Base::stride, Base::places, Base::slots;
  using Base::in, Base::leaves, Base::nodes, Base::hidden;
  using Base::lanes, Base::tiles, Base::padded;

  Weights<T> u;
  Gradient<T> d_u_iou, d_u_f;
  Buffer<int64_t> place_of;  // (nodes,), of those that have a parent
  // (inner nodes, places.padded() + padded): gradients of the children's states, and of the cell
  Buffer<T> passed;
  Buffer<T> states;  // (kSome, slots): the children's, of the nodes at hand

 public:
  // The operator's own sums are those of the forget gates.
  explicit Backward(const Nary& given)
      : Base(given, given.arity * given.hidden),
        u(places, slots + 3 * hidden),
        d_u_iou(given.d_u, 3 * hidden, slots),
        d_u_f(given.d_u, slots, slots, 3 * hidden),
        place_of(nodes),
        passed((nodes - leaves) * (places.padded() + padded)),
        states(kSome * slots) {
    // In the order of the sums: forget gates first.
    const T *u_iou = Base::u_iou(), *u_f = Base::u_f();
    u.pack_rows([&](int64_t k) { return k < slots ? u_f + k * slots : u_iou + (k - slots) * slots; },
                in.threads);
    for (int64_t edge = 0; edge < in.child_ptr[nodes - leaves]; ++edge)
      place_of.get()[in.child[edge]] = in.sibling[edge];
  }

  void run() {
    this->walk_down([&](int64_t begin, int64_t end, bool inner) { descend(begin, end, inner); },
                    [&](bool inner) { use_up(inner); });
    d_u_iou.finish();
    d_u_f.finish();
  }

 private:
  T* passed_by(int64_t node) const {
    return passed.get() + (node - leaves) * (places.padded() + padded);
  }
  T* cell_passed_by(int64_t node) const { return passed_by(node) + places.padded(); }

  // Taken from the last to the first: nodes without a word are behind those that have one.
  void descend(int64_t begin, int64_t end, bool inner) {
    const int64_t first = at_hand;
    for (int64_t node = end - 1; node >= begin; --node) this->take(node);
    this->for_pieces(first, at_hand, [&](int64_t from, int64_t to) {
      for (int64_t index = from; index < to; ++index) {
        if (inner) std::memset(this->d_sums_at(index), 0, slots * sizeof(T));
        for (int64_t tile = 0; tile < tiles; ++tile) differentiate(index, tile, inner);
      }
      if (inner) pass_on(from, to);
    });
  }

  void differentiate(int64_t index, int64_t tile, bool inner) {
    const int64_t node = node_at.get()[index], parent = in.parent[node];
    const int64_t at = tile * lanes, units = this->units_of(tile);
    Vector<T> d_h = {}, d_c = {};
    if (!this->is_root(node)) {
      const int64_t place = place_of.get()[node] * hidden + at;
      d_h = load_some<T>(passed_by(parent) + place, units);
      d_c = load<T>(cell_passed_by(parent) + at) *
            load_some<T>(this->forgets_of(parent) + place, units);
    }
    d_c = this->differentiate_state(index, tile, d_h, d_c);
    if (!inner) return;
    store<T>(cell_passed_by(node) + at, d_c);
    // All children's forget gates begin with the same sum.
    const auto d_begin = this->sum_edges(node, [&](int64_t edge) {
      const auto f = this->forget(node, edge, tile);
      const auto d_forget = d_c * this->cell_of_child(edge, tile) * f * (T(1) - f);
      store_some<T>(this->d_sums_at(index) + in.sibling[edge] * hidden + at, d_forget, units);
      return d_forget;
    });
    store_some<T>(this->d_gates_at(index) + 3 * hidden + at, d_begin, units);
  }

  // To the children.
  void pass_on(int64_t from, int64_t to) {
    const T* rows_of_sums[kSome];
    for (int64_t index = from; index < to; ++index) {
      rows_of_sums[index - from] = this->d_sums_at(index);
      this->gather_states(node_at.get()[index], states.get() + index * slots);
    }
    multiply_tiles(Rows<T>(rows_of_sums, slots + 3 * hidden, to - from), u,
                   [&](int64_t row, int64_t tile, Vector<T> product) {
                     store<T>(passed_by(node_at.get()[from + row]) + tile * lanes, product);
                   });
  }

  void use_up(bool inner) {
    Weights<T> rows(places, inner && in.d_u ? at_hand : 0);
    rows.pack_rows(Matrix<T>{states.get(), slots}, in.threads);
    Base::use_up(inner, {{{this->d_gates_at(0), stride}, rows, d_u_iou},
                         {{this->d_sums_at(0), stride}, rows, d_u_f}});
  }
};

}  // namespace

extern "C" {

int forward(const Nary* given) { return run<Forward<Number>>(given); }
int backward(const Nary* given) { return run<Backward<Number>>(given); }

int vector_bytes() { return kVectorBytes; }
}
