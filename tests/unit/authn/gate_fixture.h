// SPDX-License-Identifier: Apache-2.0
// GateFixture: a gate on fakes, and requests written as they stand on the wire.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "sallyport/audit/testing/memory_audit_log.h"
#include "sallyport/authn/gate.h"
#include "sallyport/base/text.h"
#include "sallyport/credential/internal_credentials.h"
#include "sallyport/credential/logins.h"
#include "sallyport/credential/session_tokens.h"
#include "sallyport/env/testing/fakes.h"
#include "sallyport/http/parser.h"
#include "sallyport/store/credential_store.h"

namespace sallyport {

inline constexpr std::uint32_t kOwnUid = 1000;

/// Asked is one request and where it came from.
struct Asked {
  std::string method = "GET";
  std::string target = "/";
  std::string host = "127.0.0.1:7070";
  std::string fields;  ///< lines, each ended by CRLF
  Door door = Door::http;
  const char* peer = "192.0.2.7";
  const char* local = "127.0.0.1";
  std::optional<std::uint32_t> uid;  ///< what the kernel would say
  SessionId session{std::string("demo")};
  std::size_t prefix_bytes = 0;

  Asked with(std::string_view name, std::string_view value) const {
    Asked copy = *this;
    copy.fields += concat(name, ": ", value, "\r\n");
    return copy;
  }
};

/// upgrade_of is a WebSocket handshake, without Origin.
inline Asked upgrade_of(std::string target = "/ws") {
  Asked asked;
  asked.target = std::move(target);
  asked.door = Door::websocket;
  return asked.with("Connection", "Upgrade")
      .with("Upgrade", "websocket")
      .with("Sec-WebSocket-Version", "13")
      .with("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
}

/// local_asked meets every condition of local trust.
inline Asked local_asked() {
  Asked asked;
  asked.peer = "127.0.0.1";
  asked.uid = kOwnUid;
  return asked;
}

class GateFixture : public testing::Test {
 protected:
  GateFixture() {
    listener_.reach = Reach::this_machine;
    listener_.port = 7070;
    listener_.local_trust = LocalTrust::on;
    for (const char* host : {"127.0.0.1:7070", "localhost:7070", "tool.example:7070"}) {
      rules_.hosts.add(*HostPort::parse(host));
      rules_.origins.add(Origin::of("http", *HostPort::parse(host)));
    }
    rules_.public_paths.push_back(*PathRule::parse("/health"));
    rules_.local_principal = principal_of("owner");
    rules_.own_uid = kOwnUid;
  }

  static std::shared_ptr<const Principal> principal_of(std::string id) {
    auto principal = std::make_shared<Principal>();
    principal->id = std::move(id);
    principal->provider = "test";
    return principal;
  }

  Gate make_gate() {
    return Gate(rules_, GateParts{store_, tickets_, clock_, audit_, lockout_, rate_, permissions_});
  }

  Verdict admit(const Asked& asked) { return admit(make_gate(), asked); }

  Verdict admit(const Gate& gate, const Asked& asked) {
    const std::string text = concat(asked.method, ' ', asked.target, " HTTP/1.1\r\nHost: ", asked.host,
                                    "\r\n", asked.fields, "\r\n");
    const auto head = std::make_unique<RequestHead>();
    const HeadParse parse = parse_request_head(text, *head);
    if (!parse.complete()) {
      std::cerr << "a test's request does not parse: " << text << "\n";
      std::abort();
    }
    facts_.peer = SocketAddress::tcp(*IpAddress::parse(asked.peer), 40000);
    facts_.local = SocketAddress::tcp(*IpAddress::parse(asked.local), 7070);
    if (unix_peer_) facts_.peer = facts_.local = SocketAddress::unix_path("");
    auto ask = [this, &asked]() -> std::optional<PeerProcess> {
      ++lookups_;
      if (!asked.uid) return std::nullopt;
      return PeerProcess{*asked.uid, 0};
    };
    return gate.admit(Evidence{asked.door, facts_, *head, listener_, asked.session, PeerLookup(ask), "r1",
                               asked.prefix_bytes});
  }

  /// denied_by expects a denial, the same one in the audit log, and nothing else handed out.
  void expect_denied(const Asked& asked, Denial denial, GateStep step, std::uint16_t status) {
    audit_.clear();
    const Verdict verdict = admit(asked);
    EXPECT_FALSE(verdict.allowed());
    EXPECT_EQ(name_of(verdict.denial), name_of(denial));
    EXPECT_EQ(name_of(verdict.step), name_of(step));
    EXPECT_EQ(verdict.status, status);
    EXPECT_EQ(verdict.grant, nullptr);
    const auto events = audit_.events();
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].outcome, Outcome::denied);
    EXPECT_EQ(events[0].denial, denial);
    EXPECT_EQ(events[0].step, name_of(step));
  }

  std::string access_token(MonotonicTime expires = kNever) {
    Minted minted = mint(CredentialKind::access_token, entropy_);
    Grant grant;
    grant.kind = CredentialKind::access_token;
    grant.digest = minted.digest;
    grant.principal = principal_of("robot");
    grant.issued = clock_.now();
    grant.expires = expires;
    EXPECT_TRUE(store_.put(std::move(grant)));
    return std::string(minted.text.expose());
  }
  std::string session_token(const SessionId& session) {
    auto minted = sessions_.create(session, principal_of("session"), clock_.now());
    return std::string(minted->text.expose());
  }
  std::string login(std::string user = "alice") {
    auto minted = logins_.begin(principal_of(std::move(user)), "", clock_.now());
    return std::string(minted->text.expose());
  }
  std::string ticket(const std::string& minter, std::string path = "/ws",
                     std::string origin = "http://127.0.0.1:7070") {
    auto minted = tickets_.mint({store_.find(read_token(minter)->digest), SessionId(std::string("demo")),
                                 std::move(path), std::move(origin)},
                                clock_.now());
    return std::string(minted->text.expose());
  }
  std::string cookie(std::string_view value) const { return concat("sallyport-7070=", value); }

  ManualMonotonicClock clock_;
  CountingEntropy entropy_;
  MemoryCredentialStore store_{100'000};
  TicketDesk tickets_{store_, entropy_};
  Logins logins_{store_, entropy_};
  SessionTokens sessions_{store_, entropy_, {}};
  InternalCredentials internals_{store_, entropy_};
  MemoryAuditLog audit_;
  ListenerTraits listener_;
  GateRules rules_{HostList(Scheme::http)};
  ConnectionFacts facts_;
  bool unix_peer_ = false;
  int lookups_ = 0;
  Throttle* lockout_ = nullptr;
  Throttle* rate_ = nullptr;
  PermissionRule* permissions_ = nullptr;
};

}  // namespace sallyport
