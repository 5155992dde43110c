// SPDX-License-Identifier: Apache-2.0
// GrantPool: where the grants of one store lie, close together and each on cache lines of its own.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "sallyport/credential/grant.h"
#include "sallyport/store/huge_pages.h"

namespace sallyport::internal {

/// GrantPool gives blocks for a grant with its reference count, out of ever larger pieces up to one huge
/// page. A block that comes back is given again; the pieces are kept until the pool goes, which each grant
/// outlives not: whoever holds a grant holds its pool. Any thread.
class GrantPool {
 public:
  /// make puts `grant` into a block of `pool`.
  static GrantRef make(const std::shared_ptr<GrantPool>& pool, Grant grant);

  GrantPool() = default;
  ~GrantPool();
  GrantPool(const GrantPool&) = delete;
  GrantPool& operator=(const GrantPool&) = delete;

 private:
  static constexpr std::size_t kBlockBytes = 3 * kCacheLineBytes;
  static constexpr std::size_t kPieceBytesFirst = std::size_t{16} << 10;
  static constexpr std::size_t kPieceBytesMax = kHugePageBytes;

  template <class T>
  struct Allocator;
  struct Free {
    Free* next;
  };
  struct Piece {
    std::byte* first;
    std::size_t bytes;
  };

  void* take();
  void give(void* block) noexcept;
  void add_piece();

  std::mutex mutex_;
  Free* free_ = nullptr;       ///< blocks that came back
  std::byte* next_ = nullptr;  ///< what of the last piece was never given
  std::size_t left_bytes_ = 0;
  std::vector<Piece> pieces_;
};

}  // namespace sallyport::internal
