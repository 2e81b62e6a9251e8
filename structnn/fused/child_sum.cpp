// The child-sum Tree-LSTM over the levels of many trees, forward and backward.
//
// Nodes are in the order of structnn.Schedule: by height, leaves first. Some nodes at a time are
// taken through all that concerns them while it is in cache: products, gates, states. A tile is as
// many hidden units as a vector has lanes; units that fill up the last tile have no weights, so
// that all that follows from them stays harmless. Kept for the backward pass, in whole vectors, one
// after the other:
//
//   forgets  (nodes, tiles, lanes): of each node for its parent; zeros at a root
//   cells    (nodes, tiles, lanes)
//   gates    (nodes, 3, tiles, lanes): i, o and u
//
// Where there is none, gates are kept of the inner nodes alone.
//
// In the relational Tree-LSTM a child's state reaches its parent as a message: multiplied by the
// gate of its relation, or with the vector of its relation added.
#include <algorithm>

#include "products.h"

using namespace structnn;

extern "C" {

// What does not depend on the type is as in structnn.Schedule; `parent` is `nodes` for a root.
struct ChildSum {
  int64_t nodes, leaves, levels, input, hidden, threads, differentiable;
  int64_t gated;  // whether relations are gates
  const int64_t *level_ptr, *parent, *child, *child_ptr;
  const int64_t* row;  // of each node in x, h and their gradients
  const void *x, *w, *b, *u_iou, *u_f;
  void *kept, *h;
  // For the backward pass; what is null is not wanted.
  const void* d_h;
  void *d_x, *d_w, *d_b, *d_u_iou, *d_u_f;
  // (nodes, hidden), by rank: null where children send their states.
  const void* relation;
  void *message, *d_relation;
};
}

namespace {

constexpr int64_t kSome = 192;  // how many nodes at a time

// The trees with everything that forward and backward both need.
template <typename T>
class Trees {
 protected:
  static constexpr int64_t lanes = kLanes<T>;
  const ChildSum& in;
  const int64_t nodes, leaves, hidden, input;
  const Columns<T> iou, one;  // gates of a node side by side, or one vector of the hidden units
  const int64_t tiles, padded;

  explicit Trees(const ChildSum& given)
      : in(given),
        nodes(given.nodes),
        leaves(given.leaves),
        hidden(given.hidden),
        input(given.input),
        iou{3, hidden},
        one{1, hidden},
        tiles(one.tiles()),
        padded(one.padded()) {}

  const T* x_of(int64_t node) const { return static_cast<const T*>(in.x) + in.row[node] * input; }
  T* h_of(int64_t node) const { return static_cast<T*>(in.h) + in.row[node] * hidden; }
  // What a node sends to its parent.
  const T* message_of(int64_t node) const {
    return in.relation ? static_cast<const T*>(in.message) + node * hidden : h_of(node);
  }
  T* forgets_of(int64_t node) const { return static_cast<T*>(in.kept) + node * padded; }
  T* cell_of(int64_t node) const { return forgets_of(nodes + node); }
  T* gates_of(int64_t node) const {
    return forgets_of(2 * nodes + 3 * (in.differentiable ? node : node - leaves));
  }
  bool is_root(int64_t node) const { return in.parent[node] == nodes; }
  int64_t units_of(int64_t tile) const { return hidden - tile * lanes; }

  // The sum over a node's children of a vector of each.
  template <typename Function>
  Vector<T> sum_children(int64_t node, Function function) const {
    Vector<T> sum = {};
    for (int64_t edge = in.child_ptr[node - leaves]; edge < in.child_ptr[node - leaves + 1]; ++edge)
      sum += function(in.child[edge]);
    return sum;
  }

  void sum_states(int64_t node, T* to) const {
    for (int64_t tile = 0; tile < tiles; ++tile) {
      const auto sum = sum_children(node, [&](int64_t k) {
        return load_some<T>(message_of(k) + tile * lanes, units_of(tile));
      });
      store_some<T>(to + tile * lanes, sum, units_of(tile));
    }
  }

  // function(begin, end) for pieces of a range of nodes, kSome at most, one for each thread at
  // least unless they are few.
  template <typename Function>
  void for_pieces(int64_t begin, int64_t end, Function function) const {
    const int64_t size = end - begin;
    const int64_t pieces = std::max(ceil_div(size, kSome), std::min(in.threads, size / 16));
    parallel_for(pieces, in.threads, [&](int64_t piece) {
      function(begin + begin_of(piece, pieces, size), begin + begin_of(piece + 1, pieces, size));
    });
  }
};

template <typename T>
class Forward : Trees<T> {
  using Base = Trees<T>;
  using Base::in, Base::nodes, Base::leaves, Base::hidden, Base::input;
  using Base::lanes, Base::tiles, Base::iou, Base::one, Base::padded;

  Packed<T> w_iou, w_f, u_iou, u_f;
  Buffer<T> b;  // (4 * padded,)

 public:
  explicit Forward(const ChildSum& given)
      : Base(given),
        w_iou(iou, input),
        w_f(one, input),
        u_iou(iou, hidden),
        u_f(one, hidden),
        b(4 * padded) {
    const T* w = static_cast<const T*>(given.w);
    w_iou.pack_transposed(w);
    w_f.pack_transposed(w + 3 * hidden * input);
    u_iou.pack_transposed(static_cast<const T*>(given.u_iou));
    u_f.pack_transposed(static_cast<const T*>(given.u_f));
    b.fill_with_zeros();
    for (int64_t gate = 0; gate < 4; ++gate)
      std::memcpy(b.get() + gate * padded, static_cast<const T*>(given.b) + gate * hidden,
                  hidden * sizeof(T));
  }

  void run() {
    this->for_pieces(leaves, nodes, [&](int64_t begin, int64_t end) { project(begin, end); });
    for (int64_t level = 0; level < in.levels; ++level)
      this->for_pieces(in.level_ptr[level], in.level_ptr[level + 1],
                       [&](int64_t begin, int64_t end) {
                         if (level == 0)
                           compute_leaves(begin, end);
                         else
                           compute_inner(begin, end);
                         compute_forgets(begin, end);
                       });
  }

 private:
  // What inner nodes get from their words: of `gates` the sums until the children are added, and in
  // place of their own forget gates the sums that those of their children begin with.
  void project(int64_t begin, int64_t end) {
    const T* words[kSome];
    for (int64_t node = begin; node < end; ++node) words[node - begin] = this->x_of(node);
    const Runs word{1, input, 0};
    for (int64_t tile = 0; tile < tiles; ++tile)
      multiply<T>(words, word, end - begin, w_iou, tile,
                  [&](int64_t first, int rows, const T* sum) {
                    for (int r = 0; r < rows; ++r)
                      for (int gate = 0; gate < 3; ++gate, sum += lanes) {
                        const int64_t at = gate * padded + tile * lanes;
                        store<T>(this->gates_of(begin + first + r) + at,
                                 load<T>(sum) + load<T>(b.get() + at));
                      }
                  });
    for (int64_t panel = 0; panel < one.panels(); ++panel)
      multiply<T>(words, word, end - begin, w_f, panel, [&](int64_t first, int rows, const T* sum) {
        const int64_t at = one.first_tile(panel) * lanes, width = one.width(panel) * lanes;
        for (int r = 0; r < rows; ++r, sum += width) {
          T* to = this->forgets_of(begin + first + r) + at;
          for (int v = 0; v < width; v += lanes)
            store<T>(to + v, load<T>(sum + v) + load<T>(b.get() + 3 * padded + at + v));
        }
      });
  }

  void compute_leaves(int64_t begin, int64_t end) {
    const T* words[kSome];
    for (int64_t node = begin; node < end; ++node) words[node - begin] = this->x_of(node);
    const Runs word{1, input, 0};
    for (int64_t tile = 0; tile < tiles; ++tile)
      multiply<T>(words, word, end - begin, w_iou, tile,
                  [&](int64_t first, int rows, const T* sum) {
                    for (int r = 0; r < rows; ++r, sum += 3 * lanes)
                      compute_state(begin + first + r, tile, sum, b.get(), Vector<T>{});
                  });
  }

  void compute_inner(int64_t begin, int64_t end) {
    Buffer<T> sums((end - begin) * (hidden + padded));
    T* const remembered = sums.get();  // what the cells get from the children's
    T* const states = remembered + (end - begin) * padded;
    const T* rows_of_states[kSome];
    for (int64_t node = begin; node < end; ++node) {
      T* to = remembered + (node - begin) * padded;
      for (int64_t v = 0; v < padded; v += lanes)
        store<T>(to + v, this->sum_children(node, [&](int64_t k) {
          return load<T>(this->forgets_of(k) + v) * load<T>(this->cell_of(k) + v);
        }));
      to = states + (node - begin) * hidden;
      this->sum_states(node, to);
      rows_of_states[node - begin] = to;
    }
    for (int64_t tile = 0; tile < tiles; ++tile)
      multiply<T>(rows_of_states, {1, hidden, 0}, end - begin, u_iou, tile,
                  [&](int64_t first, int rows, const T* sum) {
                    for (int r = 0; r < rows; ++r, sum += 3 * lanes) {
                      const int64_t node = begin + first + r, at = tile * lanes;
                      compute_state(node, tile, sum, this->gates_of(node),
                                    load<T>(remembered + (first + r) * padded + at));
                    }
                  });
  }

  // Equations 3 and 5 to 8. The gates' sums are in two parts: a block ``(3, lanes)``, and a row of
  // all units. What is left of the children's cells comes third.
  void compute_state(int64_t node, int64_t tile, const T* block, const T* row,
                     Vector<T> remembered) {
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
    const auto h = o * structnn::tanh<T>(c);
    const int64_t units = this->units_of(tile);
    store_some<T>(this->h_of(node) + at, h, units);
    if (in.relation) {
      const auto r = load_some<T>(static_cast<const T*>(in.relation) + node * hidden + at, units);
      store_some<T>(static_cast<T*>(in.message) + node * hidden + at, in.gated ? r * h : r + h,
                    units);
    }
  }

  // Equation 4, at the child.
  void compute_forgets(int64_t begin, int64_t end) {
    const T* states[kSome];
    int64_t children[kSome], count = 0;
    for (int64_t node = begin; node < end; ++node) {
      if (this->is_root(node)) {
        std::memset(this->forgets_of(node), 0, padded * sizeof(T));
      } else {
        states[count] = this->message_of(node);
        children[count++] = node;
      }
    }
    for (int64_t panel = 0; panel < one.panels(); ++panel)
      multiply<T>(
          states, {1, hidden, 0}, count, u_f, panel, [&](int64_t first, int rows, const T* sum) {
            const int64_t at = one.first_tile(panel) * lanes, width = one.width(panel) * lanes;
            for (int r = 0; r < rows; ++r, sum += width) {
              const int64_t node = children[first + r];
              const T* from_parent = this->forgets_of(in.parent[node]) + at;
              T* to = this->forgets_of(node) + at;
              for (int64_t v = 0; v < width; v += lanes)
                store<T>(to + v, sigmoid<T>(load<T>(sum + v) + load<T>(from_parent + v)));
            }
          });
  }
};

// Top-down: a node pulls from its parent what the parent left there. Gradients of the gates' sums
// are kept for some nodes only, until they are used for those of the weights and of the words.
template <typename T>
class Backward : Trees<T> {
  using Base = Trees<T>;
  using Base::in, Base::nodes, Base::leaves, Base::hidden, Base::input;
  using Base::lanes, Base::tiles, Base::iou, Base::one, Base::padded;

  const Columns<T> words;
  Packed<T> w, u_iou, u_f;
  Packed<T> d_w_iou, d_w_f, d_u_iou, d_u_f;
  Buffer<T> d_b;     // (4 * padded,)
  Buffer<T> passed;  // (inner nodes, 2, padded): gradients of the children's sum, and of the cell

  // Of the nodes at hand: first those that have a parent, then roots.
  int64_t at_hand = 0, forgets_at_hand = 0;
  Buffer<int64_t> node_at;
  Buffer<T> d_sums;         // (kSome, 4 * padded): as in d_b; f is of the sums of a node's children
  Buffer<T> d_forgets;      // (kSome, padded): of a node's own forget gate
  Buffer<T> sums;           // (kSome, hidden)
  Buffer<const T*> states;  // those that d_forgets belong to

 public:
  explicit Backward(const ChildSum& given)
      : Base(given),
        words{1, input},
        w(words, 4 * hidden),
        u_iou(one, 3 * hidden),
        u_f(one, hidden),
        d_w_iou(iou, input),
        d_w_f(one, input),
        d_u_iou(iou, hidden),
        d_u_f(one, hidden),
        d_b(4 * padded),
        passed((nodes - leaves) * 2 * padded),
        node_at(kSome),
        d_sums(kSome * 4 * padded),
        d_forgets(kSome * padded),
        sums(kSome * hidden),
        states(kSome) {
    if (in.d_x) w.pack_rows(static_cast<const T*>(given.w));
    u_iou.pack_rows(static_cast<const T*>(given.u_iou));
    u_f.pack_rows(static_cast<const T*>(given.u_f));
    d_b.fill_with_zeros();
  }

  void run() {
    for (int64_t level = in.levels - 1; level >= 0; --level) {
      if (level == 0) use_up(true);
      int64_t begin = in.level_ptr[level];
      const int64_t end = in.level_ptr[level + 1];
      while (begin < end) {
        const int64_t next = std::min(end, begin + kSome - at_hand);
        descend(begin, next, level > 0);
        if (at_hand == kSome) use_up(level > 0);
        begin = next;
      }
    }
    use_up(false);
    hand_over();
  }

 private:
  T* passed_by(int64_t node) const { return passed.get() + (node - leaves) * 2 * padded; }

  void descend(int64_t begin, int64_t end, bool inner) {
    const int64_t first = at_hand, first_forget = forgets_at_hand;
    for (int64_t node = begin; node < end; ++node)
      if (!this->is_root(node)) {
        states.get()[forgets_at_hand++] = this->message_of(node);
        node_at.get()[at_hand++] = node;
      }
    const int64_t first_root = at_hand;
    for (int64_t node = begin; node < end; ++node)
      if (this->is_root(node)) node_at.get()[at_hand++] = node;
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
    for (int64_t panel = 0; panel < one.panels(); ++panel)
      multiply<T>(rows_of_forgets, {1, hidden, 0}, to - from, u_f, panel,
                  [&](int64_t first, int rows, const T* product) {
                    for (int r = 0; r < rows; ++r)
                      for (int64_t tile = one.first_tile(panel); tile < one.first_tile(panel + 1);
                           ++tile, product += lanes) {
                        const int64_t index = from + first + r, node = node_at.get()[index];
                        const T* pulled = passed_by(in.parent[node]) + tile * lanes;
                        differentiate(index, tile,
                                      of_state(node, tile, load<T>(product) + load<T>(pulled)),
                                      load<T>(pulled + padded) *
                                          load<T>(this->forgets_of(node) + tile * lanes),
                                      inner);
                      }
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

  // The gradients of a node's sums, from those parts of its state's and its cell's that its parent
  // passed on.
  void differentiate(int64_t index, int64_t tile, Vector<T> d_h, Vector<T> d_c, bool inner) {
    const int64_t node = node_at.get()[index], at = tile * lanes;
    const T* given = static_cast<const T*>(in.d_h) + in.row[node] * hidden;
    d_h += load_some<T>(given + at, this->units_of(tile));
    const T* gate = this->gates_of(node) + at;
    const auto i = load<T>(gate), o = load<T>(gate + padded), u = load<T>(gate + 2 * padded);
    const auto tanh_c = structnn::tanh<T>(load<T>(this->cell_of(node) + at));
    d_c += d_h * o * (T(1) - tanh_c * tanh_c);
    T* to = d_sums.get() + index * 4 * padded + at;
    store<T>(to, d_c * u * i * (T(1) - i));
    store<T>(to + padded, d_h * tanh_c * o * (T(1) - o));
    store<T>(to + 2 * padded, d_c * i * (T(1) - u * u));
    if (inner) {
      // All children's forget gates begin with the same sum.
      const auto factor = this->sum_children(node, [&](int64_t k) {
        const auto f = load<T>(this->forgets_of(k) + at);
        return load<T>(this->cell_of(k) + at) * f * (T(1) - f);
      });
      store<T>(to + 3 * padded, d_c * factor);
      store<T>(passed_by(node) + padded + at, d_c);
    }
  }

  // To the children.
  void pass_on(int64_t from, int64_t to) {
    const T* rows_of_sums[kSome];
    for (int64_t index = from; index < to; ++index) {
      rows_of_sums[index - from] = d_sums.get() + index * 4 * padded;
      this->sum_states(node_at.get()[index], sums.get() + index * hidden);
    }
    for (int64_t panel = 0; panel < one.panels(); ++panel)
      multiply<T>(rows_of_sums, {3, hidden, padded}, to - from, u_iou, panel,
                  [&](int64_t first, int rows, const T* product) {
                    const int64_t width = one.width(panel) * lanes;
                    for (int r = 0; r < rows; ++r, product += width)
                      std::memcpy(passed_by(node_at.get()[from + first + r]) +
                                      one.first_tile(panel) * lanes,
                                  product, width * sizeof(T));
                  });
  }

  // What the nodes at hand, all of them inner nodes or all leaves, add to the gradients.
  void use_up(bool inner) {
    if (at_hand == 0) return;
    const int64_t count = at_hand, gates = inner ? 4 : 3, stride = 4 * padded;
    const T *words_at[kSome], *sums_at[kSome], *d_sums_at[kSome];
    for (int64_t index = 0; index < count; ++index) {
      words_at[index] = this->x_of(node_at.get()[index]);
      sums_at[index] = sums.get() + index * hidden;
      d_sums_at[index] = d_sums.get() + index * stride;
    }
    const int64_t panels = one.panels();
    const int64_t slices = in.d_x ? ceil_div(count, 48) : 0;
    parallel_for(tiles + panels + slices, in.threads, [&](int64_t task) {
      if (task < tiles) {
        const Vectors<T> columns{d_sums.get() + task * lanes, padded, stride};
        if (in.d_w) accumulate<T>(words_at, columns, count, d_w_iou, task);
        if (inner && in.d_u_iou) accumulate<T>(sums_at, columns, count, d_u_iou, task);
        for (int64_t gate = 0; gate < gates; ++gate) add_rows(gate * padded + task * lanes);
      } else if (task < tiles + panels) {
        const int64_t panel = task - tiles, at = one.first_tile(panel) * lanes;
        if (in.d_u_f)
          accumulate<T>(states.get(), {d_forgets.get() + at, lanes, padded}, forgets_at_hand, d_u_f,
                        panel);
        if (inner && in.d_w)
          accumulate<T>(words_at, {d_sums.get() + 3 * padded + at, lanes, stride}, count, d_w_f,
                        panel);
      } else {
        const int64_t slice = task - tiles - panels, from = begin_of(slice, slices, count);
        differentiate_words(d_sums_at + from, from, begin_of(slice + 1, slices, count) - from,
                            {gates, hidden, padded});
      }
    });
    d_w_iou.filled = d_u_f.filled = true;
    d_w_f.filled |= inner;
    d_u_iou.filled |= inner;
    at_hand = forgets_at_hand = 0;
  }

  // Of one vector of the sums.
  void add_rows(int64_t at) {
    auto sum = load<T>(d_b.get() + at);
    for (int64_t index = 0; index < at_hand; ++index)
      sum += load<T>(d_sums.get() + index * 4 * padded + at);
    store<T>(d_b.get() + at, sum);
  }

  void differentiate_words(const T* const* rows_of_sums, int64_t from, int64_t count, Runs runs) {
    for (int64_t panel = 0; panel < words.panels(); ++panel)
      multiply<T>(
          rows_of_sums, runs, count, w, panel, [&](int64_t first, int rows, const T* product) {
            const int64_t at = words.first_tile(panel) * lanes, width = words.width(panel) * lanes;
            for (int r = 0; r < rows; ++r, product += width) {
              T* to =
                  static_cast<T*>(in.d_x) + in.row[node_at.get()[from + first + r]] * input + at;
              std::memcpy(to, product, std::min(width, input - at) * sizeof(T));
            }
          });
  }

  void hand_over() {
    if (in.d_w) {
      d_w_iou.unpack_transposed(static_cast<T*>(in.d_w));
      d_w_f.unpack_transposed(static_cast<T*>(in.d_w) + 3 * hidden * input);
    }
    if (in.d_u_iou) d_u_iou.unpack_transposed(static_cast<T*>(in.d_u_iou));
    if (in.d_u_f) d_u_f.unpack_transposed(static_cast<T*>(in.d_u_f));
    if (in.d_b) {
      for (int64_t gate = 0; gate < 4; ++gate)
        std::memcpy(static_cast<T*>(in.d_b) + gate * hidden, d_b.get() + gate * padded,
                    hidden * sizeof(T));
    }
  }
};

// Whether there was memory enough.
template <typename Pass>
int run(const ChildSum* given) {
  try {
    Pass(*given).run();
    return 1;
  } catch (const std::bad_alloc&) {
    return 0;
  }
}

template <typename T, typename Function>
void map(const T* x, T* out, int64_t size, Function function) {
  for (int64_t at = 0; at < size; at += kLanes<T>)
    store_some<T>(out + at, function(load_some<T>(x + at, size - at)), size - at);
}

}  // namespace

extern "C" {

int forward_float(const ChildSum* given) { return run<Forward<float>>(given); }
int forward_double(const ChildSum* given) { return run<Forward<double>>(given); }
int backward_float(const ChildSum* given) { return run<Backward<float>>(given); }
int backward_double(const ChildSum* given) { return run<Backward<double>>(given); }

int vector_bytes() { return kVectorBytes; }

void sigmoid_float(const float* x, float* out, int64_t size) { map(x, out, size, sigmoid<float>); }
void sigmoid_double(const double* x, double* out, int64_t size) {
  map(x, out, size, sigmoid<double>);
}
void tanh_float(const float* x, float* out, int64_t size) {
  map(x, out, size, structnn::tanh<float>);
}
void tanh_double(const double* x, double* out, int64_t size) {
  map(x, out, size, structnn::tanh<double>);
}
}
