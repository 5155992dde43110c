// SPDX-License-Identifier: Apache-2.0
// What a loop lends to the connection that is busy, so that the thousands which are idle hold nothing: 64 KiB
// buffers, and pipes for splice(2).
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "sallyport/base/result.h"
#include "sallyport/env/posix/descriptor.h"

namespace sallyport {

inline constexpr std::size_t kBufferBytes = 64 * 1024;
inline constexpr std::size_t kBuffersKeptMax = 128;     ///< 8 MiB per loop; more are freed when given back
inline constexpr std::size_t kPipeBytes = 1024 * 1024;  ///< asked for; the kernel may grant less
inline constexpr std::size_t kPipesKeptMax = 16;

class BufferPool;

/// Buffer is kBufferBytes of a BufferPool, or none; it gives itself back, last given first taken (warm in the
/// cache). Not zeroed. A resource that moves; dies before its pool, on its pool's thread.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept : pool_(other.pool_), bytes_(std::move(other.bytes_)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    if (this != &other) {
      give_back();
      pool_ = other.pool_;
      bytes_ = std::move(other.bytes_);
    }
    return *this;
  }
  ~Buffer() { give_back(); }

  explicit operator bool() const noexcept { return bytes_ != nullptr; }
  [[nodiscard]] char* data() const noexcept { return bytes_.get(); }
  [[nodiscard]] std::span<char> span() const noexcept { return {bytes_.get(), bytes_ ? kBufferBytes : 0}; }
  void give_back() noexcept;

 private:
  friend class BufferPool;
  Buffer(BufferPool& pool, std::unique_ptr<char[]> bytes) noexcept : pool_(&pool), bytes_(std::move(bytes)) {}
  BufferPool* pool_ = nullptr;
  std::unique_ptr<char[]> bytes_;
};

/// BufferPool keeps what was given back. One thread, its loop's.
class BufferPool {
 public:
  BufferPool() { kept_.reserve(kBuffersKeptMax); }
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;
  Buffer take() {
    ++lent_;
    if (kept_.empty()) return {*this, std::unique_ptr<char[]>(new char[kBufferBytes])};
    Buffer buffer(*this, std::move(kept_.back()));
    kept_.pop_back();
    return buffer;
  }
  [[nodiscard]] std::size_t lent() const noexcept { return lent_; }

 private:
  friend class Buffer;
  void accept(std::unique_ptr<char[]> bytes) noexcept;
  std::vector<std::unique_ptr<char[]>> kept_;
  std::size_t lent_ = 0;
};

inline void Buffer::give_back() noexcept {
  if (bytes_) pool_->accept(std::move(bytes_));
}

class PipePool;

/// Pipe is a pipe for splice(2), with the number of bytes that are in it. It goes back to its pool only when
/// empty: one with bytes left is closed, or they would turn up in somebody else's response.
class Pipe {
 public:
  Pipe() = default;
  Pipe(Pipe&&) noexcept = default;
  Pipe& operator=(Pipe&& other) noexcept;
  ~Pipe() { give_back(); }

  explicit operator bool() const noexcept { return static_cast<bool>(out_); }
  [[nodiscard]] std::size_t held_bytes() const noexcept { return held_bytes_; }
  [[nodiscard]] std::size_t room_bytes() const noexcept { return capacity_bytes_ - held_bytes_; }
  void give_back() noexcept;

 private:
  friend class PipePool;
  friend class Splice;
  PipePool* pool_ = nullptr;
  Descriptor out_;  ///< the reading end
  Descriptor in_;
  std::size_t held_bytes_ = 0;
  std::size_t capacity_bytes_ = 0;
};

/// PipePool keeps empty pipes. One thread, its loop's; outlives its pipes.
class PipePool {
 public:
  PipePool() = default;
  PipePool(const PipePool&) = delete;
  PipePool& operator=(const PipePool&) = delete;
  ~PipePool() { closing_ = true; }
  /// take fails with exhausted where no descriptor or pipe memory is left: then copy.
  Result<Pipe> take();
  [[nodiscard]] std::size_t kept() const noexcept { return kept_.size(); }

 private:
  friend class Pipe;
  std::vector<Pipe> kept_;
  bool closing_ = false;
};

}  // namespace sallyport
