// SPDX-License-Identifier: Apache-2.0
#include "sallyport/store/internal/grant_table.h"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <memory>
#include <utility>

#include "sallyport/store/huge_pages.h"

namespace sallyport::internal {
namespace {

constexpr std::size_t kPlacesFirst = 8;
constexpr unsigned kAddressBits = 48;  // what user space has on x86-64 and AArch64, unless asked for more
constexpr std::uint64_t kAddressMask = (std::uint64_t{1} << kAddressBits) - 1;

std::uint32_t short_hash(std::string_view text) noexcept {
  return static_cast<std::uint32_t>(std::hash<std::string_view>{}(text));
}
std::uint32_t short_hash(std::uint64_t family) noexcept { return static_cast<std::uint32_t>(family >> 32); }

/// key_of is the grant's address below the highest 16 bits of its digest's slot, which choose no place.
std::uint64_t key_of(const Grant* grant, std::uint64_t slot) noexcept {
  const auto address = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(grant));
  if ((address & ~kAddressMask) != 0) std::abort();
  return address | (slot & ~kAddressMask);
}

const Grant* grant_of(std::uint64_t key) noexcept {
  return reinterpret_cast<const Grant*>(static_cast<std::uintptr_t>(key & kAddressMask));
}

template <class T>
void prefetch_place(std::uintptr_t array, std::size_t place) noexcept {
  __builtin_prefetch(reinterpret_cast<const void*>(array + place * sizeof(T)));
}

}  // namespace

Marks::Marks(const Grant& grant) noexcept
    : session(short_hash(grant.session.view())),
      principal(short_hash(std::string_view(grant.principal->id))),
      family(short_hash(grant.family)),
      kind(grant.kind) {}

WantedMarks::WantedMarks(const GrantFilter& filter) noexcept
    : filter_(filter),
      session_(filter.session ? short_hash(filter.session->view()) : 0),
      principal_(filter.principal ? short_hash(std::string_view(*filter.principal)) : 0),
      family_(filter.family ? short_hash(*filter.family) : 0) {}

bool WantedMarks::picks(const Marks& marks, const Grant& grant) const noexcept {
  if (filter_.kind && marks.kind != *filter_.kind) return false;
  if (filter_.session && marks.session != session_) return false;
  if (filter_.principal && marks.principal != principal_) return false;
  if (filter_.family && marks.family != family_) return false;
  return filter_.picks(grant);
}

GrantTable::~GrantTable() {
  std::destroy_n(grants_, places_);
  if (keys_ != nullptr) give_pages(keys_, places_ * (sizeof *keys_ + sizeof *grants_ + sizeof *notes_));
}

// An address that is out of date fetches a line that nobody reads: a prefetch never faults, and the integer
// arithmetic keeps it from being a pointer into what may be gone.
void GrantTable::prefetch(const Digest& digest) const noexcept {
  const auto keys = reinterpret_cast<std::uintptr_t>(hint_.load(std::memory_order_relaxed));
  const std::size_t places = hint_places_.load(std::memory_order_relaxed);
  const std::size_t place = static_cast<std::size_t>(digest.slot() >> shift_) & (places - 1);
  prefetch_place<std::uint64_t>(keys, place);
  prefetch_place<GrantRef>(keys + places * sizeof(std::uint64_t), place);
}

std::optional<std::size_t> GrantTable::find(const Digest& digest) const noexcept {
  if (places_ == 0) return std::nullopt;
  const std::uint64_t slot = digest.slot();
  for (std::size_t at = home(slot); keys_[at] != 0; at = after(at)) {
    if (((keys_[at] ^ slot) & ~kAddressMask) != 0) continue;
    const Grant* const grant = grant_of(keys_[at]);
    // What is read next, while the digest is on its way: it may lie on another line.
    __builtin_prefetch(&grant->expires);
    __builtin_prefetch(&grants_[at]);
    if (grant->digest.matches(digest)) return at;
  }
  return std::nullopt;
}

void GrantTable::settle(std::uint64_t key, GrantRef grant, const Note& note) noexcept {
  std::size_t at = home(note.slot);
  while (keys_[at] != 0) at = after(at);
  keys_[at] = key;
  grants_[at] = std::move(grant);
  notes_[at] = note;
}

void GrantTable::grow() {
  GrantTable wider(shift_);
  const std::size_t places = std::max(kPlacesFirst, 2 * places_);
  auto* const keys = static_cast<std::uint64_t*>(
      take_pages(places * (sizeof(std::uint64_t) + sizeof(GrantRef) + sizeof(Note))));
  std::uninitialized_value_construct_n(keys, places);
  wider.keys_ = keys;
  wider.grants_ = reinterpret_cast<GrantRef*>(keys + places);
  std::uninitialized_value_construct_n(wider.grants_, places);
  wider.notes_ = reinterpret_cast<Note*>(wider.grants_ + places);
  wider.places_ = places;
  for (std::size_t at = 0; at < places_; ++at) {
    if (keys_[at] != 0) wider.settle(keys_[at], std::move(grants_[at]), notes_[at]);
  }
  std::swap(keys_, wider.keys_);
  std::swap(grants_, wider.grants_);
  std::swap(notes_, wider.notes_);
  std::swap(places_, wider.places_);
  hint_places_.store(places_, std::memory_order_relaxed);
  hint_.store(keys_, std::memory_order_relaxed);
}

void GrantTable::add(GrantRef grant) {
  if (4 * (used_ + 1) > 3 * places_) grow();
  const std::uint64_t slot = grant->digest.slot();
  const std::uint64_t key = key_of(grant.get(), slot);
  const Note note{slot, Marks(*grant)};
  settle(key, std::move(grant), note);
  ++used_;
}

void GrantTable::replace(std::size_t place, GrantRef grant) noexcept {
  keys_[place] = key_of(grant.get(), notes_[place].slot);
  notes_[place].marks = Marks(*grant);
  grants_[place] = std::move(grant);
}

// What stands behind the hole moves up, unless that were before its own place.
GrantRef GrantTable::erase(std::size_t place) noexcept {
  GrantRef erased = std::move(grants_[place]);
  std::size_t hole = place;
  for (std::size_t at = after(hole); keys_[at] != 0; at = after(at)) {
    const std::size_t from_home = (at - home(notes_[at].slot)) & (places_ - 1);
    if (from_home < ((at - hole) & (places_ - 1))) continue;
    keys_[hole] = keys_[at];
    grants_[hole] = std::move(grants_[at]);
    notes_[hole] = notes_[at];
    hole = at;
  }
  keys_[hole] = 0;
  grants_[hole] = nullptr;
  --used_;
  return erased;
}

}  // namespace sallyport::internal
