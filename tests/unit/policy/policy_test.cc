// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "sallyport/policy/listener_safety.h"
#include "sallyport/policy/network_rules.h"

namespace sallyport {
namespace {

Cidr cidr(std::string_view text) { return *Cidr::parse(text); }
IpAddress ip(std::string_view text) { return *IpAddress::parse(text); }

TEST(NetworkRules, SG_08_allow_deny_v4_v6_and_mapped_addresses) {
  struct Row {
    std::vector<Cidr> allow, deny;
    const char* peer;
    bool admitted;
  };
  const Row rows[] = {
      {{}, {}, "203.0.113.9", true},
      {{}, {}, "2001:db8::1", true},
      {{}, {cidr("203.0.113.0/24")}, "203.0.113.9", false},
      {{}, {cidr("203.0.113.0/24")}, "::ffff:203.0.113.9", false},
      {{}, {cidr("203.0.113.0/24")}, "203.0.114.9", true},
      {{cidr("10.0.0.0/8")}, {}, "10.1.2.3", true},
      {{cidr("10.0.0.0/8")}, {}, "::ffff:10.1.2.3", true},
      {{cidr("10.0.0.0/8")}, {}, "11.0.0.1", false},
      {{cidr("10.0.0.0/8")}, {}, "2001:db8::1", false},
      {{cidr("0.0.0.0/0")}, {}, "2001:db8::1", false},
      {{cidr("2001:db8::/32")}, {}, "2001:db8::1", true},
      {{cidr("2001:db8::/32")}, {}, "10.0.0.1", false},
      {{cidr("10.0.0.0/8")}, {cidr("10.1.2.3")}, "10.1.2.3", false},
      {{cidr("10.1.2.3")}, {cidr("10.0.0.0/8")}, "10.1.2.3", false},
      {{}, {cidr("::/0")}, "::1", false},
      {{}, {cidr("::/0")}, "127.0.0.1", true},
  };
  for (const auto& row : rows) {
    const NetworkRules rules{row.allow, row.deny, {}};
    EXPECT_EQ(rules.admits(ip(row.peer)), row.admitted) << row.peer;
    ConnectionFacts facts;
    facts.peer = SocketAddress::tcp(ip(row.peer), 1);
    EXPECT_EQ(rules.admits(facts), row.admitted) << row.peer;
  }
}

TEST(NetworkRules, a_unix_peer_is_judged_by_its_uid) {
  ConnectionFacts facts;
  facts.peer = SocketAddress::unix_path("");
  NetworkRules rules{{cidr("10.0.0.0/8")}, {}, {}};
  EXPECT_TRUE(rules.admits(facts));
  rules.peer_uids = {1000};
  EXPECT_FALSE(rules.admits(facts));
  facts.process = PeerProcess{1001, 5};
  EXPECT_FALSE(rules.admits(facts));
  facts.process = PeerProcess{1000, 5};
  EXPECT_TRUE(rules.admits(facts));
}

TEST(NetworkRules, SG_08_a_unix_peer_is_judged_by_its_groups) {
  ConnectionFacts facts;
  facts.peer = SocketAddress::unix_path("");
  NetworkRules rules;
  rules.peer_gids = {100};
  EXPECT_FALSE(rules.admits(facts)) << "the kernel did not tell";
  facts.process = PeerProcess{1000, 5, 101, {}};
  EXPECT_FALSE(rules.admits(facts));
  facts.process = PeerProcess{1000, 5, 100, {}};
  EXPECT_TRUE(rules.admits(facts));
  facts.process = PeerProcess{1000, 5, 1000, {27, 100}};
  EXPECT_TRUE(rules.admits(facts)) << "a further group";
  rules.peer_uids = {7};
  facts.process = PeerProcess{7, 5, 7, {}};
  EXPECT_TRUE(rules.admits(facts)) << "either will do";
  facts.process = PeerProcess{8, 5, 8, {}};
  EXPECT_FALSE(rules.admits(facts));
}

TEST(ListenerSafety, SG_07_what_the_network_can_reach_has_tls_and_authentication) {
  struct Row {
    const char* address;
    Tls tls;
    Authentication authentication;
    PublicExposure exposure;
    bool opened;
  };
  using enum Authentication;
  using enum PublicExposure;
  const Row rows[] = {
      {"127.0.0.1:7070", Tls::off, required, refused, true},
      {"127.9.9.9:7070", Tls::off, Authentication::off, refused, true},
      {"[::1]:7070", Tls::off, Authentication::off, refused, true},
      {"unix:/run/x/s", Tls::off, Authentication::off, refused, true},
      {"0.0.0.0:7070", Tls::on, required, refused, true},
      {"0.0.0.0:7070", Tls::off, required, refused, false},
      {"0.0.0.0:7070", Tls::on, Authentication::off, refused, false},
      {":7070", Tls::off, required, refused, false},
      {"[::]:7070", Tls::off, required, refused, false},
      {"[::]:7070", Tls::on, required, refused, true},
      {"192.168.1.5:7070", Tls::off, required, refused, false},
      {"[::ffff:127.0.0.1]:7070", Tls::off, required, refused, true},
      {"[::ffff:192.168.1.5]:7070", Tls::off, required, refused, false},
      {"0.0.0.0:7070", Tls::off, required, insecurely_allowed, true},
      {"0.0.0.0:7070", Tls::off, Authentication::off, insecurely_allowed, true},
  };
  for (const auto& row : rows) {
    const auto address = SocketAddress::parse(row.address);
    ASSERT_TRUE(address) << row.address;
    const auto judged = judge_listener({*address, row.tls}, row.authentication, row.exposure);
    EXPECT_EQ(judged.has_value(), row.opened) << row.address;
    if (!judged) {
      EXPECT_EQ(judged.error().code, Code::permission_denied);
    }
  }
}

TEST(ListenerSafety, every_refused_listener_is_named_at_once) {
  const ListenerPlan plans[] = {{*SocketAddress::parse("0.0.0.0:1"), Tls::off},
                                {*SocketAddress::parse("127.0.0.1:2"), Tls::off},
                                {*SocketAddress::parse("[::]:3"), Tls::off}};
  const auto judged = judge_listeners(plans, Authentication::required, PublicExposure::refused);
  ASSERT_FALSE(judged);
  EXPECT_NE(judged.error().what.find("0.0.0.0:1"), std::string::npos);
  EXPECT_NE(judged.error().what.find("[::]:3"), std::string::npos);
  EXPECT_EQ(judged.error().what.find("127.0.0.1:2"), std::string::npos);
}

}  // namespace
}  // namespace sallyport
