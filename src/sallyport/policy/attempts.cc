// SPDX-License-Identifier: Apache-2.0
#include "sallyport/policy/attempts.h"

#include <algorithm>
#include <functional>
#include <span>

namespace sallyport {
namespace {

constexpr std::size_t kV6NetworkBytes = 8;  // a /64 is one customer
constexpr std::uint64_t kMix = 0x9E3779B97F4A7C15ULL;

std::uint64_t mix(std::uint64_t hash, std::uint64_t more) noexcept {
  return (hash ^ more) * kMix ^ (hash >> 29);
}

}  // namespace

AttemptKey AttemptKey::of(std::string_view principal, const IpAddress& peer) noexcept {
  std::uint64_t hash = mix(std::hash<std::string_view>{}(principal), peer.is_v4() ? 4 : 6);
  const std::size_t size = peer.is_v4() ? 4 : kV6NetworkBytes;
  for (const std::uint8_t byte : std::span(peer.bytes()).first(size)) hash = mix(hash, byte);
  return {hash};
}

AttemptKey AttemptKey::of_local(std::string_view principal, std::uint32_t uid) noexcept {
  return {mix(mix(std::hash<std::string_view>{}(principal), 1), uid)};
}

Duration AttemptTable::delay_after(std::uint32_t failures) const noexcept {
  if (failures < limits_.free_failures) return Duration::zero();
  Duration delay = limits_.first_delay;
  for (std::uint32_t i = limits_.free_failures; i < failures && delay < limits_.delay_max; ++i) delay *= 2;
  return std::min(delay, limits_.delay_max);
}

Duration AttemptTable::wait_left(const AttemptKey& key, MonotonicTime now) const {
  const auto found = entries_.find(key);
  if (found == entries_.end() || found->second.open_again <= now) return Duration::zero();
  return found->second.open_again - now;
}

Duration AttemptTable::note_failure(const AttemptKey& key, MonotonicTime now) {
  auto [found, is_new] = entries_.try_emplace(key);
  Entry& entry = found->second;
  if (is_new) {
    entry.age = ages_.insert(ages_.end(), key);
  } else {
    ages_.splice(ages_.end(), ages_, entry.age);
    const MonotonicTime forgotten = after(std::max(entry.last, entry.open_again), limits_.window);
    if (now >= forgotten) entry.failures = 0;
  }
  ++entry.failures;
  entry.last = now;
  const Duration delay = delay_after(entry.failures);
  entry.open_again = after(now, delay);
  if (entries_.size() > limits_.entries_max) {
    entries_.erase(ages_.front());
    ages_.pop_front();
  }
  return delay;
}

void AttemptTable::note_success(const AttemptKey& key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return;
  ages_.erase(found->second.age);
  entries_.erase(found);
}

void AttemptTable::take_back(const AttemptKey& key) {
  const auto found = entries_.find(key);
  if (found == entries_.end() || found->second.failures == 0) return;
  --found->second.failures;
  found->second.open_again = found->second.last;
}

}  // namespace sallyport
