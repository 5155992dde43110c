// SPDX-License-Identifier: Apache-2.0
// Lockout: how often somebody presented a wrong credential lately, per principal and network, and how long he
// waits therefore. Pure: time is an argument.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sallyport/base/time.h"
#include "sallyport/crypto/short_hash.h"
#include "sallyport/policy/network_key.h"

namespace sallyport {

/// LockoutLane keeps the ways in apart: who guesses at tokens is not kept from logging in at a page.
enum class LockoutLane : std::uint8_t {
  password,  ///< a name's password, counted for each (name, network)
  sign_in,   ///< passwords of any name, counted for each network
  link,      ///< one-time login links
  token,     ///< what a program sends on purpose: bearer, session token, ticket
  cookie,    ///< login cookies, which a browser sends by itself
  call,      ///< RPC
};
std::string_view name_of(LockoutLane lane) noexcept;

struct LockoutLimits {
  std::uint32_t failures = 5;  ///< so many within `window` bring a wait
  std::uint32_t shared_failures =
      20;  ///< in the lanes sign_in and cookie, where one network stands for many people
  Duration window = std::chrono::seconds(300);
  Duration first_delay = std::chrono::seconds(2);  ///< doubled by each further failure
  Duration delay_max = std::chrono::minutes(15);
  std::size_t entries_max = 16384;
  std::uint32_t widespread_failures = 50;  ///< so many in all within `window` are worth an alert, and no more

  /// parse takes "5/5m" (failures, window), with a period as in RateRule; nullopt otherwise.
  static std::optional<LockoutLimits> parse(std::string_view text);
};

/// LockoutSubject is whom a failure is counted for. `principal` is a name that was tried or proved; empty
/// where the lane has none.
struct LockoutSubject {
  LockoutLane lane = LockoutLane::token;
  NetworkKey network;
  std::string_view principal;
};

/// LockedOut is one line of `lockout list`.
struct LockedOut {
  LockoutLane lane = LockoutLane::token;
  std::string network;
  std::string principal;
  std::uint32_t failures = 0;
  Duration wait_left{};
};

/// Lockout promises: no count is global and none is kept for a name alone, so nobody can lock out somebody on
/// another network; a subject that waits is not counted, so impatience does not prolong the wait; the same
/// wrong value sent again and again (a forgotten program) brings one short wait, not a growing one; and the
/// table is bounded: where it is full, the subject that was touched longest ago goes. It does not promise to
/// stop a guesser who owns many networks: length and cost of the secret are the answer to him, and an alert.
/// Any thread; while nobody is locked out, wait_left is one atomic load.
class Lockout {
 public:
  explicit Lockout(ShortHashKey key, LockoutLimits limits = {});
  Lockout(const Lockout&) = delete;
  Lockout& operator=(const Lockout&) = delete;
  ~Lockout();

  /// anybody_waits is one atomic load: false while no wait has begun that has not ended.
  [[nodiscard]] bool anybody_waits(MonotonicTime now) const noexcept {
    return now.time_since_epoch().count() < last_wait_ends_ns_.load(std::memory_order_relaxed);
  }
  /// wait_left is zero where a try is welcome now.
  [[nodiscard]] Duration wait_left(const LockoutSubject& subject, MonotonicTime now) const;

  /// Counted is what a failure led to.
  struct Counted {
    std::uint32_t failures = 0;
    Duration delay{};  ///< above zero: locked out from now on for so long
    enum class Alert : std::uint8_t { none, widespread } alert = Alert::none;
    enum class Value : std::uint8_t { repeated, fresh } value = Value::repeated;
  };
  /// note_failure counts a failed try. `value` tells values apart, 0 where there is none.
  Counted note_failure(const LockoutSubject& subject, std::uint64_t value, MonotonicTime now);
  /// note_try counts a try as failed before its slow check, so that tries side by side do not pass for one;
  /// note_success takes it back, confirm tells that it has failed indeed, once for all its subjects.
  Counted note_try(const LockoutSubject& subject, std::uint64_t value, MonotonicTime now);
  Counted::Alert confirm(MonotonicTime now);
  void note_success(const LockoutSubject& subject);
  /// take_back uncounts one failure, and the wait that it brought: for a try that turned out well on a key
  /// that many share.
  void take_back(const LockoutSubject& subject);

  /// list names who waits now, the longest wait first, at most kLockoutsListedMax.
  [[nodiscard]] std::vector<LockedOut> list(MonotonicTime now) const;
  /// release forgets what is counted for that network, that principal, or both together; nothing given: all.
  /// Returns how many subjects it forgot.
  std::size_t release(const std::optional<NetworkKey>& network, std::string_view principal);

  [[nodiscard]] std::size_t size() const;
  /// locked_out counts the waits that began since the start, for metrics.
  [[nodiscard]] std::uint64_t locked_out() const noexcept { return begun_.load(std::memory_order_relaxed); }
  [[nodiscard]] const LockoutLimits& limits() const noexcept { return limits_; }

 private:
  struct Shard;
  struct Entry;
  static constexpr std::size_t kShards = 16;
  static constexpr std::size_t kSlots = std::size_t{1} << 16;
  [[nodiscard]] std::uint64_t key_of(const LockoutSubject& subject) const noexcept;
  [[nodiscard]] Shard& shard_of(std::uint64_t key) const noexcept;
  [[nodiscard]] std::uint32_t free_failures(LockoutLane lane) const noexcept;
  [[nodiscard]] Duration delay_after(std::uint32_t failures, std::uint32_t free) const noexcept;
  [[nodiscard]] bool is_repeat(const Entry& entry, std::uint64_t value) const noexcept;
  [[nodiscard]] std::atomic<std::int64_t>& slot_of(std::uint64_t key) const noexcept;

  const ShortHash hash_;
  const LockoutLimits limits_;
  const std::size_t shard_entries_max_;
  std::unique_ptr<Shard[]> shards_;
  /// No wait of a subject whose key falls into a slot ends later: who does not wait rarely needs a lock.
  std::unique_ptr<std::atomic<std::int64_t>[]> slots_;
  std::atomic<std::int64_t> last_wait_ends_ns_{INT64_MIN};  // no wait ends later
  std::atomic<std::uint64_t> begun_{0};
  std::mutex watch_mutex_;
  MonotonicTime watch_began_{};  // guarded by watch_mutex_
  std::uint32_t watched_ = 0;    // guarded by watch_mutex_
};

inline constexpr std::size_t kLockoutsListedMax = 1000;

}  // namespace sallyport
