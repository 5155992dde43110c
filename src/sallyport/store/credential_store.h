// SPDX-License-Identifier: Apache-2.0
// MemoryCredentialStore: grants in this process's memory; gone when it ends.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "sallyport/base/result.h"
#include "sallyport/credential/credential_store.h"
#include "sallyport/store/huge_pages.h"

namespace sallyport {
namespace internal {
class GrantPool;
}

inline constexpr std::size_t kStoreGrantsMax = 4'000'000;

/// MemoryCredentialStore is a flat open-addressing table keyed by digest, in shards with a lock each. A
/// lookup goes by the digest of what was presented, and the final comparison is constant-time, so its
/// duration says nothing about the grants that are near. At most about 360 bytes a grant, its principal not
/// counted; memory of grants that are gone is kept for those to come.
class MemoryCredentialStore final : public CredentialStore {
 public:
  explicit MemoryCredentialStore(std::size_t grants_max = kStoreGrantsMax);
  ~MemoryCredentialStore() override;

  Status put(Grant grant) override;
  [[nodiscard]] GrantRef find(const Digest& digest) const override;
  [[nodiscard]] GrantRef take(const Digest& digest) override;
  Status shorten(const Digest& digest, MonotonicTime expires) override;
  std::size_t remove(const Digest& digest) override;
  std::size_t remove_where(const GrantFilter& filter) override;
  [[nodiscard]] std::vector<GrantRef> list(const GrantFilter& filter, std::size_t grants_max) const override;
  SweepProgress sweep(MonotonicTime now, std::size_t steps_max) override;
  [[nodiscard]] std::size_t count() const override { return count_.load(std::memory_order_relaxed); }
  void subscribe(RemovalObserver observer) override { observers_.push_back(std::move(observer)); }

 private:
  static constexpr std::size_t kShards = 64;

  /// Slot is one cache line: the digest, so that a miss of the table is the only one before the grant's own,
  /// and short hashes of what filters ask for, so that a scan seldom leaves the table.
  struct alignas(64) Slot {
    Digest digest;
    GrantRef grant;  ///< null: empty
    std::uint32_t session_hash = 0;
    std::uint32_t principal_hash = 0;
    std::uint32_t family_hash = 0;
    CredentialKind kind = CredentialKind::none;
  };
  static_assert(sizeof(Slot) == 64);
  using Slots = std::vector<Slot, HugePages<Slot>>;
  /// Shard has a plain mutex: it is held for a cache miss or two, and a shared one costs more than those
  /// save.
  struct alignas(64) Shard {
    mutable std::mutex mutex;
    Slots slots;  ///< a power of two, at most three quarters full
    std::size_t used = 0;
    /// Where the slots are, to fetch one into the cache before the mutex is held. May be out of date.
    std::atomic<const Slot*> hint{nullptr};
    std::atomic<std::size_t> hint_mask{0};
  };
  struct Wanted;
  struct Swept {
    std::vector<GrantRef> removed;
    std::size_t steps = 0;
    std::size_t next = 0;  ///< where to go on in this shard; 0: done with it
  };

  static Slot slot_for(GrantRef grant);
  static void prefetch(const Shard& shard, const Digest& digest) noexcept;
  static std::size_t place_of(const Slots& slots, const Digest& digest) noexcept;
  static const Slot* look_up(const Shard& shard, const Digest& digest) noexcept;
  static void insert(Slots& slots, Slot slot) noexcept;
  static void grow(Shard& shard);
  static void erase(Shard& shard, std::size_t place) noexcept;
  [[nodiscard]] Shard& shard_of(const Digest& digest) noexcept { return shards_[digest.slot() % kShards]; }
  [[nodiscard]] const Shard& shard_of(const Digest& digest) const noexcept {
    return shards_[digest.slot() % kShards];
  }
  std::vector<GrantRef> remove_from(Shard& shard, const Wanted& wanted);
  Swept sweep_part(Shard& shard, std::size_t first, std::size_t steps_max, MonotonicTime now);
  void tell(const std::vector<GrantRef>& removed, Removal why) const;

  std::size_t grants_max_;
  std::shared_ptr<internal::GrantPool> pool_;
  std::atomic<std::size_t> count_{0};
  std::array<Shard, kShards> shards_;
  std::vector<RemovalObserver> observers_;
  std::mutex sweep_mutex_;
  std::size_t sweep_shard_ = 0;
  std::size_t sweep_slot_ = 0;
};

}  // namespace sallyport
