// SPDX-License-Identifier: Apache-2.0
// RateLimiter: token buckets per client network, per principal and per route, in memory that does not grow.
// Pure: time is an argument.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/time.h"
#include "sallyport/crypto/short_hash.h"
#include "sallyport/policy/network_key.h"
#include "sallyport/policy/path_pattern.h"

namespace sallyport {

/// Rate is `count` requests in each `period`, spread evenly, after `burst` at once.
struct Rate {
  std::uint32_t count = 100;
  Duration period = std::chrono::minutes(1);
  std::uint32_t burst = 200;
};

/// RateRule is one value of --rate-limit.
struct RateRule {
  enum class Scope : std::uint8_t {
    client,  ///< each client network
    user,    ///< each principal, wherever he comes from
    route,   ///< each client network on that path
  };
  Scope scope = Scope::client;
  std::optional<PathPattern> path;  ///< of a route
  Rate rate;

  /// parse takes [client=|user=|PATH=]COUNT/PERIOD[:BURST], as "100/m", "user=600/m:100", "/api/*=10/s";
  /// "on" is 100 a minute with a burst of 200 for each client. PERIOD is s, m, h, d, or a number of them
  /// ("10s"). Without BURST it is twice the count. nullopt otherwise.
  static std::optional<RateRule> parse(std::string_view text);
  [[nodiscard]] std::string str() const;
};

/// parse_rate_period takes "s", "m", "h", "d", "min", and a number before one of them; at most a day.
std::optional<Duration> parse_rate_period(std::string_view text) noexcept;

inline constexpr std::size_t kRateBucketsDefault = std::size_t{1} << 16;

/// BucketTable holds token buckets by key in sets of eight, each bucket the time at which it is full again
/// (the generic cell rate algorithm). Where a set is full of buckets that lack tokens, the fullest goes: its
/// owner gains the little that it lacked. Any thread; no allocation after the start.
class BucketTable {
 public:
  explicit BucketTable(std::size_t buckets);
  /// take takes one token; zero, or how long until there is one. What is refused takes nothing.
  Duration take(std::uint64_t key, const Rate& rate, MonotonicTime now);
  [[nodiscard]] std::size_t bytes() const noexcept;
  /// forgotten counts the buckets that went before they were full.
  [[nodiscard]] std::uint64_t forgotten() const noexcept {
    return forgotten_.load(std::memory_order_relaxed);
  }

 private:
  static constexpr std::size_t kWays = 8;
  static constexpr std::size_t kLocks = 64;
  struct Bucket {
    std::uint64_t key = 0;
    std::int64_t full_again_ns = INT64_MIN;
  };
  using Set = std::array<Bucket, kWays>;
  struct alignas(64) Lock {
    std::mutex mutex;
  };
  const std::size_t sets_;
  std::unique_ptr<Set[]> table_;  // set i guarded by locks_[i % kLocks]
  std::array<Lock, kLocks> locks_;
  std::atomic<std::uint64_t> forgotten_{0};
};

/// RateLimiter asks every rule that fits. Any thread. Clients that share an address (a company's way out)
/// share its bucket; a proxy's clients are told apart only where the proxy is trusted.
class RateLimiter {
 public:
  RateLimiter(ShortHashKey key, std::vector<RateRule> rules, std::size_t buckets = kRateBucketsDefault);

  /// wait_of_client is zero where the request may go on; `path` is the decoded one.
  Duration wait_of_client(const NetworkKey& client, std::string_view path, MonotonicTime now);
  /// wait_of_user is asked once it is known who asks.
  Duration wait_of_user(std::string_view principal, MonotonicTime now);
  [[nodiscard]] const BucketTable& buckets() const noexcept { return table_; }

 private:
  const ShortHash hash_;
  const std::vector<RateRule> rules_;
  BucketTable table_;
};

}  // namespace sallyport
