// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/buffers.h"

#include <fcntl.h>
#include <unistd.h>

namespace sallyport {

namespace {

#ifdef __SANITIZE_ADDRESS__
constexpr std::size_t kKept = 0;  // each buffer is its own allocation, so that a use after the end is seen
#else
constexpr std::size_t kKept = kBuffersKeptMax;
#endif

}  // namespace

void BufferPool::accept(std::unique_ptr<char[]> bytes) noexcept {
  --lent_;
  if (kept_.size() < kKept) kept_.push_back(std::move(bytes));
}

Pipe& Pipe::operator=(Pipe&& other) noexcept {
  if (this != &other) {
    give_back();
    pool_ = std::exchange(other.pool_, nullptr);
    out_ = std::move(other.out_);
    in_ = std::move(other.in_);
    held_bytes_ = std::exchange(other.held_bytes_, 0);
    capacity_bytes_ = other.capacity_bytes_;
  }
  return *this;
}

void Pipe::give_back() noexcept {
  PipePool* const pool = pool_;
  if (out_ && pool != nullptr && !pool->closing_ && held_bytes_ == 0 && pool->kept_.size() < kPipesKeptMax) {
    pool_ = nullptr;  // what lies in the pool does not give itself back again
    pool->kept_.push_back(std::move(*this));
  }
  out_.reset();
  in_.reset();
}

Result<Pipe> PipePool::take() {
  Pipe pipe;
  if (!kept_.empty()) {
    pipe = std::move(kept_.back());
    kept_.pop_back();
  } else {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
      return fail(Code::exhausted, "no descriptor left for a pipe");
    pipe.out_.reset(ends[0]);
    pipe.in_.reset(ends[1]);
    ::fcntl(ends[1], F_SETPIPE_SZ,
            static_cast<int>(kPipeBytes));  // refused beyond the user's quota: stays smaller
    const int granted = ::fcntl(ends[1], F_GETPIPE_SZ);
    if (granted <= 0) return fail(Code::internal, "cannot ask a pipe for its size");
    pipe.capacity_bytes_ = static_cast<std::size_t>(granted);
  }
  pipe.pool_ = this;
  return pipe;
}

}  // namespace sallyport
