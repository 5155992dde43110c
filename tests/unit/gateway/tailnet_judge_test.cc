// SPDX-License-Identifier: Apache-2.0
#include "sallyport/gateway/tailnet_judge.h"

#include <gtest/gtest.h>

#include "sallyport/env/testing/fakes.h"

namespace sallyport {
namespace {

ConnectionFacts between(const char* peer, const char* local) {
  ConnectionFacts facts;
  facts.peer = SocketAddress::tcp(*IpAddress::parse(peer), 50000);
  facts.local = SocketAddress::tcp(*IpAddress::parse(local), 8443);
  return facts;
}

TEST(CameOverTailnet, BY_10_both_ends_are_of_the_tailnet_and_two) {
  EXPECT_TRUE(came_over_tailnet(between("100.64.0.8", "100.64.0.7")));
  EXPECT_TRUE(came_over_tailnet(between("100.127.255.255", "100.64.0.0")));
  EXPECT_TRUE(came_over_tailnet(between("fd7a:115c:a1e0::8", "fd7a:115c:a1e0:ab12::7")));
  for (const auto& [peer, local] : {std::pair{"100.63.255.255", "100.64.0.7"},
                                    {"100.128.0.0", "100.64.0.7"},
                                    {"100.64.0.8", "192.0.2.1"},
                                    {"192.0.2.1", "100.64.0.7"},
                                    {"127.0.0.1", "127.0.0.1"},
                                    {"100.64.0.7", "100.64.0.7"},
                                    {"fd7a:115c:a1e1::8", "fd7a:115c:a1e0::7"},
                                    {"fd00::8", "fd7a:115c:a1e0::7"}})
    EXPECT_FALSE(came_over_tailnet(between(peer, local))) << peer << " to " << local;
  ConnectionFacts unix_peer = between("100.64.0.8", "100.64.0.7");
  unix_peer.peer = SocketAddress::unix_path("");
  EXPECT_FALSE(came_over_tailnet(unix_peer));
}

TEST(TailnetJudge, BY_10_without_a_daemon_nobody_is_anybody) {
  const ManualMonotonicClock clock;
  TailnetJudge judge(clock, "/nonexistent/tailscaled.sock", {*TailnetUser::parse("alice@example.com")});
  for (int time = 0; time < 2; ++time) {
    const auto who = judge.judge(between("100.64.0.8", "100.64.0.7"));
    EXPECT_EQ(who.principal, nullptr);
    EXPECT_EQ(who.denial, Denial::store_unavailable);
    EXPECT_EQ(who.how, CredentialKind::tailnet_peer);
  }
  EXPECT_EQ(judge.judge(between("192.0.2.1", "100.64.0.7")).denial, Denial::network_not_allowed);
}

TEST(TailnetUser, BY_10_is_a_login_and_whom_it_stands_for) {
  EXPECT_EQ(*TailnetUser::parse("alice@example.com=alice"), (TailnetUser{"alice@example.com", "alice"}));
  EXPECT_EQ(*TailnetUser::parse("bob@github"), (TailnetUser{"bob@github", "bob@github"}));
  for (const char* bad : {"", "=", "=alice", "alice@example.com=", "a b", "a=b=c", "a\r=b", "*"})
    EXPECT_FALSE(TailnetUser::parse(bad)) << bad;
}

}  // namespace
}  // namespace sallyport
