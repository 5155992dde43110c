// SPDX-License-Identifier: Apache-2.0
// What the gate costs a request: a bearer token without Origin, and a browser's cookie, among live grants.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "sallyport/authn/gate.h"
#include "sallyport/base/text.h"
#include "sallyport/credential/logins.h"
#include "sallyport/env/posix/system.h"
#include "sallyport/http/parser.h"
#include "sallyport/store/credential_store.h"

namespace sallyport {
namespace {

constexpr int kLiveGrants = 100'000;

class DeafLog final : public AuditLog {
 public:
  void record(const AuditEvent&) override { ++events; }
  [[nodiscard]] bool must_refuse() const noexcept override { return false; }
  [[nodiscard]] AuditHealth health() const override { return {}; }
  std::uint64_t events = 0;
};

GateRules make_rules() {
  GateRules rules{HostList(Scheme::http)};
  const auto host = HostPort::parse("127.0.0.1:7070");
  rules.hosts.add(*host);
  rules.origins.add(Origin::of("http", *host));
  return rules;
}

class GateBench : public benchmark::Fixture {
 public:
  void SetUp(const benchmark::State&) override {
    principal_ = std::make_shared<Principal>();
    listener_.reach = Reach::this_machine;
    listener_.port = 7070;
    facts_.peer = SocketAddress::tcp(IpAddress::v4({127, 0, 0, 1}), 40000);
    facts_.local = SocketAddress::tcp(IpAddress::v4({127, 0, 0, 1}), 7070);
    store_ = std::make_unique<MemoryCredentialStore>();
    tickets_ = std::make_unique<TicketDesk>(*store_, entropy_);
    gate_ = std::make_unique<Gate>(make_rules(), GateParts{*store_, *tickets_, clock_, log_});
    for (int i = 0; i < kLiveGrants; ++i) last_ = put_token();
  }
  void TearDown(const benchmark::State&) override {
    gate_.reset();
    tickets_.reset();
    store_.reset();
  }

 protected:
  std::string put_token() {
    const Minted minted = mint(CredentialKind::access_token, entropy_);
    Grant grant;
    grant.kind = CredentialKind::access_token;
    grant.digest = minted.digest;
    grant.principal = principal_;
    grant.expires = kNever;
    if (!store_->put(std::move(grant))) std::abort();
    return std::string(minted.text.expose());
  }
  void run(benchmark::State& state, const std::string& fields) {
    const std::string text =
        concat("GET /index.html HTTP/1.1\r\nHost: 127.0.0.1:7070\r\nAccept: */*\r\nUser-Agent: bench\r\n",
               fields, "\r\n");
    const auto head = std::make_unique<RequestHead>();
    if (!parse_request_head(text, *head).complete()) std::abort();
    const Evidence evidence{Door::http, facts_, *head, listener_, session_, PeerLookup(), "r1"};
    for (auto _ : state) {
      const Verdict verdict = gate_->admit(evidence);
      if (!verdict.allowed()) std::abort();
      benchmark::DoNotOptimize(verdict);
    }
  }

  SystemEntropy entropy_;
  SystemMonotonicClock clock_;
  DeafLog log_;
  ListenerTraits listener_;
  ConnectionFacts facts_;
  SessionId session_{std::string("demo")};
  std::shared_ptr<Principal> principal_;
  std::unique_ptr<MemoryCredentialStore> store_;
  std::unique_ptr<TicketDesk> tickets_;
  std::unique_ptr<Gate> gate_;
  std::string last_;
};

BENCHMARK_F(GateBench, bearer)(benchmark::State& state) {
  run(state, concat("Authorization: Bearer ", last_, "\r\n"));
}

BENCHMARK_F(GateBench, cookie)(benchmark::State& state) {
  Logins logins(*store_, entropy_);
  const auto minted = logins.begin(principal_, "", clock_.now());
  run(state, concat("Origin: http://127.0.0.1:7070\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: "
                    "cors\r\nCookie: theme=dark; ",
                    "sallyport-7070", '=', minted->text.expose(), "; other=1\r\n"));
}

/// The token check by itself: what the gate adds is the difference.
BENCHMARK_F(GateBench, token_check_alone)(benchmark::State& state) {
  for (auto _ : state) {
    const auto presented = read_token(last_);
    const GrantRef grant = store_->find(presented->digest);
    if (!grant) std::abort();
    benchmark::DoNotOptimize(grant);
  }
}

}  // namespace
}  // namespace sallyport
