// One layer of an LSTM over packed sequences, in one or both directions, forward only.
//
// The sums of the words (input weights and both biases) are computed before, for many steps at once.
// What is left is a product with the last states at each step, and the gates:
//
//   sums  (rows, directions, 4, hidden): gates in the order of torch.nn.LSTM, i f g o
//   u     for each direction: the packed weights of the states, with the gates of a unit side by side
//
// Rows are those of a PackedSequence: the first words of all sequences, the longest first, then the second
// words, and so on. Where the states are wanted in another order, `row` says in which.
#include "products.h"

using namespace structnn;

namespace {

struct Lstm {
  int64_t steps, batch, hidden, directions, threads;
  const int64_t* batch_sizes;  // (steps,): how many sequences have a word at this step
  const int64_t* row;          // (rows,): where in h the state of each row is; or null
  const void* sums;
  void* u;
  void* h;              // (rows, directions, hidden): the states
  void *last_h, *last_c;  // (directions, batch, hidden): what is before the first step; then the last
};

constexpr int kGates = 4;

template <typename T>
class Forward {
  static constexpr int64_t lanes = kLanes<T>;

  const Lstm& in;
  const int64_t hidden = in.hidden;
  const Columns<T> columns{kGates, hidden};
  const int64_t panels_bytes = Weights<T>::bytes(columns, hidden);
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
    const Weights<T> u(columns, hidden, static_cast<char*>(in.u) + direction * panels_bytes);
    const int64_t way = direction == 0 ? 1 : -1;
    int64_t step = direction == 0 ? 0 : in.steps - 1;
    for (int64_t done = 0; done < in.steps; ++done, step += way) {
      const int64_t stop = size_at(step) < end ? size_at(step) : end;
      for (int64_t sequence = first; sequence < stop; ++sequence)
        before.get()[sequence - first] = sequence < size_at(step - way)
                                             ? state_at(step - way, sequence, direction)
                                             : last(in.last_h, sequence, direction);
      if (first < stop) advance(direction, step, first, stop - first, before.get(), u);
      for (int64_t sequence = first; sequence < stop; ++sequence)
        if (sequence >= size_at(step + way))
          std::memcpy(last(in.last_h, sequence, direction), state_at(step, sequence, direction),
                      hidden * sizeof(T));
    }
  }

  void advance(int64_t direction, int64_t step, int64_t first, int64_t count,
               const T* const* before, const Weights<T>& u) const {
    const T* words = static_cast<const T*>(in.sums) +
                     ((begin_at.get()[step] + first) * in.directions + direction) * kGates * hidden;
    const int64_t words_stride = in.directions * kGates * hidden;
    const auto word_at = [&](int64_t row, int64_t tile) {
      return words + row * words_stride + tile * lanes;
    };
    const auto cell_at = [&](int64_t row, int64_t tile) {
      return last(in.last_c, first + row, direction) + tile * lanes;
    };
    // What lies in rows far apart, a vector of each at a time, no processor foresees.
    const auto fetch_all = [&](int64_t from, int rows, int64_t tile) {
      for (int64_t row = from; row < from + rows; ++row) {
        for (int gate = 0; gate < kGates; ++gate) fetch<T>(word_at(row, tile) + gate * hidden);
        fetch<T>(cell_at(row, tile));
      }
    };
    // All cells first, then all states: each is a long chain of operations, and those of several rows
    // run side by side.
    const auto compute = [&](int64_t from, int rows, int64_t tile, const T* product) {
      const int64_t units = hidden - tile * lanes;
      T kept[kMostRows][2][lanes];  // cells and output gates
      for (int row = 0; row < rows; ++row, product += kGates * lanes) {
        const T* word = word_at(from + row, tile);
        T* cell = cell_at(from + row, tile);
        Vector<T> gates[kGates];
        for (int gate = 0; gate < kGates; ++gate)
          gates[gate] =
              load<T>(product + gate * lanes) + load_some<T>(word + gate * hidden, units);
        const auto c = sigmoid<T>(gates[0]) * tanh<T>(gates[2]) +
                       sigmoid<T>(gates[1]) * load_some<T>(cell, units);
        store_some<T>(cell, c, units);
        store<T>(kept[row][0], c);
        store<T>(kept[row][1], sigmoid<T>(gates[3]));
      }
      for (int row = 0; row < rows; ++row)
        store_some<T>(state_at(step, first + from + row, direction) + tile * lanes,
                      load<T>(kept[row][1]) * tanh<T>(load<T>(kept[row][0])), units);
    };
    multiply_blocks(Rows<T>(before, hidden, count), u, fetch_all, compute);
  }
};

}  // namespace

extern "C" {

int forward(const Lstm* given) { return run<Forward<Number>>(given); }

// The weights of a direction's states, ``(4 * hidden, hidden)``, packed, and how much memory they need.
int64_t packed_bytes(int64_t hidden) { return Weights<Number>::bytes({kGates, hidden}, hidden); }
void pack(const Number* u, int64_t hidden, void* packed) {
  Weights<Number>({kGates, hidden}, hidden, packed).pack_transposed(u);
}
}
