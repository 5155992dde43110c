// SPDX-License-Identifier: Apache-2.0
// What policy, limits and lock-out cost a request.
#include <benchmark/benchmark.h>

#include <cstdlib>

#include "sallyport/base/text.h"
#include "sallyport/policy/lockout.h"
#include "sallyport/policy/policy.h"
#include "sallyport/policy/rate_limit.h"

namespace sallyport {
namespace {

constexpr int kRules = 1000;

ShortHashKey bench_key() {
  return ShortHashKey::filled_by(
      [](std::span<std::byte> out) { std::fill(out.begin(), out.end(), std::byte{5}); });
}

NetworkKey numbered(std::uint32_t i) {
  NetworkKey key;
  for (std::size_t byte = 0; byte < sizeof i; ++byte)
    key.bytes[byte] = static_cast<std::uint8_t>(i >> (24 - 8 * byte));
  return key;
}

/// Paths: each rule of its own subtree, or all of the same one, for different people.
enum class Paths : std::uint8_t { apart, one };
/// Meant: each rule names a user, or a role whose only member is a group.
enum class Meant : std::uint8_t { user, role };

std::shared_ptr<const Policy> many_rules(Paths paths, Meant meant) {
  PolicyDraft draft;
  for (int i = 0; i < kRules; ++i) {
    PolicyRule rule;
    rule.effect = PolicyEffect::allow;
    rule.who = {*PolicySelector::parse(concat(meant == Meant::user ? "user:u" : "role:r", i))};
    rule.http = *HttpPattern::parse_list(paths == Paths::apart ? concat("GET /s/x", i, "/*")
                                                               : std::string("GET /s/*"));
    draft.rules.push_back(std::move(rule));
    if (meant == Meant::user) continue;
    PolicyRole role;
    role.name = concat("r", i);
    role.members = {*PolicySelector::parse(concat("group:g", i))};
    draft.roles.push_back(std::move(role));
  }
  return *Policy::make(std::move(draft));
}

void decide(benchmark::State& state, Paths paths, Meant meant) {
  const auto policy = many_rules(paths, meant);
  Principal who;
  who.id = concat("u", kRules - 1);
  who.roles = {"staff", concat("g", kRules - 1)};
  const std::string path = concat("/s/x", kRules - 1, "/a/b/c");
  const PolicyQuestion question{PolicyQuestion::What::http, "GET", path};
  for (auto _ : state) {
    const auto decision = policy->decide(PolicySubject::of(who), question);
    if (!decision.allowed()) std::abort();
    benchmark::DoNotOptimize(decision);
  }
}

void policy_of_1000_rules(benchmark::State& state) { decide(state, Paths::apart, Meant::user); }
void policy_of_1000_rules_of_one_path(benchmark::State& state) { decide(state, Paths::one, Meant::user); }
void policy_of_1000_rules_and_roles_of_one_path(benchmark::State& state) {
  decide(state, Paths::one, Meant::role);
}
BENCHMARK(policy_of_1000_rules);
BENCHMARK(policy_of_1000_rules_of_one_path);
BENCHMARK(policy_of_1000_rules_and_roles_of_one_path);

void rate_limit_client_and_user(benchmark::State& state) {
  RateLimiter limiter(bench_key(),
                      {*RateRule::parse("1000000/s:1000000"), *RateRule::parse("user=1000000/s:1000000")});
  MonotonicTime now{std::chrono::hours(1)};
  std::uint32_t i = 0;
  for (auto _ : state) {
    now += std::chrono::microseconds(1);
    benchmark::DoNotOptimize(limiter.wait_of_client(numbered(++i % 10'000'000), "/index.html", now));
    benchmark::DoNotOptimize(limiter.wait_of_user("alice", now));
  }
  state.counters["table_bytes"] = static_cast<double>(limiter.buckets().bytes());
}
BENCHMARK(rate_limit_client_and_user)->ThreadRange(1, 2);

void lockout_while_nobody_waits(benchmark::State& state) {
  Lockout lockout(bench_key());
  const MonotonicTime now{std::chrono::hours(1)};
  for (auto _ : state)
    benchmark::DoNotOptimize(lockout.wait_left({LockoutLane::token, numbered(7), {}}, now));
}
BENCHMARK(lockout_while_nobody_waits);

void lockout_under_attack(benchmark::State& state) {
  Lockout lockout(bench_key());
  const MonotonicTime now{std::chrono::hours(1)};
  for (std::uint32_t i = 0; i < 20'000 * 5; ++i)
    (void)lockout.note_failure({LockoutLane::token, numbered(i / 5), {}}, 0, now);
  std::uint32_t i = 0;
  for (auto _ : state)
    benchmark::DoNotOptimize(lockout.wait_left({LockoutLane::token, numbered(++i % 40'000), {}}, now));
}
BENCHMARK(lockout_under_attack);

void lockout_failure_of_ten_million_networks(benchmark::State& state) {
  Lockout lockout(bench_key());
  const MonotonicTime now{std::chrono::hours(1)};
  std::uint32_t i = 0;
  for (auto _ : state)
    benchmark::DoNotOptimize(
        lockout.note_failure({LockoutLane::token, numbered(++i % 10'000'000), {}}, 0, now));
  state.counters["entries"] = static_cast<double>(lockout.size());
}
BENCHMARK(lockout_failure_of_ten_million_networks);

}  // namespace
}  // namespace sallyport
