// An LSTM from the roots of many trees down every path, forward and backward; see tree_lstm.h.
//
// Every node has a word, and hands its children one vector of sums for all four gates. Kept in
// whole vectors:
//
//   forgets  (nodes, tiles, lanes): of each node for its parent's cell
#include "tree_lstm.h"

using namespace structnn;

namespace {

struct Downward : TreeLstm {
  const void* u;
  void* d_u;
};

template <typename T>
class DownwardTrees : protected Trees<T, Downward> {
 protected:
  using Base = Trees<T, Downward>;
  using Base::Base;
  using Base::in, Base::hidden, Base::padded;

  const T* u_f() const { return static_cast<const T*>(in.u) + 3 * hidden * hidden; }
  T* forgets_of(int64_t node) const { return static_cast<T*>(in.forgets) + node * padded; }
};

template <typename T>
class Forward : ForwardPass<DownwardTrees<T>> {
  using Base = ForwardPass<DownwardTrees<T>>;
  using Base::b;
  using Base::in, Base::leaves, Base::nodes, Base::hidden, Base::input;
  using Base::lanes, Base::iou, Base::one, Base::padded;

  const typename Base::WordWeights w;
  StateWeights<T> u_iou, u_f;
  Buffer<T> handed;  // (inner nodes, 4, padded): what the children's gates begin with

 public:
  explicit Forward(const Downward& given)
      : Base(given),
        w(*this),
        u_iou(iou, hidden),
        u_f(one, hidden),
        handed((nodes - leaves) * 4 * padded) {
    u_iou.pack_transposed(static_cast<const T*>(given.u), in.threads);
    u_f.pack_transposed(Base::u_f(), in.threads);
  }

  void run() {
    for (int64_t level = in.levels - 1; level >= 0; --level)
      this->for_pieces(in.level_ptr[level], in.level_ptr[level + 1],
                       [&](int64_t begin, int64_t end) {
                         compute(begin, end);
                         if (level > 0) hand_down(begin, end);
                       });
  }

 private:
  T* handed_by(int64_t node) const { return handed.get() + (node - leaves) * 4 * padded; }
  const T* handed_to(int64_t node) const {
    return this->is_root(node) ? b.get() : handed_by(in.parent[node]);
  }

  void compute(int64_t begin, int64_t end) {
    Buffer<T> remembered((end - begin) * padded);  // of the parent's cell
    const T* words[kSome];
    for (int64_t node = begin; node < end; ++node) words[node - begin] = this->x_of(node);
    const Rows<T> rows(words, input, end - begin);
    multiply_tiles(rows, w.f, [&](int64_t row, int64_t tile, Vector<T> sum) {
      const int64_t node = begin + row, at = tile * lanes;
      const auto f = sigmoid<T>(sum + load<T>(handed_to(node) + 3 * padded + at));
      store<T>(this->forgets_of(node) + at, f);
      store<T>(remembered.get() + row * padded + at, f * cell_above(node, at));
    });
    this->compute_states(rows, w.iou, begin, [&](int64_t node, int64_t tile, T* sum) {
      this->compute_cell(node, tile, sum, handed_to(node),
                         load<T>(remembered.get() + (node - begin) * padded + tile * lanes));
    });
  }

  Vector<T> cell_above(int64_t node, int64_t at) const {
    return this->is_root(node) ? Vector<T>{} : load<T>(this->cell_of(in.parent[node]) + at);
  }

  void hand_down(int64_t begin, int64_t end) {
    const T* states[kSome];
    for (int64_t node = begin; node < end; ++node) states[node - begin] = this->h_of(node);
    const auto hand = [&](int64_t node, int64_t at, Vector<T> sum) {
      store<T>(handed_by(node) + at, sum + load<T>(b.get() + at));
    };
    const StateRows<T> rows(states, hidden, end - begin);
    multiply(rows, u_iou, [&](int64_t row, int64_t tile, const T* sum) {
      for (int gate = 0; gate < 3; ++gate, sum += lanes)
        hand(begin + row, gate * padded + tile * lanes, load<T>(sum));
    });
    multiply_tiles(rows, u_f, [&](int64_t row, int64_t tile, Vector<T> sum) {
      hand(begin + row, 3 * padded + tile * lanes, sum);
    });
  }
};

// From the leaves up: a node sums what its children left for it.
template <typename T>
class Backward : BackwardPass<DownwardTrees<T>> {
  using Base = BackwardPass<DownwardTrees<T>>;
  using Base::at_hand, Base::node_at;
  using Base::in, Base::leaves, Base::nodes, Base::hidden;
  using Base::lanes, Base::tiles, Base::one;

  StateWeights<T> u;
  Gradient<T> d_u;
  const int64_t width;  // gradients of the four gates' sums, and of the parent's cell
  Buffer<T> left;       // (nodes, width): what each node leaves for its parent
  Buffer<T> sums;       // (kSome, width): what the children left, of the nodes at hand

 public:
  explicit Backward(const Downward& given)
      : Base(given, 0),
        u(one, 4 * hidden),
        d_u(given.d_u, 4 * hidden, hidden),
        width(5 * hidden),
        left(nodes * width + lanes),  // the last vector of a row may reach beyond it
        sums(kSome * width) {
    u.pack_rows(Matrix<T>{static_cast<const T*>(given.u), hidden}, in.threads);
  }

  void run() {
    this->walk_up([&](int64_t begin, int64_t end, bool inner) { ascend(begin, end, inner); },
                  [&](bool inner) { use_up(inner); });
    d_u.finish();
  }

 private:
  T* left_by(int64_t node) const { return left.get() + node * width; }
  T* sums_at(int64_t index) const { return sums.get() + index * width; }

  void ascend(int64_t begin, int64_t end, bool inner) {
    const int64_t first = at_hand;
    for (int64_t node = begin; node < end; ++node) this->take(node);
    this->for_pieces(first, at_hand, [&](int64_t from, int64_t to) {
      if (inner)
        gather(from, to);
      else
        for (int64_t index = from; index < to; ++index)
          for (int64_t tile = 0; tile < tiles; ++tile)
            differentiate(index, tile, Vector<T>{}, Vector<T>{});
      for (int64_t index = from; index < to; ++index)
        std::memcpy(left_by(node_at.get()[index]), this->d_gates_at(index), 4 * hidden * sizeof(T));
    });
  }

  // From the children.
  void gather(int64_t from, int64_t to) {
    const T* rows_of_sums[kSome];
    for (int64_t index = from; index < to; ++index) {
      T* sum = sums_at(index);
      rows_of_sums[index - from] = sum;
      for (int64_t v = 0; v < width; v += lanes)
        store_some<T>(sum + v, this->sum_edges(node_at.get()[index], [&](int64_t edge) {
          return load<T>(left_by(in.child[edge]) + v);
        }), width - v);
    }
    multiply_tiles(StateRows<T>(rows_of_sums, 4 * hidden, to - from), u,
                   [&](int64_t row, int64_t tile, Vector<T> d_h) {
                     const T* d_c = sums_at(from + row) + 4 * hidden + tile * lanes;
                     differentiate(from + row, tile, d_h, load_some<T>(d_c, this->units_of(tile)));
                   });
  }

  void differentiate(int64_t index, int64_t tile, Vector<T> d_h, Vector<T> d_c) {
    const int64_t node = node_at.get()[index], at = tile * lanes, units = this->units_of(tile);
    d_c = this->differentiate_state(index, tile, d_h, d_c);
    Vector<T> d_forget = {};
    if (!this->is_root(node)) {
      const auto f = load<T>(this->forgets_of(node) + at);
      d_forget = d_c * load<T>(this->cell_of(in.parent[node]) + at) * f * (T(1) - f);
      store_some<T>(left_by(node) + 4 * hidden + at, d_c * f, units);
    }
    store_some<T>(this->d_gates_at(index) + 3 * hidden + at, d_forget, units);
  }

  void use_up(bool inner) {
    // What the children's gates began with came from the states of inner nodes.
    Weights<T> states(one, inner && in.d_u ? at_hand : 0);
    states.pack_rows([&](int64_t index) { return this->h_of(node_at.get()[index]); }, in.threads);
    Base::use_up(true, {{{sums_at(0), width}, states, d_u}});
  }
};

}  // namespace

extern "C" {

int forward(const Downward* given) { return run<Forward<Number>>(given); }
int backward(const Downward* given) { return run<Backward<Number>>(given); }

int vector_bytes() { return kVectorBytes; }
}
