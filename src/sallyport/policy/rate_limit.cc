// SPDX-License-Identifier: Apache-2.0
#include "sallyport/policy/rate_limit.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

constexpr std::uint32_t kCountMax = 1'000'000;
constexpr Duration kPeriodMax = std::chrono::hours(24);
constexpr std::string_view kClient = "client";
constexpr std::string_view kUser = "user";

std::optional<Duration> unit_of(std::string_view text) noexcept {
  if (text == "s" || text == "sec") return std::chrono::seconds(1);
  if (text == "m" || text == "min") return std::chrono::minutes(1);
  if (text == "h" || text == "hour") return std::chrono::hours(1);
  if (text == "d" || text == "day") return std::chrono::hours(24);
  return std::nullopt;
}

std::optional<std::uint32_t> count_of(std::string_view text) noexcept {
  const auto count = parse_decimal<std::uint32_t>(text);
  return count && *count > 0 && *count <= kCountMax ? count : std::nullopt;
}

std::optional<Rate> parse_rate(std::string_view text) noexcept {
  if (text == "on") return Rate{};
  Rate rate;
  const auto colon = text.find(':');
  const auto slash = text.substr(0, colon).find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto count = count_of(text.substr(0, slash));
  const auto period = parse_rate_period(text.substr(0, colon).substr(slash + 1));
  if (!count || !period) return std::nullopt;
  rate.count = *count;
  rate.period = *period;
  rate.burst = *count * 2;
  if (colon == std::string_view::npos) return rate;
  const auto burst = count_of(text.substr(colon + 1));
  if (!burst) return std::nullopt;
  rate.burst = *burst;
  return rate;
}

}  // namespace

std::optional<Duration> parse_rate_period(std::string_view text) noexcept {
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto unit = unit_of(text.substr(digits));
  std::uint32_t times = 1;
  if (digits > 0) {
    const auto read = count_of(text.substr(0, digits));
    if (!read) return std::nullopt;
    times = *read;
  }
  if (!unit || *unit * times > kPeriodMax) return std::nullopt;
  return *unit * times;
}

std::optional<RateRule> RateRule::parse(std::string_view text) {
  RateRule rule;
  const auto equals = text.rfind('=');
  const std::string_view scope = equals == std::string_view::npos ? kClient : text.substr(0, equals);
  const auto rate = parse_rate(equals == std::string_view::npos ? text : text.substr(equals + 1));
  if (!rate) return std::nullopt;
  rule.rate = *rate;
  if (scope == kClient) return rule;
  rule.scope = scope == kUser ? Scope::user : Scope::route;
  if (rule.scope == Scope::user) return rule;
  auto path = PathPattern::parse(scope);
  if (!path) return std::nullopt;
  rule.path = *std::move(path);
  return rule;
}

std::string RateRule::str() const {
  const std::string who = scope == Scope::client ? std::string(kClient)
                          : scope == Scope::user ? std::string(kUser)
                                                 : path->str();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(rate.period).count();
  return concat(who, '=', rate.count, '/', seconds, "s:", rate.burst);
}

BucketTable::BucketTable(std::size_t buckets)
    : sets_(std::bit_ceil(std::max<std::size_t>(buckets / kWays, 1))),
      table_(std::make_unique<Set[]>(sets_)) {}

std::size_t BucketTable::bytes() const noexcept { return sizeof(*this) + sets_ * sizeof(Set); }

Duration BucketTable::take(std::uint64_t key, const Rate& rate, MonotonicTime now) {
  if (key == 0) key = 1;  // 0 marks a bucket that nobody has
  const std::size_t index = key & (sets_ - 1);
  const std::int64_t now_ns = now.time_since_epoch().count();
  const std::int64_t interval = rate.period.count() / rate.count;
  const std::lock_guard lock(locks_[index % kLocks].mutex);
  Bucket* fullest = nullptr;
  Bucket* mine = nullptr;
  for (Bucket& bucket : table_[index]) {
    if (bucket.key == key) mine = &bucket;
    if (fullest == nullptr || bucket.full_again_ns < fullest->full_again_ns) fullest = &bucket;
  }
  if (mine == nullptr) {
    if (fullest->full_again_ns > now_ns) forgotten_.fetch_add(1, std::memory_order_relaxed);
    mine = fullest;
    *mine = {key, now_ns};
  }
  const std::int64_t from = std::max(mine->full_again_ns, now_ns);
  const std::int64_t debt_max =
      interval * std::min<std::int64_t>(std::int64_t{rate.burst} - 1, INT64_MAX / 4 / interval);
  if (from - now_ns > debt_max) return Duration(from - now_ns - debt_max);
  mine->full_again_ns = from + interval;
  return Duration::zero();
}

RateLimiter::RateLimiter(ShortHashKey key, std::vector<RateRule> rules, std::size_t buckets)
    : hash_(std::move(key)), rules_(std::move(rules)), table_(buckets) {}

Duration RateLimiter::wait_of_client(const NetworkKey& client, std::string_view path, MonotonicTime now) {
  std::array<std::byte, 1 + 1 + 2 + 8> bytes{};
  bytes[1] = static_cast<std::byte>(client.kind);
  std::memcpy(bytes.data() + 4, client.bytes.data(), client.bytes.size());
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    const RateRule& rule = rules_[i];
    if (rule.scope == RateRule::Scope::user || (rule.path && !rule.path->matches(path))) continue;
    const auto number = static_cast<std::uint16_t>(i);
    std::memcpy(bytes.data() + 2, &number, sizeof number);
    const Duration wait = table_.take(hash_(bytes), rule.rate, now);
    if (wait > Duration::zero()) return wait;
  }
  return Duration::zero();
}

Duration RateLimiter::wait_of_user(std::string_view principal, MonotonicTime now) {
  std::array<std::byte, 1 + 1 + 2 + 8> bytes{};
  bytes[0] = std::byte{1};
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    if (rules_[i].scope != RateRule::Scope::user) continue;
    const std::uint64_t who = hash_(principal);
    const auto number = static_cast<std::uint16_t>(i);
    std::memcpy(bytes.data() + 2, &number, sizeof number);
    std::memcpy(bytes.data() + 4, &who, sizeof who);
    const Duration wait = table_.take(hash_(bytes), rules_[i].rate, now);
    if (wait > Duration::zero()) return wait;
  }
  return Duration::zero();
}

}  // namespace sallyport
