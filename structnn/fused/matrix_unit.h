// Products of float32 by a processor's matrix unit (Intel AMX), as precise as those by its vectors.
//
// The unit multiplies bfloat16, numbers with 8 bits of precision, and sums in float32. A number is the
// sum of three of them, its parts: 24 bits, as many as a float32 has. Of the nine products of two
// numbers' parts, those of the first with all three, of the second with the first two, and of the
// third with the first are computed. What is left out is below 2^-24 of the product, the rounding of
// a float32. Henry, Tang & Heinecke, "Leveraging the bfloat16 artificial intelligence datatype for
// higher-precision computations" (2019).
//
// A tile of the unit is 16 rows of 64 bytes: (16, 32) bfloat16 of the left factor; of the right one
// (32, 16), two rows of the matrix side by side in each of the tile's; (16, 16) sums. All factors lie
// in memory as whole tiles: for each step, 32 of what is summed over, three tiles with the parts. Side
// by side in a step are the first and the seventeenth, the second and the eighteenth, and so on: what
// is summed over may be in any order.
//
// Numbers below 2^-126 count as zeros. In a left factor infinities, and the few numbers beyond the
// largest bfloat16, count as about that, 3.4e38: a gate that reads one of them is open or closed all the
// same. Where sums overflow in both directions there is NaN, as in float32, if not for the same ones.
#pragma once

#if defined(__AMX_BF16__) && defined(__AMX_TILE__) && defined(__AVX512BW__)
#define STRUCTNN_MATRIX_UNIT

#include <immintrin.h>

#include <utility>

#include "gradients.h"
#include "panels.h"

namespace structnn {

using Bfloat16 = uint16_t;  // its bits

constexpr int kParts = 3;
constexpr int64_t kStep = 32;            // what is summed over, of a tile
constexpr int64_t kSide = 16;            // the rows of a tile, and its columns of sums
constexpr int64_t kTile = kSide * kStep;  // the numbers of a tile
constexpr int64_t kTileRow = 64;         // bytes

// The tiles' registers: up to four of sums, one for each part of the left factor, one of the right.
// The unit is set up for as many rows on the left as are wanted, while this lives.
constexpr int kLeft = 4, kRight = 7;

class Registers {
 public:
  explicit Registers(int64_t rows) {
    struct alignas(64) {
      uint8_t palette = 1, start = 0, reserved[14] = {};
      uint16_t row_bytes[16] = {};
      uint8_t rows[16] = {};
    } setup;
    for (int tile = 0; tile <= kRight; ++tile) {
      setup.row_bytes[tile] = kTileRow;
      // With fewer rows than four it is slower than with four.
      setup.rows[tile] = uint8_t(tile == kRight ? kSide : std::max<int64_t>(rows, 4));
    }
    asm volatile("ldtilecfg %0" ::"m"(setup));
  }
  ~Registers() { asm volatile("tilerelease"); }
  Registers(const Registers&) = delete;
  Registers& operator=(const Registers&) = delete;
};

template <int kRegister>
inline void load_tile(const void* from, int64_t stride = kTileRow) {
  asm volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(stride), "i"(kRegister) : "memory");
}
// The same for what is read once: it leaves in the first cache what is read again.
template <int kRegister>
inline void stream_tile(const void* from) {
  asm volatile("tileloaddt1 (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(kTileRow), "i"(kRegister)
               : "memory");
}
template <int kRegister>
inline void store_tile(void* to, int64_t stride) {
  asm volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(to), "r"(stride), "i"(kRegister) : "memory");
}
template <int kRegister>
inline void clear_tile() {
  asm volatile("tilezero %%tmm%c0" ::"i"(kRegister));
}
template <int kSums, int kFirst, int kSecond>
inline void multiply_tile() {
  asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(kSums), "i"(kFirst), "i"(kSecond));
}

// Adds to the sums in register kSums the products with a tile's parts, those of the left one being in
// their registers.
template <int kSums>
STRUCTNN_INLINE void multiply_parts(const Bfloat16* right) {
  stream_tile<kRight>(right);
  multiply_tile<kSums, kLeft, kRight>();
  multiply_tile<kSums, kLeft + 1, kRight>();
  multiply_tile<kSums, kLeft + 2, kRight>();
  stream_tile<kRight>(right + kTile);
  multiply_tile<kSums, kLeft, kRight>();
  multiply_tile<kSums, kLeft + 1, kRight>();
  stream_tile<kRight>(right + 2 * kTile);
  multiply_tile<kSums, kLeft, kRight>();
}

// sums = left * right, or added to what is there: left is ``(steps, parts)`` tiles, right ``(steps,
// width, parts)``, and sums are ``(rows, width, lanes)``, rows `stride` bytes apart. The unit works by
// itself: beside(slot) is what the processor does meanwhile, once for each column of each step. Only few
// of the unit's operations wait for their turn, so that it has to be little, without long chains of
// operations: more than about 60 of them, or 100 cycles, and the unit is idle.
template <int... kColumn, typename Beside>
void multiply_columns(const Bfloat16* left, const Bfloat16* right, int64_t steps, float* sums,
                      int64_t stride, bool add, Beside beside,
                      std::integer_sequence<int, kColumn...>) {
  constexpr int64_t width = sizeof...(kColumn);
  if (add)
    (load_tile<kColumn>(sums + kColumn * kSide, stride), ...);
  else
    (clear_tile<kColumn>(), ...);
  for (int64_t step = 0; step < steps; ++step) {
    load_tile<kLeft>(left);
    load_tile<kLeft + 1>(left + kTile);
    load_tile<kLeft + 2>(left + 2 * kTile);
    ((multiply_parts<kColumn>(right + kColumn * kParts * kTile), beside(step * width + kColumn)), ...);
    left += kParts * kTile;
    right += width * kParts * kTile;
  }
  (store_tile<kColumn>(sums + kColumn * kSide, stride), ...);
}

template <int kWidth = kMostWidth, typename Beside>
void multiply_split(int width, const Bfloat16* left, const Bfloat16* right, int64_t steps,
                    float* sums, int64_t stride, bool add, Beside beside) {
  if constexpr (kWidth > 1)
    if (width < kWidth)
      return multiply_split<kWidth - 1>(width, left, right, steps, sums, stride, add, beside);
  multiply_columns(left, right, steps, sums, stride, add, beside,
                   std::make_integer_sequence<int, kWidth>());
}

// Numbers that are rounded to a bfloat16: none but NaN, of which and another one min and max take the
// second, is beyond the largest of these.
STRUCTNN_INLINE __m512 bounded(__m512 numbers) {
  const __m512 most = _mm512_castsi512_ps(_mm512_set1_epi32(0x7F7F7FFF));
  return _mm512_max_ps(-most, _mm512_min_ps(most, numbers));
}

// The parts of two vectors, numbers of either by turns. All but the last part are rounded to the nearest
// bfloat16, the last one is one without rounding, so that NaN stays NaN whatever its bits are.
STRUCTNN_INLINE void split(__m512 even, __m512 odd, __m512i* parts) {
  const __m512i half = _mm512_set1_epi32(0x8000), upper = _mm512_set1_epi32(int(0xFFFF0000));
  for (int part = 0; part < kParts; ++part) {
    __m512i low = _mm512_castps_si512(even), high = _mm512_castps_si512(odd);
    if (part < kParts - 1) {
      low = _mm512_and_si512(_mm512_add_epi32(low, half), upper);
      high = _mm512_and_si512(_mm512_add_epi32(high, half), upper);
      even -= _mm512_castsi512_ps(low);
      odd -= _mm512_castsi512_ps(high);
    }
    parts[part] = _mm512_or_si512(_mm512_srli_epi32(low, 16), _mm512_and_si512(high, upper));
  }
}

// Stores the parts of the rows of a tile, given by their halves.
STRUCTNN_INLINE void store_parts(const __m512* even, const __m512* odd, Bfloat16* to) {
  for (int64_t row = 0; row < kSide; ++row) {
    __m512i parts[kParts];
    split(even[row], odd[row], parts);
    for (int part = 0; part < kParts; ++part)
      _mm512_store_si512(to + part * kTile + row * kStep, parts[part]);
  }
}

// The first columns of so many rows row(index), transposed: ``(steps, parts)`` tiles.
template <typename Row>
void split_transposed(Row row, int64_t count, int64_t columns, Bfloat16* to) {
  for (int64_t n = 0; n < count; n += kStep, to += kParts * kTile) {
    __m512 square[2][kSide];
    for (int half = 0; half < 2; ++half) {
      const int64_t at = n + half * kSide;
      load_transposed<float>([&](int64_t i) { return row(at + i); }, count - at, columns, square[half]);
    }
    store_parts(square[0], square[1], to);
  }
}

// Some rows of a matrix, which may lie anywhere, as the left factor of multiply.
class SplitRows {
 public:
  const int64_t count, steps, blocks, rows;  // of a block, fewer in the last one

  SplitRows(const float* const* from, int64_t depth, int64_t count)
      : count(count),
        steps(ceil_div(depth, kStep)),
        blocks(ceil_div(count, kSide)),
        rows(count ? ceil_div(count, blocks) : 0),
        tiles_(blocks * steps * kParts * kTile) {
    for (int64_t n = 0; n < count; ++n) {
      Bfloat16* to = block(n / rows) + n % rows * kStep;
      for (int64_t k = 0; k < depth; k += kStep, to += kParts * kTile) {
        const float* at = from[n] + k;
        __m512i parts[kParts];
        split(bounded(load_some<float>(at, depth - k)),
              bounded(load_some<float>(at + kSide, depth - k - kSide)), parts);
        for (int part = 0; part < kParts; ++part) _mm512_store_si512(to + part * kTile, parts[part]);
      }
    }
  }

  Bfloat16* block(int64_t index) const { return tiles_.get() + index * steps * kParts * kTile; }

 private:
  Buffer<Bfloat16> tiles_;
};

// A matrix in panels as the right factor of multiply: of each panel ``(steps, width, parts)`` tiles.
// It may be given the memory that it is in.
class SplitPanels {
 public:
  const Columns<float> columns;
  const int64_t depth, steps;

  SplitPanels(Columns<float> columns, int64_t depth, void* memory = nullptr)
      : columns(columns),
        depth(depth),
        steps(ceil_div(depth, kStep)),
        own_(memory ? 0 : bytes(columns, depth) / sizeof(Bfloat16)),
        tiles_(memory ? static_cast<Bfloat16*>(memory) : own_.get()) {}

  static int64_t bytes(Columns<float> columns, int64_t depth) {
    return columns.padded() * ceil_div(depth, kStep) * kStep * kParts * sizeof(Bfloat16);
  }

  Bfloat16* panel(int64_t index) const {
    return tiles_ + columns.first_tile(index) * columns.groups * steps * kParts * kTile;
  }

  // As Packed's.
  void pack_transposed(const float* matrix, int64_t threads = 1) {
    columns.for_vectors(threads, [&](int64_t index, int vector, int64_t column, int64_t count) {
      Bfloat16* to = tiles_of(index, vector);
      for (int64_t k = 0; k < depth; k += kStep, to += stride(index)) {
        __m512 square[2][kSide];
        for (int half = 0; half < 2; ++half) {
          const int64_t at = k + half * kSide;
          load_transposed<float>([&](int64_t i) { return matrix + (column + i) * depth + at; }, count,
                                 depth - at, square[half]);
        }
        store_parts(square[0], square[1], to);
      }
    });
  }

  // As Packed's. A step at a time: its rows lie side by side.
  template <typename Row>
  void pack_rows(Row row, int64_t threads = 1) {
    parallel_for(steps, threads, [&](int64_t step) {
      columns.for_vectors(1, [&](int64_t panel, int vector, int64_t column, int64_t units) {
        const auto number = [&](int64_t k) {
          return k < depth ? load_some<float>(row(k) + column, units) : _mm512_setzero_ps();
        };
        __m512 rows[2][kSide];
        for (int64_t k = 0; k < kStep; ++k) rows[k / kSide][k % kSide] = number(step * kStep + k);
        store_parts(rows[0], rows[1], tiles_of(panel, vector) + step * stride(panel));
      });
    });
  }

 private:
  Buffer<Bfloat16> own_;
  Bfloat16* const tiles_;

  // The first tile of a vector of a panel, and how far those of a step are from those of the next one.
  Bfloat16* tiles_of(int64_t index, int vector) const {
    return panel(index) + vector * kParts * kTile;
  }
  int64_t stride(int64_t index) const { return columns.width(index) * kParts * kTile; }
};

// As for GivenRows. While the unit multiplies a block, the rows of the block before are at work.
template <typename Before, typename... Functions>
void multiply_blocks(const SplitRows& a, const SplitPanels& b, Before before, Functions... functions) {
  struct {
    int64_t first, rows, panel;
    alignas(64) float product[kSide * kMostWidth * kSide];
  } blocks[2];
  // Blocks, and how many pieces of the last one but one are done, rows that go through a function.
  int64_t count = 0, done = 0;
  const auto work_until = [&](int64_t end) {
    auto& block = blocks[count % 2];
    int64_t passed = 0;  // pieces of the functions before
    const auto work = [&](auto& function) {
      const int64_t from = std::max(done - passed, int64_t(0));
      const int64_t to = std::min(end - passed, block.rows);
      if (from < to)
        function(block.first + from, int(to - from), block.panel,
                 block.product + from * b.columns.width(block.panel) * kSide);
      passed += block.rows;
    };
    (work(functions), ...);
    done = end;
  };
  const Registers registers(a.rows);
  // Each block of rows stays in the first cache while it goes through some panels, which stay in the
  // second one until the last block has gone through them.
  constexpr int64_t kStaying = int64_t(1) << 19;  // bytes
  const int64_t panels = b.columns.panels();
  const int64_t portions = std::min(panels, ceil_div(b.bytes(b.columns, b.depth), kStaying));
  blocks[1].rows = 0;
  for (int64_t portion = 0; portion < portions; ++portion)
    for (int64_t index = 0; index < a.blocks; ++index)
      for (int64_t panel = begin_of(portion, portions, panels);
           panel < begin_of(portion + 1, portions, panels); ++panel) {
        auto& block = blocks[count++ % 2];
        const int64_t pieces = blocks[count % 2].rows * sizeof...(functions);
        const int width = b.columns.width(panel);
        block.first = index * a.rows;
        block.rows = std::min(a.rows, a.count - block.first);
        block.panel = panel;
        before(block.first, int(block.rows), panel);
        multiply_split(
            width, a.block(index), b.panel(panel), a.steps, block.product, width * kTileRow, false,
            [&](int64_t slot) { work_until(begin_of(slot + 1, a.steps * width, pieces)); });
        work_until(pieces);
        done = 0;
      }
  if (count++) work_until(blocks[count % 2].rows * sizeof...(functions));
}

// Adds transposed(a) * b to a part of the rows of out.
inline void accumulate(Matrix<float> a, const SplitPanels& b, const Gradient<float>& out,
                       int64_t part) {
  const Registers registers(kSide);
  Buffer<Bfloat16> left(b.steps * kParts * kTile);
  const int64_t end = part * kPart + out.rows_of(part);
  for (int64_t first = part * kPart; first < end; first += kSide) {
    const int64_t rows = std::min(kSide, end - first);
    split_transposed([&](int64_t n) { return a(n) + first; }, b.depth, rows, left.get());
    for (int64_t panel = 0; panel < b.columns.panels(); ++panel) {
      const int width = b.columns.width(panel);
      const int64_t column = b.columns.first_tile(panel) * kSide, columns = width * kSide;
      float* const sums = out.row(first) + column;
      const auto multiply = [&](float* to, int64_t stride) {
        multiply_split(width, left.get(), b.panel(panel), b.steps, to, stride * sizeof(float),
                       out.filled, [](int64_t) {});
      };
      if (rows == kSide && column + columns <= out.columns) {
        multiply(sums, out.stride);
        continue;
      }
      // What is behind the last row and the last column is not the matrix's.
      alignas(64) float block[kSide * kMostWidth * kSide];
      const int64_t bytes = std::min(columns, out.columns - column) * sizeof(float);
      for (int64_t row = 0; out.filled && row < rows; ++row)
        std::memcpy(block + row * columns, sums + row * out.stride, bytes);
      multiply(block, columns);
      for (int64_t row = 0; row < rows; ++row)
        std::memcpy(sums + row * out.stride, block + row * columns, bytes);
    }
  }
}

}  // namespace structnn

#endif
