// SPDX-License-Identifier: Apache-2.0
// The token check as the gate makes it: form, SHA-256, look-up, lifetime; over live tokens in random order,
// so that each look-up misses the caches. Also what a token costs in memory.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/text.h"
#include "sallyport/credential/session_tokens.h"
#include "sallyport/credential/token.h"
#include "sallyport/crypto/digest.h"
#include "sallyport/env/posix/system.h"
#include "sallyport/store/credential_store.h"

namespace sallyport {
namespace {

constexpr MonotonicTime kNow{std::chrono::hours(1)};

/// Text is a token as it stands in a connection's buffer: near at hand, other than the store.
using Text = std::array<char, kTokenPrefixSize + base64url_size(kTokenBytes)>;
std::string_view view(const Text& text) { return {text.data(), text.size()}; }

/// resident_bytes is what this process holds of the machine's memory: what is set aside but was never touched
/// does not count.
std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t all = 0;
  std::size_t resident = 0;
  file >> all >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

/// Crowd is a store with `count` live session tokens, and their texts, one after the other in random order.
struct Crowd {
  MemoryCredentialStore store;
  std::vector<Text> texts;
  std::size_t bytes_per_token = 0;

  explicit Crowd(std::size_t count) {
    SystemEntropy entropy;
    const auto principal =
        std::make_shared<const Principal>(Principal{"alice", PrincipalKind::user, "bench", {}});
    texts.reserve(count);
    std::vector<Digest> digests;
    for (std::size_t i = 0; i < count; ++i) {
      const Minted minted = mint(CredentialKind::session_token, entropy);
      minted.text.expose().copy(texts.emplace_back().data(), Text{}.size());
      digests.push_back(minted.digest);
    }
    const std::size_t before = resident_bytes();
    for (std::size_t i = 0; i < count; ++i) {
      Grant grant;
      grant.kind = CredentialKind::session_token;
      grant.digest = digests[i];
      grant.principal = principal;
      grant.session = SessionId(concat("session-", i % 5000));
      grant.issued = kNow;
      grant.expires = kNow + std::chrono::hours(24);
      grant.used = UsageMark(kNow);
      if (!store.put(std::move(grant))) std::abort();
    }
    bytes_per_token = (resident_bytes() - before) / count;
    std::mt19937_64 fixed(1);
    std::shuffle(texts.begin(), texts.end(), fixed);
  }
};

Crowd& crowd_of(std::size_t count) {
  static std::unique_ptr<Crowd> crowd;
  if (crowd == nullptr || crowd->texts.size() != count) crowd = std::make_unique<Crowd>(count);
  return *crowd;
}

void token_check(benchmark::State& state) {
  Crowd& crowd = crowd_of(static_cast<std::size_t>(state.range(0)));
  std::size_t next = 0;
  std::size_t admitted = 0;
  for (auto step : state) {
    const auto presented = read_token(view(crowd.texts[next]));
    const GrantRef grant = crowd.store.find(presented->digest);
    if (grant != nullptr && grant->live_at(kNow)) ++admitted;
    if (++next == crowd.texts.size()) next = 0;
  }
  if (admitted != static_cast<std::size_t>(state.iterations()))
    state.SkipWithError("a live token was refused");
  state.counters["bytes_per_token"] = static_cast<double>(crowd.bytes_per_token);
}
BENCHMARK(token_check)->Arg(100'000)->Arg(1'000'000);

void token_look_up(benchmark::State& state) {
  Crowd& crowd = crowd_of(static_cast<std::size_t>(state.range(0)));
  std::vector<Digest> digests;
  for (const Text& text : crowd.texts) digests.push_back(sha256(view(text)));
  std::size_t next = 0;
  for (auto step : state) {
    benchmark::DoNotOptimize(crowd.store.find(digests[next]));
    if (++next == digests.size()) next = 0;
  }
}
BENCHMARK(token_look_up)->Arg(1'000'000);

void token_refused(benchmark::State& state) {
  Crowd& crowd = crowd_of(static_cast<std::size_t>(state.range(0)));
  SystemEntropy entropy;
  const Minted unknown = mint(CredentialKind::session_token, entropy);
  for (auto step : state)
    benchmark::DoNotOptimize(crowd.store.find(read_token(unknown.text.expose())->digest));
}
BENCHMARK(token_refused)->Arg(1'000'000);

void remove_one_session(benchmark::State& state) {
  Crowd& crowd = crowd_of(static_cast<std::size_t>(state.range(0)));
  GrantFilter filter;
  filter.session = SessionId("no such session");
  for (auto step : state) benchmark::DoNotOptimize(crowd.store.remove_where(filter));
}
BENCHMARK(remove_one_session)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

void read_only(benchmark::State& state) {
  SystemEntropy entropy;
  const Minted minted = mint(CredentialKind::session_token, entropy);
  for (auto step : state) benchmark::DoNotOptimize(read_token(minted.text.expose()));
}
BENCHMARK(read_only);

void sha256_of_a_token(benchmark::State& state) {
  const std::string text(47, 'A');
  for (auto step : state) benchmark::DoNotOptimize(sha256(text));
}
BENCHMARK(sha256_of_a_token);

void create_a_token(benchmark::State& state) {
  SystemEntropy entropy;
  MemoryCredentialStore store;
  SessionTokens tokens(store, entropy, TokenPolicy{});
  const auto principal =
      std::make_shared<const Principal>(Principal{"alice", PrincipalKind::user, "bench", {}});
  std::size_t sessions = 0;
  for (auto step : state) {
    const SessionId session(concat("session-", ++sessions));
    if (!tokens.create(session, principal, kNow)) state.SkipWithError("a token was not made");
  }
}
BENCHMARK(create_a_token);

void mint_a_token(benchmark::State& state) {
  SystemEntropy entropy;
  for (auto step : state) benchmark::DoNotOptimize(mint(CredentialKind::session_token, entropy).digest);
}
BENCHMARK(mint_a_token);

}  // namespace
}  // namespace sallyport
