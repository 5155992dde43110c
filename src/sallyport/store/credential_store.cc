// SPDX-License-Identifier: Apache-2.0
#include "sallyport/store/credential_store.h"

#include "sallyport/store/huge_pages.h"
#include "sallyport/store/internal/grant_pool.h"
#include "sallyport/store/internal/grant_table.h"

namespace sallyport {
namespace {

constexpr unsigned kShardBits =
    5;  // the low bits of a digest choose the shard, the next ones the place in it
constexpr std::size_t kShards = std::size_t{1} << kShardBits;

}  // namespace

/// Shard has a plain mutex: it is held for a cache miss or two, and a shared one costs more than those save.
struct alignas(kCacheLineBytes) MemoryCredentialStore::Shard {
  mutable std::mutex mutex;
  internal::GrantTable table{kShardBits};
};

MemoryCredentialStore::MemoryCredentialStore(std::size_t grants_max)
    : grants_max_(grants_max),
      pool_(std::make_shared<internal::GrantPool>()),
      shards_(std::make_unique<Shard[]>(kShards)) {}

MemoryCredentialStore::~MemoryCredentialStore() = default;

MemoryCredentialStore::Shard& MemoryCredentialStore::shard_of(const Digest& digest) const noexcept {
  return shards_[digest.slot() % kShards];
}

Status MemoryCredentialStore::put(Grant grant) {
  if (grant.kind == CredentialKind::none || grant.principal == nullptr) {
    return fail(Code::invalid_argument, "a grant needs a kind and a principal");
  }
  GrantRef kept = internal::GrantPool::make(pool_, std::move(grant));
  Shard& shard = shard_of(kept->digest);
  const std::lock_guard lock(shard.mutex);
  if (shard.table.find(kept->digest))
    return fail(Code::already_exists, "this credential is already in the store");
  if (count_.fetch_add(1, std::memory_order_relaxed) >= grants_max_) {
    count_.fetch_sub(1, std::memory_order_relaxed);
    return fail(Code::exhausted, "the credential store is full; end sessions or logins, or raise its limit");
  }
  shard.table.add(std::move(kept));
  return ok();
}

GrantRef MemoryCredentialStore::find(const Digest& digest) const {
  const Shard& shard = shard_of(digest);
  shard.table.prefetch(digest);
  const std::lock_guard lock(shard.mutex);
  const auto place = shard.table.find(digest);
  return place ? shard.table.grant(*place) : nullptr;
}

GrantRef MemoryCredentialStore::take(const Digest& digest) {
  Shard& shard = shard_of(digest);
  const std::lock_guard lock(shard.mutex);
  const auto place = shard.table.find(digest);
  if (!place) return nullptr;
  count_.fetch_sub(1, std::memory_order_relaxed);
  return shard.table.erase(*place);
}

Status MemoryCredentialStore::shorten(const Digest& digest, MonotonicTime expires) {
  Shard& shard = shard_of(digest);
  const std::lock_guard lock(shard.mutex);
  const auto place = shard.table.find(digest);
  if (!place) return fail(Code::not_found, "no such credential");
  const GrantRef& grant = shard.table.grant(*place);
  if (grant->expires <= expires) return ok();
  Grant shortened = copy_of(*grant);
  shortened.expires = expires;
  shard.table.replace(*place, internal::GrantPool::make(pool_, std::move(shortened)));
  return ok();
}

std::size_t MemoryCredentialStore::remove(const Digest& digest) {
  GrantRef removed = take(digest);
  if (removed == nullptr) return 0;
  tell({std::move(removed)}, Removal::revoked);
  return 1;
}

std::vector<GrantRef> MemoryCredentialStore::remove_from(Shard& shard, const internal::WantedMarks& wanted) {
  std::vector<GrantRef> removed;
  const std::lock_guard lock(shard.mutex);
  // A run that wraps round the end may bring a grant from the front to the back: one that was looked at, and
  // not picked.
  for (std::size_t at = 0; at < shard.table.places();) {
    if (shard.table.picked(at, wanted)) {
      removed.push_back(shard.table.erase(at));  // may move a later one to `at`: look again
    } else {
      ++at;
    }
  }
  count_.fetch_sub(removed.size(), std::memory_order_relaxed);
  return removed;
}

std::size_t MemoryCredentialStore::remove_where(const GrantFilter& filter) {
  if (filter.picks_nothing()) return 0;
  const internal::WantedMarks wanted(filter);
  std::size_t count = 0;
  for (std::size_t i = 0; i < kShards; ++i) {
    const std::vector<GrantRef> removed = remove_from(shards_[i], wanted);
    count += removed.size();
    tell(removed, Removal::revoked);
  }
  return count;
}

std::vector<GrantRef> MemoryCredentialStore::list(const GrantFilter& filter, std::size_t grants_max) const {
  std::vector<GrantRef> found;
  if (filter.picks_nothing()) return found;
  const internal::WantedMarks wanted(filter);
  for (std::size_t i = 0; i < kShards; ++i) {
    const Shard& shard = shards_[i];
    const std::lock_guard lock(shard.mutex);
    for (std::size_t at = 0; at < shard.table.places(); ++at) {
      if (found.size() == grants_max) return found;
      if (shard.table.picked(at, wanted)) found.push_back(shard.table.grant(at));
    }
  }
  return found;
}

MemoryCredentialStore::Swept MemoryCredentialStore::sweep_part(Shard& shard, std::size_t first,
                                                               std::size_t steps_max, MonotonicTime now) {
  Swept swept;
  const std::lock_guard lock(shard.mutex);
  std::size_t at = first;
  for (; at < shard.table.places() && swept.steps < steps_max; ++swept.steps) {
    const GrantRef& grant = shard.table.grant(at);
    if (grant == nullptr || grant->live_at(now)) {
      ++at;
      continue;
    }
    swept.removed.push_back(shard.table.erase(at));  // may move a later one to `at`: look again
  }
  swept.next = at < shard.table.places() ? at : 0;
  count_.fetch_sub(swept.removed.size(), std::memory_order_relaxed);
  return swept;
}

SweepProgress MemoryCredentialStore::sweep(MonotonicTime now, std::size_t steps_max) {
  const std::lock_guard one_at_a_time(sweep_mutex_);
  SweepProgress progress;
  while (progress.looked_at < steps_max && progress.round == SweepProgress::Round::going_on) {
    const Swept swept = sweep_part(shards_[sweep_shard_], sweep_slot_, steps_max - progress.looked_at, now);
    tell(swept.removed, Removal::expired);
    progress.looked_at += swept.steps;
    progress.removed += swept.removed.size();
    sweep_slot_ = swept.next;
    if (swept.next != 0) continue;
    sweep_shard_ = (sweep_shard_ + 1) % kShards;
    if (sweep_shard_ == 0) progress.round = SweepProgress::Round::complete;
  }
  return progress;
}

void MemoryCredentialStore::tell(const std::vector<GrantRef>& removed, Removal why) const {
  for (const GrantRef& grant : removed) {
    for (const RemovalObserver& observer : observers_) observer(*grant, why);
  }
}

}  // namespace sallyport
