// Memory and threads of the operators.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

#ifdef _OPENMP
#include <omp.h>
#endif

namespace structnn {

constexpr int64_t ceil_div(int64_t size, int64_t part) { return (size + part - 1) / part; }

// Where piece `index` of `pieces` about equal ones begins.
constexpr int64_t begin_of(int64_t index, int64_t pieces, int64_t size) {
  return size * index / pieces;
}

// Blocks of memory that a thread has used and will want again. The first touch of memory that is
// fresh from the system costs more than an operator takes to fill it.
class Spares {
 public:
  ~Spares() {
    for (const Block& block : blocks_) std::free(block.data);
  }

  // At least so many bytes: the smallest spare block that is large enough, and not wastefully so,
  // or else a new one; `bytes` becomes its size.
  void* take(int64_t& bytes) {
    auto found = blocks_.end();
    for (auto block = blocks_.begin(); block != blocks_.end(); ++block)
      if (block->bytes >= bytes && block->bytes <= 2 * bytes &&
          (found == blocks_.end() || block->bytes < found->bytes))
        found = block;
    if (found == blocks_.end()) {
      void* data = std::aligned_alloc(64, bytes);
      if (!data) throw std::bad_alloc();
      return data;
    }
    void* data = found->data;
    bytes = found->bytes;
    kept_ -= bytes;
    *found = blocks_.back();
    blocks_.pop_back();
    return data;
  }

  void give_back(void* data, int64_t bytes) {
    if (kept_ + bytes > kMost || blocks_.size() == blocks_.capacity()) return std::free(data);
    kept_ += bytes;
    blocks_.push_back({data, bytes});
  }

  static Spares& of_thread() {
    static thread_local Spares spares;
    return spares;
  }

 private:
  struct Block {
    void* data;
    int64_t bytes;
  };
  static constexpr int64_t kMost = int64_t(1) << 25;  // what a thread keeps when it does nothing

  Spares() { blocks_.reserve(32); }  // so that giving back never needs memory
  std::vector<Block> blocks_;
  int64_t kept_ = 0;
};

template <typename T>
class Buffer {
 public:
  explicit Buffer(int64_t size) : bytes_(ceil_div(size * int64_t(sizeof(T)) + 1, 64) * 64) {
    data_ = static_cast<T*>(Spares::of_thread().take(bytes_));
  }
  ~Buffer() { Spares::of_thread().give_back(data_, bytes_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  void fill_with_zeros() { std::memset(data_, 0, bytes_); }
  T* get() const { return data_; }

 private:
  int64_t bytes_;
  T* data_;
};

// function(index) for each index.
template <typename Function>
void parallel_for(int64_t count, int64_t threads, Function function) {
#ifdef _OPENMP
  if (threads > 1 && count > 1) {
    bool failed = false;  // nothing may be thrown out of a thread
#pragma omp parallel for num_threads(threads) schedule(dynamic)
    for (int64_t index = 0; index < count; ++index) {
      try {
        function(index);
      } catch (const std::bad_alloc&) {
#pragma omp atomic write
        failed = true;
      }
    }
    if (failed) throw std::bad_alloc();
    return;
  }
#endif
  for (int64_t index = 0; index < count; ++index) function(index);
}

constexpr int64_t kSome = 192;  // how many nodes or words are taken at a time

// In how many slices so many rows are multiplied beside other work: each reads all weights, so that
// there are no more than give all threads something to do.
inline int64_t slices_of(int64_t rows, int64_t threads) {
  return ceil_div(rows, std::max<int64_t>(48, kSome / threads));
}

// function(begin, end) for pieces of a range, kSome at most, one for each thread at least unless
// they are few.
template <typename Function>
void for_pieces(int64_t begin, int64_t end, int64_t threads, Function function) {
  const int64_t size = end - begin;
  const int64_t pieces = std::max(ceil_div(size, kSome), std::min(threads, size / 16));
  parallel_for(pieces, threads, [&](int64_t piece) {
    function(begin + begin_of(piece, pieces, size), begin + begin_of(piece + 1, pieces, size));
  });
}

}  // namespace structnn
