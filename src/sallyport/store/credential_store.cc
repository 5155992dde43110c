// SPDX-License-Identifier: Apache-2.0
#include "sallyport/store/credential_store.h"

#include <algorithm>
#include <functional>
#include <string_view>

#include "sallyport/store/internal/grant_pool.h"

namespace sallyport {
namespace {

constexpr std::size_t kSlotsFirst = 8;
constexpr unsigned kShardBits =
    6;  // the low bits of a digest choose the shard, the next ones the place in it

std::uint32_t short_hash(std::string_view text) noexcept {
  return static_cast<std::uint32_t>(std::hash<std::string_view>{}(text));
}
std::uint32_t short_hash(std::uint64_t family) noexcept { return static_cast<std::uint32_t>(family >> 32); }

}  // namespace

/// Wanted is a filter together with the short hashes of what it asks for.
struct MemoryCredentialStore::Wanted {
  const GrantFilter& filter;
  std::uint32_t session_hash;
  std::uint32_t principal_hash;
  std::uint32_t family_hash;

  explicit Wanted(const GrantFilter& wanted)
      : filter(wanted),
        session_hash(wanted.session ? short_hash(wanted.session->view()) : 0),
        principal_hash(wanted.principal ? short_hash(std::string_view(*wanted.principal)) : 0),
        family_hash(wanted.family ? short_hash(*wanted.family) : 0) {}

  [[nodiscard]] bool picks(const Slot& slot) const noexcept {
    if (slot.grant == nullptr) return false;
    if (filter.kind && slot.kind != *filter.kind) return false;
    if (filter.session && slot.session_hash != session_hash) return false;
    if (filter.principal && slot.principal_hash != principal_hash) return false;
    if (filter.family && slot.family_hash != family_hash) return false;
    return filter.picks(*slot.grant);
  }
};

MemoryCredentialStore::MemoryCredentialStore(std::size_t grants_max)
    : grants_max_(grants_max), pool_(std::make_shared<internal::GrantPool>()) {
  static_assert(kShards == 1U << kShardBits);
}

MemoryCredentialStore::~MemoryCredentialStore() = default;

MemoryCredentialStore::Slot MemoryCredentialStore::slot_for(GrantRef grant) {
  Slot slot;
  slot.digest = grant->digest;
  slot.session_hash = short_hash(grant->session.view());
  slot.principal_hash = short_hash(std::string_view(grant->principal->id));
  slot.family_hash = short_hash(grant->family);
  slot.kind = grant->kind;
  slot.grant = std::move(grant);
  return slot;
}

std::size_t MemoryCredentialStore::place_of(const Slots& slots, const Digest& digest) noexcept {
  return static_cast<std::size_t>(digest.slot() >> kShardBits) & (slots.size() - 1);
}

// An address that is out of date fetches a line that nobody reads: __builtin_prefetch never faults, and the
// integer arithmetic keeps it from being a pointer into what may be gone.
void MemoryCredentialStore::prefetch(const Shard& shard, const Digest& digest) noexcept {
  const auto first = reinterpret_cast<std::uintptr_t>(shard.hint.load(std::memory_order_relaxed));
  const std::size_t mask = shard.hint_mask.load(std::memory_order_relaxed);
  const std::size_t place = static_cast<std::size_t>(digest.slot() >> kShardBits) & mask;
  __builtin_prefetch(reinterpret_cast<const void*>(first + place * sizeof(Slot)));
}

const MemoryCredentialStore::Slot* MemoryCredentialStore::look_up(const Shard& shard,
                                                                  const Digest& digest) noexcept {
  if (shard.slots.empty()) return nullptr;
  const std::size_t mask = shard.slots.size() - 1;
  for (std::size_t at = place_of(shard.slots, digest); shard.slots[at].grant != nullptr;
       at = (at + 1) & mask) {
    if (shard.slots[at].digest.matches(digest)) return &shard.slots[at];
  }
  return nullptr;
}

void MemoryCredentialStore::insert(Slots& slots, Slot slot) noexcept {
  std::size_t at = place_of(slots, slot.digest);
  while (slots[at].grant != nullptr) at = (at + 1) & (slots.size() - 1);
  slots[at] = std::move(slot);
}

void MemoryCredentialStore::grow(Shard& shard) {
  Slots wider(std::max(kSlotsFirst, shard.slots.size() * 2));
  for (Slot& slot : shard.slots) {
    if (slot.grant != nullptr) insert(wider, std::move(slot));
  }
  shard.slots = std::move(wider);
  shard.hint.store(shard.slots.data(), std::memory_order_relaxed);
  shard.hint_mask.store(shard.slots.size() - 1, std::memory_order_relaxed);
}

// Linear probing without tombstones: what stands behind the hole moves up, unless that were before its own
// place.
void MemoryCredentialStore::erase(Shard& shard, std::size_t place) noexcept {
  const std::size_t mask = shard.slots.size() - 1;
  std::size_t hole = place;
  for (std::size_t at = (hole + 1) & mask; shard.slots[at].grant != nullptr; at = (at + 1) & mask) {
    const std::size_t home = place_of(shard.slots, shard.slots[at].digest);
    if (((at - home) & mask) >= ((at - hole) & mask)) {
      shard.slots[hole] = std::move(shard.slots[at]);
      hole = at;
    }
  }
  shard.slots[hole] = Slot{};
  --shard.used;
}

Status MemoryCredentialStore::put(Grant grant) {
  if (grant.kind == CredentialKind::none || grant.principal == nullptr) {
    return fail(Code::invalid_argument, "a grant needs a kind and a principal");
  }
  Slot slot = slot_for(internal::GrantPool::make(pool_, std::move(grant)));
  const Digest digest = slot.grant->digest;
  Shard& shard = shard_of(digest);
  const std::lock_guard lock(shard.mutex);
  if (look_up(shard, digest) != nullptr)
    return fail(Code::already_exists, "this credential is already in the store");
  if (count_.fetch_add(1, std::memory_order_relaxed) >= grants_max_) {
    count_.fetch_sub(1, std::memory_order_relaxed);
    return fail(Code::exhausted, "the credential store is full; end sessions or logins, or raise its limit");
  }
  if (4 * (shard.used + 1) > 3 * shard.slots.size()) grow(shard);
  insert(shard.slots, std::move(slot));
  ++shard.used;
  return ok();
}

GrantRef MemoryCredentialStore::find(const Digest& digest) const {
  const Shard& shard = shard_of(digest);
  prefetch(shard, digest);
  const std::lock_guard lock(shard.mutex);
  const Slot* const slot = look_up(shard, digest);
  return slot != nullptr ? slot->grant : nullptr;
}

GrantRef MemoryCredentialStore::take(const Digest& digest) {
  Shard& shard = shard_of(digest);
  const std::lock_guard lock(shard.mutex);
  const Slot* const slot = look_up(shard, digest);
  if (slot == nullptr) return nullptr;
  GrantRef taken = slot->grant;
  erase(shard, static_cast<std::size_t>(slot - shard.slots.data()));
  count_.fetch_sub(1, std::memory_order_relaxed);
  return taken;
}

Status MemoryCredentialStore::shorten(const Digest& digest, MonotonicTime expires) {
  Shard& shard = shard_of(digest);
  const std::lock_guard lock(shard.mutex);
  const Slot* const slot = look_up(shard, digest);
  if (slot == nullptr) return fail(Code::not_found, "no such credential");
  if (slot->grant->expires <= expires) return ok();
  Grant shortened = copy_of(*slot->grant);
  shortened.expires = expires;
  shard.slots[static_cast<std::size_t>(slot - shard.slots.data())].grant =
      internal::GrantPool::make(pool_, std::move(shortened));
  return ok();
}

std::size_t MemoryCredentialStore::remove(const Digest& digest) {
  GrantRef removed = take(digest);
  if (removed == nullptr) return 0;
  tell({std::move(removed)}, Removal::revoked);
  return 1;
}

std::vector<GrantRef> MemoryCredentialStore::remove_from(Shard& shard, const Wanted& wanted) {
  std::vector<GrantRef> removed;
  const std::lock_guard lock(shard.mutex);
  // A run that wraps round the end may bring a slot from the front to the back: one that was looked at, and
  // not picked.
  for (std::size_t at = 0; at < shard.slots.size();) {
    if (!wanted.picks(shard.slots[at])) {
      ++at;
      continue;
    }
    removed.push_back(shard.slots[at].grant);
    erase(shard, at);  // may move a later slot to `at`: look again
  }
  count_.fetch_sub(removed.size(), std::memory_order_relaxed);
  return removed;
}

std::size_t MemoryCredentialStore::remove_where(const GrantFilter& filter) {
  if (filter.picks_nothing()) return 0;
  const Wanted wanted(filter);
  std::size_t count = 0;
  for (Shard& shard : shards_) {
    const std::vector<GrantRef> removed = remove_from(shard, wanted);
    count += removed.size();
    tell(removed, Removal::revoked);
  }
  return count;
}

std::vector<GrantRef> MemoryCredentialStore::list(const GrantFilter& filter, std::size_t grants_max) const {
  std::vector<GrantRef> found;
  if (filter.picks_nothing()) return found;
  const Wanted wanted(filter);
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (const Slot& slot : shard.slots) {
      if (found.size() == grants_max) return found;
      if (wanted.picks(slot)) found.push_back(slot.grant);
    }
  }
  return found;
}

MemoryCredentialStore::Swept MemoryCredentialStore::sweep_part(Shard& shard, std::size_t first,
                                                               std::size_t steps_max, MonotonicTime now) {
  Swept swept;
  const std::lock_guard lock(shard.mutex);
  std::size_t at = first;
  for (; at < shard.slots.size() && swept.steps < steps_max; ++swept.steps) {
    const GrantRef& grant = shard.slots[at].grant;
    if (grant == nullptr || grant->live_at(now)) {
      ++at;
      continue;
    }
    swept.removed.push_back(grant);
    erase(shard, at);  // may move a later slot to `at`: look again
  }
  swept.next = at < shard.slots.size() ? at : 0;
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
