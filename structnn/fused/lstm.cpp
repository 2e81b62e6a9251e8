// One layer of an LSTM over packed sequences, in one or both directions, forward only.
//
// The sums of the words (input weights and both biases) are computed before, for many steps at once.
// What is left is a product with the last states at each step, and the gates:
//
//   sums  (rows, directions, 4, hidden): gates in the order of torch.nn.LSTM, i f g o
//   u     (directions, tiles, hidden, 4, lanes): the weights of the states, a panel for each tile
//
// A tile is a vector of units, with all their gates; the last one is filled up with zeros. Rows are
// those of a PackedSequence: the first words of all sequences, the longest first, then the second
// words, and so on. Where the states are wanted in another order, `row` says in which.
#include "products.h"

using namespace structnn;

namespace {

struct Lstm {
  int64_t steps, batch, hidden, directions, threads;
  const int64_t* batch_sizes;  // (steps,): how many sequences have a word at this step
  const int64_t* row;          // (rows,): where in h the state of each row is; or null
  const void *sums, *u;
  void* h;              // (rows, directions, hidden): the states
  void *last_h, *last_c;  // (directions, batch, hidden): what is before the first step; then the last
};

constexpr int kGates = 4;

template <typename T>
class Forward {
  static constexpr int64_t lanes = kLanes<T>;

  const Lstm& in;
  const int64_t hidden = in.hidden, tiles = ceil_div(hidden, lanes);
  Buffer<int64_t> begin_at;  // (steps,): the first row of each step

 public:
  explicit Forward(const Lstm& given) : in(given), begin_at(given.steps) {
    for (int64_t step = 0, row = 0; step < in.steps; row += in.batch_sizes[step++])
      begin_at.get()[step] = row;
  }

  // Sequences know nothing of each other, nor do directions.
  void run() {
    const int64_t parts = in.threads > in.batch ? in.batch : in.threads;
    parallel_for(in.directions * parts, in.threads, [&](int64_t task) {
      const int64_t part = task / in.directions;
      read(task % in.directions, begin_of(part, parts, in.batch),
           begin_of(part + 1, parts, in.batch));
    });
  }

 private:
  int64_t size_at(int64_t step) const {
    return step >= 0 && step < in.steps ? in.batch_sizes[step] : 0;
  }
  T* state_at(int64_t step, int64_t sequence, int64_t direction) const {
    const int64_t row = begin_at.get()[step] + sequence;
    return static_cast<T*>(in.h) +
           ((in.row ? in.row[row] : row) * in.directions + direction) * hidden;
  }
  T* last(void* kept, int64_t sequence, int64_t direction) const {
    return static_cast<T*>(kept) + (direction * in.batch + sequence) * hidden;
  }

  // The sequences from `first` up to `end`, in one direction.
  void read(int64_t direction, int64_t first, int64_t end) const {
    Buffer<const T*> before(end - first);
    const int64_t way = direction == 0 ? 1 : -1;
    int64_t step = direction == 0 ? 0 : in.steps - 1;
    for (int64_t done = 0; done < in.steps; ++done, step += way) {
      const int64_t stop = size_at(step) < end ? size_at(step) : end;
      for (int64_t sequence = first; sequence < stop; ++sequence)
        before.get()[sequence - first] = sequence < size_at(step - way)
                                             ? state_at(step - way, sequence, direction)
                                             : last(in.last_h, sequence, direction);
      if (first < stop) advance(direction, step, first, stop - first, before.get());
      for (int64_t sequence = first; sequence < stop; ++sequence)
        if (sequence >= size_at(step + way))
          std::memcpy(last(in.last_h, sequence, direction), state_at(step, sequence, direction),
                      hidden * sizeof(T));
    }
  }

  void advance(int64_t direction, int64_t step, int64_t first, int64_t count,
               const T* const* before) const {
    constexpr auto all = std::make_integer_sequence<int, most_rows(kGates)>();
    alignas(64) T product[most_rows(kGates) * kGates * lanes];
    const T* words = static_cast<const T*>(in.sums) +
                     ((begin_at.get()[step] + first) * in.directions + direction) * kGates * hidden;
    const int64_t words_stride = in.directions * kGates * hidden;
    const int64_t panel_size = hidden * kGates * lanes;
    const T* panel = static_cast<const T*>(in.u) + direction * tiles * panel_size;
    for (int64_t at = 0; at < hidden; at += lanes, panel += panel_size) {
      const int64_t units = hidden - at;
      for_blocks(count, kGates, [&](int64_t from, int rows) {
        // What lies in rows far apart, a vector of each at a time, no processor foresees.
        for (int row = 0; row < rows; ++row) {
          const T* word = words + (from + row) * words_stride + at;
          for (int gate = 0; gate < kGates; ++gate) fetch<T>(word + gate * hidden);
          fetch<T>(last(in.last_c, first + from + row, direction) + at);
        }
        choose_block<T, Vector<T>, kGates>(rows, all)
            .multiply(before + from, hidden, panel, product);
        // All cells first, then all states: each is a long chain of operations, and those of several
        // rows run side by side.
        for (int row = 0; row < rows; ++row) {
          T* const sums = product + row * kGates * lanes;
          const T* word = words + (from + row) * words_stride + at;
          T* cell = last(in.last_c, first + from + row, direction) + at;
          Vector<T> gates[kGates];
          for (int gate = 0; gate < kGates; ++gate)
            gates[gate] =
                load<T>(sums + gate * lanes) + load_some<T>(word + gate * hidden, units);
          const auto c = sigmoid<T>(gates[0]) * tanh<T>(gates[2]) +
                         sigmoid<T>(gates[1]) * load_some<T>(cell, units);
          store_some<T>(cell, c, units);
          store<T>(sums, c);
          store<T>(sums + lanes, sigmoid<T>(gates[3]));
        }
        for (int row = 0; row < rows; ++row) {
          const T* const kept = product + row * kGates * lanes;
          store_some<T>(state_at(step, first + from + row, direction) + at,
                        load<T>(kept + lanes) * tanh<T>(load<T>(kept)), units);
        }
      });
    }
  }
};

}  // namespace

extern "C" {

int forward(const Lstm* given) { return run<Forward<Number>>(given); }

// The weights of a direction's states, ``(4 * hidden, hidden)``, in panels.
int pack(const Number* u, int64_t hidden, Number* panels) {
  try {
    Packed<Number> packed({kGates, hidden}, hidden);
    packed.pack_transposed(u);
    std::memcpy(panels, packed.panel(0), packed.columns.padded() * hidden * sizeof(Number));
    return 1;
  } catch (const std::bad_alloc&) {
    return 0;
  }
}

int vector_bytes() { return kVectorBytes; }
}
