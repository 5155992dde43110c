// SPDX-License-Identifier: Apache-2.0
#include "sallyport/policy/lockout.h"

#include <algorithm>
#include <cstring>

#include "sallyport/base/text.h"
#include "sallyport/policy/rate_limit.h"

namespace sallyport {
namespace {

constexpr std::array<std::string_view, 6> kLanes{"password", "sign_in", "link", "token", "cookie", "call"};
constexpr std::size_t kPrincipalBytesKept = 64;
constexpr std::uint32_t kFailuresMax = 1000;
constexpr std::uint32_t kSharedFactor = 4;

void raise_to(std::atomic<std::int64_t>& number, std::int64_t least) noexcept {
  std::int64_t known = number.load(std::memory_order_relaxed);
  while (known < least && !number.compare_exchange_weak(known, least)) {
  }
}

}  // namespace

std::string_view name_of(LockoutLane lane) noexcept { return kLanes[static_cast<std::size_t>(lane)]; }

std::optional<LockoutLimits> LockoutLimits::parse(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto failures = parse_decimal<std::uint32_t>(text.substr(0, slash));
  const auto window = parse_rate_period(text.substr(slash + 1));
  if (!failures || *failures == 0 || *failures > kFailuresMax || !window) return std::nullopt;
  LockoutLimits limits;
  limits.failures = *failures;
  limits.shared_failures = *failures * kSharedFactor;
  limits.window = *window;
  return limits;
}

struct Lockout::Entry {
  std::uint32_t failures = 0;
  MonotonicTime last{};
  MonotonicTime open_again{};
  std::array<std::uint64_t, 4> values{};  // the last different ones, never 0
  std::uint8_t next_value = 0;
  LockoutLane lane = LockoutLane::token;
  NetworkKey network;
  std::string principal;
  std::list<std::uint64_t>::iterator age;
};

struct Lockout::Shard {
  mutable std::mutex mutex;
  std::unordered_map<std::uint64_t, Entry> entries;  // guarded by mutex
  std::list<std::uint64_t> ages;                     // guarded by mutex; front: touched longest ago
};

Lockout::Lockout(ShortHashKey key, LockoutLimits limits)
    : hash_(std::move(key)),
      limits_(limits),
      shard_entries_max_(std::max<std::size_t>(1, limits.entries_max / kShards)),
      shards_(std::make_unique<Shard[]>(kShards)),
      slots_(std::make_unique<std::atomic<std::int64_t>[]>(kSlots)) {}

Lockout::~Lockout() = default;

std::uint64_t Lockout::key_of(const LockoutSubject& subject) const noexcept {
  std::array<std::byte, 2 + 8 + 8> bytes{};
  bytes[0] = static_cast<std::byte>(subject.lane);
  bytes[1] = static_cast<std::byte>(subject.network.kind);
  std::memcpy(bytes.data() + 2, subject.network.bytes.data(), subject.network.bytes.size());
  if (!subject.principal.empty()) {
    const std::uint64_t who = hash_(subject.principal);
    std::memcpy(bytes.data() + 10, &who, sizeof who);
  }
  return hash_(bytes);
}

std::atomic<std::int64_t>& Lockout::slot_of(std::uint64_t key) const noexcept {
  return slots_[(key >> 16) % kSlots];
}

Lockout::Shard& Lockout::shard_of(std::uint64_t key) const noexcept { return shards_[key % kShards]; }

std::uint32_t Lockout::free_failures(LockoutLane lane) const noexcept {
  const bool shared = lane == LockoutLane::sign_in || lane == LockoutLane::cookie;
  return shared ? limits_.shared_failures : limits_.failures;
}

Duration Lockout::delay_after(std::uint32_t failures, std::uint32_t free) const noexcept {
  if (failures < free) return Duration::zero();
  Duration delay = limits_.first_delay;
  for (std::uint32_t i = free; i < failures && delay < limits_.delay_max; ++i) delay *= 2;
  return std::min(delay, limits_.delay_max);
}

Duration Lockout::wait_left(const LockoutSubject& subject, MonotonicTime now) const {
  if (!anybody_waits(now)) return Duration::zero();
  const std::uint64_t key = key_of(subject);
  if (slot_of(key).load(std::memory_order_acquire) <= now.time_since_epoch().count()) return Duration::zero();
  const Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.entries.find(key);
  if (found == shard.entries.end() || found->second.open_again <= now) return Duration::zero();
  return found->second.open_again - now;
}

/// is_repeat: a browser's cookie counts once however often it comes, and what a program sends again counts
/// until it has brought the first wait.
bool Lockout::is_repeat(const Entry& entry, std::uint64_t value) const noexcept {
  if (value == 0) return false;
  if (std::find(entry.values.begin(), entry.values.end(), value) == entry.values.end()) return false;
  return entry.lane == LockoutLane::cookie || entry.failures >= free_failures(entry.lane);
}

Lockout::Counted Lockout::note_failure(const LockoutSubject& subject, std::uint64_t value,
                                       MonotonicTime now) {
  Counted counted = note_try(subject, value, now);
  if (counted.value == Counted::Value::fresh) counted.alert = confirm(now);
  return counted;
}

Lockout::Counted Lockout::note_try(const LockoutSubject& subject, std::uint64_t value, MonotonicTime now) {
  Counted counted;
  const std::uint64_t key = key_of(subject);
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  auto [found, is_new] = shard.entries.try_emplace(key);
  Entry& entry = found->second;
  if (is_new) {
    entry.age = shard.ages.insert(shard.ages.end(), key);
    entry.lane = subject.lane;
    entry.network = subject.network;
    entry.principal = subject.principal.substr(0, kPrincipalBytesKept);
  } else {
    shard.ages.splice(shard.ages.end(), shard.ages, entry.age);
    const MonotonicTime forgotten = after(std::max(entry.last, entry.open_again), limits_.window);
    if (now >= forgotten) {
      entry.failures = 0;
      entry.values = {};
    }
  }
  counted.failures = entry.failures;
  if (is_repeat(entry, value)) return counted;
  if (value != 0 && std::find(entry.values.begin(), entry.values.end(), value) == entry.values.end())
    entry.values[entry.next_value++ % entry.values.size()] = value;
  counted.failures = ++entry.failures;
  counted.value = Counted::Value::fresh;
  entry.last = now;
  counted.delay = delay_after(entry.failures, free_failures(subject.lane));
  entry.open_again = after(now, counted.delay);
  if (counted.delay > Duration::zero()) {
    begun_.fetch_add(1, std::memory_order_relaxed);
    const std::int64_t ends = entry.open_again.time_since_epoch().count();
    raise_to(slot_of(key), ends);
    raise_to(last_wait_ends_ns_, ends);
  }
  if (shard.entries.size() > shard_entries_max_) {
    shard.entries.erase(shard.ages.front());
    shard.ages.pop_front();
  }
  return counted;
}

/// confirm keeps the one count over everybody. It alerts once in a window, and locks out nobody.
Lockout::Counted::Alert Lockout::confirm(MonotonicTime now) {
  const std::lock_guard lock(watch_mutex_);
  if (now - watch_began_ >= limits_.window) {
    watch_began_ = now;
    watched_ = 0;
  }
  return ++watched_ == limits_.widespread_failures ? Counted::Alert::widespread : Counted::Alert::none;
}

void Lockout::note_success(const LockoutSubject& subject) {
  const std::uint64_t key = key_of(subject);
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.entries.find(key);
  if (found == shard.entries.end()) return;
  shard.ages.erase(found->second.age);
  shard.entries.erase(found);
}

void Lockout::take_back(const LockoutSubject& subject) {
  const std::uint64_t key = key_of(subject);
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.entries.find(key);
  if (found == shard.entries.end() || found->second.failures == 0) return;
  --found->second.failures;
  found->second.open_again = found->second.last;
}

std::vector<LockedOut> Lockout::list(MonotonicTime now) const {
  std::vector<LockedOut> all;
  for (std::size_t i = 0; i < kShards; ++i) {
    const std::lock_guard lock(shards_[i].mutex);
    for (const auto& [key, entry] : shards_[i].entries) {
      if (entry.open_again <= now) continue;
      all.push_back(
          {entry.lane, entry.network.str(), entry.principal, entry.failures, entry.open_again - now});
    }
  }
  std::sort(all.begin(), all.end(),
            [](const LockedOut& a, const LockedOut& b) { return a.wait_left > b.wait_left; });
  if (all.size() > kLockoutsListedMax) all.resize(kLockoutsListedMax);
  return all;
}

std::size_t Lockout::release(const std::optional<NetworkKey>& network, std::string_view principal) {
  std::size_t released = 0;
  for (std::size_t i = 0; i < kShards; ++i) {
    Shard& shard = shards_[i];
    const std::lock_guard lock(shard.mutex);
    for (auto at = shard.entries.begin(); at != shard.entries.end();) {
      const Entry& entry = at->second;
      const bool meant = (!network || entry.network == *network) &&
                         (principal.empty() || entry.principal == principal.substr(0, kPrincipalBytesKept));
      if (!meant) {
        ++at;
        continue;
      }
      shard.ages.erase(entry.age);
      at = shard.entries.erase(at);
      ++released;
    }
  }
  return released;
}

std::size_t Lockout::size() const {
  std::size_t entries = 0;
  for (std::size_t i = 0; i < kShards; ++i) {
    const std::lock_guard lock(shards_[i].mutex);
    entries += shards_[i].entries.size();
  }
  return entries;
}

}  // namespace sallyport
