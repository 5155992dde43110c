// SPDX-License-Identifier: Apache-2.0
// MemoryCredentialStore: grants in this process's memory; gone when it ends.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "sallyport/base/result.h"
#include "sallyport/credential/credential_store.h"

namespace sallyport {
namespace internal {
class GrantPool;
class WantedMarks;
}  // namespace internal

inline constexpr std::size_t kStoreGrantsMax = 4'000'000;

/// MemoryCredentialStore is a flat open-addressing table keyed by digest, in shards with a lock each. A
/// lookup goes by the digest of what was presented, and the final comparison is constant-time, so its
/// duration says nothing about the grants that are near. At most about 330 bytes a grant, its principal not
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
  struct Shard;
  struct Swept {
    std::vector<GrantRef> removed;
    std::size_t steps = 0;
    std::size_t next = 0;  ///< where to go on in this shard; 0: done with it
  };

  [[nodiscard]] Shard& shard_of(const Digest& digest) const noexcept;
  std::vector<GrantRef> remove_from(Shard& shard, const internal::WantedMarks& wanted);
  Swept sweep_part(Shard& shard, std::size_t first, std::size_t steps_max, MonotonicTime now);
  void tell(const std::vector<GrantRef>& removed, Removal why) const;

  std::size_t grants_max_;
  std::shared_ptr<internal::GrantPool> pool_;
  std::atomic<std::size_t> count_{0};
  std::unique_ptr<Shard[]> shards_;
  std::vector<RemovalObserver> observers_;
  std::mutex sweep_mutex_;
  std::size_t sweep_shard_ = 0;
  std::size_t sweep_slot_ = 0;
};

}  // namespace sallyport
