// One layer of an LSTM over packed sequences, in one or both directions, forward only.
//
// Words are those of a PackedSequence: the first words of all sequences, the longest first, then the second
// words, and so on. Where they lie in another order, `row` says in which.
//
// The words of many steps are multiplied at once; their sums are kept until the steps are taken:
//
//   sums  (directions, words, tiles, gates, lanes): gates in the order of torch.nn.LSTM, i f g o
#include "products.h"

using namespace structnn;

namespace {

struct Lstm {
  int64_t steps, batch, input, hidden, directions, threads;
  int64_t few;                 // whether u is packed for few sequences
  int64_t from_zeros;          // whether all states before the first step are zeros: last_h isn't read
  const int64_t* batch_sizes;  // (steps,): how many sequences have a word at this step
  const int64_t* row;          // (words,): of each word in x and in h; or null
  const void *x, *b;           // (words, input) and (directions, 4, hidden)
  void *w, *u;                 // (directions, ...): packed, see `pack`
  void* h;                     // (words, directions, hidden): the states
  // (directions, batch, hidden): what is before the first step; then the last. States may be null where
  // they are zeros and the last ones aren't wanted.
  void *last_h, *last_c;
};

constexpr int kGates = 4;

// So many sequences are few, for StateWeights: more where the weights of states, packed for a matrix unit,
// are larger than the second cache.
constexpr int64_t kFew = 8, kFewWide = 16, kSecondCache = int64_t(1) << 21;

// Words whose sums are kept at once, so that memory doesn't grow with the sequences. Each time all weights
// are read.
constexpr int64_t kAtOnce = 1024;

template <typename T>
class Forward {
  static constexpr int64_t lanes = kLanes<T>;

  const Lstm& in;
  const int64_t hidden = in.hidden;
  const Columns<T> gates{kGates, hidden};
  const int64_t tiles = gates.tiles(), padded = gates.padded();
  Buffer<int64_t> begin;       // (steps + 1,): the first word of each step
  std::vector<int64_t> parts;  // the first sequence of each part, and the end
  Buffer<T> b;                 // (directions, tiles, gates, lanes)

 public:
  explicit Forward(const Lstm& given)
      : in(given), begin(given.steps + 1), b(given.directions * padded) {
    begin.get()[0] = 0;
    for (int64_t step = 0; step < in.steps; ++step)
      begin.get()[step + 1] = begin.get()[step] + in.batch_sizes[step];
    divide_sequences();
    for (int64_t direction = 0; direction < in.directions; ++direction)
      for (int64_t tile = 0; tile < tiles; ++tile)
        for (int gate = 0; gate < kGates; ++gate)
          store<T>(b.get() + direction * padded + (tile * kGates + gate) * lanes,
                   load_some<T>(static_cast<const T*>(in.b) + (direction * kGates + gate) * hidden +
                                    tile * lanes,
                                units_of(tile)));
  }

  // Each direction takes its portions of steps in its own order.
  void run() {
    std::vector<int64_t> portions{0};  // the first step of each, and the end
    int64_t most = 0;
    for (int64_t step = 1; step <= in.steps; ++step)
      if (const int64_t words = begin.get()[step] - begin.get()[portions.back()];
          words >= kAtOnce || step == in.steps) {
        portions.push_back(step);
        most = std::max(most, words);
      }
    Buffer<T> sums(in.directions * most * padded);
    const int64_t count = int64_t(portions.size()) - 1;
    for (int64_t index = 0; index < count; ++index)
      read([&](int64_t direction) {
        const int64_t portion = direction == 0 ? index : count - 1 - index;
        return Portion{portions[portion], portions[portion + 1],
                       sums.get() + direction * most * padded};
      });
  }

 private:
  struct Portion {
    int64_t first, end;  // steps
    T* sums;
  };

  // A part for each thread, with about as many words.
  void divide_sequences() {
    const int64_t count = std::min(in.threads, in.batch), words = begin.get()[in.steps];
    parts.push_back(0);
    for (int64_t sequence = 0, length = in.steps, read = 0; sequence < in.batch; ++sequence) {
      while (size_at(length - 1) <= sequence) --length;
      read += length;
      if (read * count >= int64_t(parts.size()) * words) parts.push_back(sequence + 1);
    }
  }

  int64_t size_at(int64_t step) const {
    return step >= 0 && step < in.steps ? in.batch_sizes[step] : 0;
  }
  int64_t row_of(int64_t word) const { return in.row ? in.row[word] : word; }
  T* state_at(int64_t step, int64_t sequence, int64_t direction) const {
    return static_cast<T*>(in.h) +
           (row_of(begin.get()[step] + sequence) * in.directions + direction) * hidden;
  }
  T* last(void* kept, int64_t sequence, int64_t direction) const {
    return static_cast<T*>(kept) + (direction * in.batch + sequence) * hidden;
  }
  int64_t units_of(int64_t tile) const { return hidden - tile * lanes; }

  // Sequences know nothing of each other, nor do directions.
  template <typename PortionOf>
  void read(PortionOf portion_of) const {
    for (int64_t direction = 0; direction < in.directions; ++direction) {
      const Portion portion = portion_of(direction);
      for_pieces(begin.get()[portion.first], begin.get()[portion.end], in.threads,
                 [&](int64_t from, int64_t to) { project(direction, portion, from, to); });
    }
    const int64_t count = int64_t(parts.size()) - 1;
    parallel_for(in.directions * count, in.threads, [&](int64_t task) {
      const int64_t part = task / in.directions, direction = task % in.directions;
      const Portion portion = portion_of(direction);
      if (in.few)
        advance(direction, portion, parts[part], parts[part + 1],
                weights<StateWeights<T>>(in.u, hidden, direction));
      else
        advance(direction, portion, parts[part], parts[part + 1],
                weights<Weights<T>>(in.u, hidden, direction));
    });
  }

  // The sums of some words.
  void project(int64_t direction, const Portion& portion, int64_t from, int64_t to) const {
    const T* words[kSome];
    for (int64_t word = from; word < to; ++word)
      words[word - from] = static_cast<const T*>(in.x) + row_of(word) * in.input;
    T* const sums = portion.sums + (from - begin.get()[portion.first]) * padded;
    const T* const bias = b.get() + direction * padded;
    multiply(Rows<T>(words, in.input, to - from), weights<Weights<T>>(in.w, in.input, direction),
             [&](int64_t row, int64_t tile, const T* sum) {
               for (int64_t at = tile * kGates * lanes; at < (tile + 1) * kGates * lanes;
                    at += lanes, sum += lanes)
                 store<T>(sums + row * padded + at, load<T>(sum) + load<T>(bias + at));
             });
  }

  template <typename Kind>
  Kind weights(void* packed, int64_t depth, int64_t direction) const {
    return Kind(gates, depth, static_cast<char*>(packed) + direction * Kind::bytes(gates, depth));
  }

  // The sequences from `first` up to `end` through the steps of a portion.
  template <typename States>
  void advance(int64_t direction, const Portion& portion, int64_t first, int64_t end,
               const States& u) const {
    Buffer<const T*> before(end - first);
    const int64_t way = direction == 0 ? 1 : -1;
    int64_t step = direction == 0 ? portion.first : portion.end - 1;
    for (; step >= portion.first && step < portion.end; step += way) {
      const int64_t stop = std::min(size_at(step), end), old = size_at(step - way);
      if (first >= stop) continue;
      // Sequences that begin here are behind the others.
      const int64_t known = in.from_zeros ? std::max(first, std::min(stop, old)) : stop;
      for (int64_t sequence = first; sequence < known; ++sequence)
        before.get()[sequence - first] = sequence < old
                                             ? state_at(step - way, sequence, direction)
                                             : last(in.last_h, sequence, direction);
      take_step(direction, step, first, stop - first, before.get(), known - first, u,
                portion.sums + (begin.get()[step] - begin.get()[portion.first]) * padded);
      for (int64_t sequence = std::max(first, size_at(step + way)); in.last_h && sequence < stop;
           ++sequence)
        std::memcpy(last(in.last_h, sequence, direction), state_at(step, sequence, direction),
                    hidden * sizeof(T));
    }
  }

  // The states of `count` sequences at a step, `known` of which have one before.
  template <typename States>
  void take_step(int64_t direction, int64_t step, int64_t first, int64_t count,
                 const T* const* before, int64_t known, const States& u, const T* sums) const {
    const auto word_at = [&](int64_t row, int64_t tile) {
      return sums + (first + row) * padded + tile * kGates * lanes;
    };
    const auto cell_at = [&](int64_t row, int64_t tile) {
      return last(in.last_c, first + row, direction) + tile * lanes;
    };
    // What lies in rows far apart, a vector of each at a time, no processor foresees.
    const auto fetch_all = [&](int64_t from, int rows, int64_t tile) {
      for (int64_t row = from; row < from + rows; ++row) {
        for (int gate = 0; gate < kGates; ++gate) fetch<T>(word_at(row, tile) + gate * lanes);
        fetch<T>(cell_at(row, tile));
      }
    };
    // In the product the cells and the output gates are left for the states.
    const auto compute_cells = [&](int64_t from, int rows, int64_t tile, T* product) {
      const int64_t units = units_of(tile);
      for (int row = 0; row < rows; ++row, product += kGates * lanes) {
        const T* word = word_at(from + row, tile);
        T* cell = cell_at(from + row, tile);
        Vector<T> gates[kGates];
        for (int gate = 0; gate < kGates; ++gate)
          gates[gate] = load<T>(product + gate * lanes) + load<T>(word + gate * lanes);
        const auto c = sigmoid<T>(gates[0]) * tanh<T>(gates[2]) +
                       sigmoid<T>(gates[1]) * load_some<T>(cell, units);
        store_some<T>(cell, c, units);
        store<T>(product, c);
        store<T>(product + lanes, sigmoid<T>(gates[3]));
      }
    };
    const auto compute_states = [&](int64_t from, int rows, int64_t tile, const T* left) {
      for (int row = 0; row < rows; ++row, left += kGates * lanes)
        store_some<T>(state_at(step, first + from + row, direction) + tile * lanes,
                      load<T>(left + lanes) * tanh<T>(load<T>(left)), units_of(tile));
    };
    constexpr bool few = std::is_same_v<States, StateWeights<T>>;
    using RowsOf = std::conditional_t<few, StateRows<T>, Rows<T>>;
    multiply_blocks(RowsOf(before, hidden, known), u, fetch_all, compute_cells, compute_states);
    for (int64_t row = known; row < count; row += kMostRows)
      for (int64_t tile = 0; tile < tiles; ++tile) {
        const int rows = int(std::min<int64_t>(count - row, kMostRows));
        T nothing[kMostRows * kGates * lanes] = {};
        compute_cells(row, rows, tile, nothing);
        compute_states(row, rows, tile, nothing);
      }
  }
};

}  // namespace

extern "C" {

int forward(const Lstm* given) { return run<Forward<Number>>(given); }

// Whether so many sequences at a step are few.
int are_few(int64_t hidden, int64_t sequences) {
  if (!kByMatrixUnit<Number>) return 0;
  const bool wide = Weights<Number>::bytes({kGates, hidden}, hidden) > kSecondCache;
  return sequences < (wide ? kFewWide : kFew);
}

// The weights of a direction's words or states, ``(4 * hidden, depth)``, packed, and how much memory they
// need.
int64_t packed_bytes(int64_t hidden, int64_t depth, int64_t few) {
  const Columns<Number> gates{kGates, hidden};
  return few ? StateWeights<Number>::bytes(gates, depth) : Weights<Number>::bytes(gates, depth);
}
void pack(const Number* weights, int64_t hidden, int64_t depth, int64_t few, int64_t threads,
          void* packed) {
  const Columns<Number> gates{kGates, hidden};
  if (few)
    StateWeights<Number>(gates, depth, packed).pack_transposed(weights, threads);
  else
    Weights<Number>(gates, depth, packed).pack_transposed(weights, threads);
}
}
