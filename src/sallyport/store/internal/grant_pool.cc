// SPDX-License-Identifier: Apache-2.0
#include "sallyport/store/internal/grant_pool.h"

#include <algorithm>

namespace sallyport::internal {

/// Allocator is what std::allocate_shared keeps beside the grant: the way back, and a hold on the pool.
template <class T>
struct GrantPool::Allocator {
  using value_type = T;
  std::shared_ptr<GrantPool> pool;

  explicit Allocator(std::shared_ptr<GrantPool> from) noexcept : pool(std::move(from)) {}
  template <class Other>
  explicit(false) Allocator(const Allocator<Other>& other) noexcept : pool(other.pool) {}
  T* allocate(std::size_t count) {
    static_assert(sizeof(T) <= kBlockBytes && alignof(T) <= kCacheLineBytes);
    if (count != 1) std::abort();
    return static_cast<T*>(pool->take());
  }
  void deallocate(T* block, std::size_t /*count*/) noexcept { pool->give(block); }
  template <class Other>
  bool operator==(const Allocator<Other>& other) const noexcept {
    return pool == other.pool;
  }
};

GrantRef GrantPool::make(const std::shared_ptr<GrantPool>& pool, Grant grant) {
  return std::allocate_shared<Grant>(Allocator<Grant>(pool), std::move(grant));
}

GrantPool::~GrantPool() {
  for (const Piece& piece : pieces_) give_pages(piece.first, piece.bytes);
}

void* GrantPool::take() {
  const std::lock_guard lock(mutex_);
  if (free_ != nullptr) return std::exchange(free_, free_->next);
  if (left_bytes_ < kBlockBytes) add_piece();
  left_bytes_ -= kBlockBytes;
  return std::exchange(next_, next_ + kBlockBytes);
}

void GrantPool::give(void* block) noexcept {
  const std::lock_guard lock(mutex_);
  free_ = new (block) Free{free_};
}

void GrantPool::add_piece() {
  const std::size_t bytes =
      pieces_.empty() ? kPieceBytesFirst : std::min(2 * pieces_.back().bytes, kPieceBytesMax);
  pieces_.reserve(pieces_.size() + 1);
  next_ = static_cast<std::byte*>(take_pages(bytes));
  left_bytes_ = bytes;
  pieces_.push_back({next_, bytes});
}

}  // namespace sallyport::internal
