// SPDX-License-Identifier: Apache-2.0
// A consumer of the gate: a request with a live token is admitted, one without and one with a made-up token
// are denied.
#include <iostream>
#include <memory>
#include <string>

#include "sallyport/authn/gate.h"
#include "sallyport/env/posix/system.h"
#include "sallyport/http/parser.h"
#include "sallyport/store/credential_store.h"

namespace {

using namespace sallyport;

class CountingLog final : public AuditLog {
 public:
  void record(const AuditEvent&) override { ++events_; }
  [[nodiscard]] bool must_refuse() const noexcept override { return false; }
  [[nodiscard]] AuditHealth health() const override { return {}; }
  [[nodiscard]] int events() const noexcept { return events_; }

 private:
  int events_ = 0;
};

GateRules rules_of_localhost() {
  GateRules rules{HostList(Scheme::http)};
  rules.hosts.add(*HostPort::parse("127.0.0.1:7070"));
  return rules;
}

/// World is one gate with a store of its own.
class World {
 public:
  std::string put_token() {
    const Minted minted = mint(CredentialKind::access_token, entropy_);
    Grant grant;
    grant.kind = CredentialKind::access_token;
    grant.digest = minted.digest;
    grant.principal = std::make_shared<Principal>();
    grant.expires = kNever;
    return store_.put(std::move(grant)) ? std::string(minted.text.expose()) : std::string();
  }
  bool admits(const std::string& token) {
    std::string text = "GET / HTTP/1.1\r\nHost: 127.0.0.1:7070\r\n";
    if (!token.empty()) text += "Authorization: Bearer " + token + "\r\n";
    text += "\r\n";
    RequestHead head;
    if (!parse_request_head(text, head).complete()) return false;
    ListenerTraits listener;
    listener.port = 7070;
    ConnectionFacts facts;
    facts.peer = SocketAddress::tcp(IpAddress::v4({127, 0, 0, 1}), 40000);
    facts.local = SocketAddress::tcp(IpAddress::v4({127, 0, 0, 1}), 7070);
    const SessionId session{std::string("demo")};
    const Evidence evidence{Door::http, facts, head, listener, session, PeerLookup(), "r1"};
    return gate_.admit(evidence).allowed();
  }
  [[nodiscard]] int events() const noexcept { return log_.events(); }

 private:
  SystemEntropy entropy_;
  SystemMonotonicClock clock_;
  CountingLog log_;
  MemoryCredentialStore store_;
  TicketDesk tickets_{store_, entropy_};
  Gate gate_{rules_of_localhost(), GateParts{store_, tickets_, clock_, log_}};
};

}  // namespace

int main() {
  World world;
  const std::string token = world.put_token();
  const std::string made_up = "spa_" + std::string(43, 'A');
  const bool held = !token.empty() && world.admits(token) && !world.admits({}) && !world.admits(made_up) &&
                    world.events() == 3;
  std::cout << "gate: " << (held ? "live token admitted, none and made-up denied" : "the gate does not hold")
            << '\n';
  return held ? 0 : 1;
}
