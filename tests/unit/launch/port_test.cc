// SPDX-License-Identifier: Apache-2.0
#include "sallyport/launch/port.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>

#include <fstream>

#include "tests/unit/launch/started.h"

namespace sallyport {
namespace {

using testing::HasSubstr;
using testing_launch::Started;

Descriptor listen_on(std::uint16_t port) {
  Descriptor made(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(port);
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(made.get(), reinterpret_cast<sockaddr*>(&name), sizeof name) != 0 ||
      ::listen(made.get(), 4) != 0)
    made.reset();
  return made;
}

/// proof_once_listening asks until somebody listens; the kernel tells no other way when that happens.
PortProof proof_once_listening(std::uint16_t port, pid_t root) {
  for (;;) {
    auto proof = prove_listener(port, root);
    if (proof.owner != PortOwner::nobody) return proof;
    ::sched_yield();
  }
}

/// begin_of_outgoing_range is the first port that the kernel gives to outgoing connections.
int begin_of_outgoing_range() {
  std::ifstream file("/proc/sys/net/ipv4/ip_local_port_range");
  int begin = 0;
  file >> begin;
  return begin;
}

TEST(Port, R12_free_port_is_none_that_an_outgoing_connection_could_take) {
  if (begin_of_outgoing_range() < 20000) GTEST_SKIP() << "outgoing connections may take any port here";
  for (int i = 0; i < 100; ++i) {
    const auto port = free_loopback_port();
    ASSERT_TRUE(port);
    EXPECT_GE(*port, 10000);
    EXPECT_LT(*port, begin_of_outgoing_range());
  }
}

TEST(Port, R12_listener_of_the_tool_is_proven) {
  const auto port = free_loopback_port();
  ASSERT_TRUE(port);
  Started tool({CHILD_PATH, "http", std::to_string(*port)});
  ASSERT_TRUE(tool.start());
  const auto proof = proof_once_listening(*port, tool.process().root());
  EXPECT_EQ(proof.owner, PortOwner::tool);
  EXPECT_EQ(proof.address.str(), concat("127.0.0.1:", *port));
  EXPECT_EQ(proof.note, "");
}

TEST(Port, R12_foreign_squatter_is_refused) {
  const auto port = free_loopback_port();
  ASSERT_TRUE(port);
  const auto squatter = listen_on(*port);
  ASSERT_TRUE(squatter);
  Started tool({CHILD_PATH, "sleep"});
  ASSERT_TRUE(tool.start());
  const auto proof = prove_listener(*port, tool.process().root());
  EXPECT_EQ(proof.owner, PortOwner::foreign);
  EXPECT_THAT(proof.note, HasSubstr("not by the tool"));
}

TEST(Port, nobody_listens_yet) {
  const auto port = free_loopback_port();
  ASSERT_TRUE(port);
  EXPECT_EQ(prove_listener(*port, ::getpid()).owner, PortOwner::nobody);
}

/// listen_on_all_v6 listens on [::], with IPv4 or without; none where this machine has no IPv6.
Descriptor listen_on_all_v6(std::uint16_t port, int v6_only) {
  Descriptor made(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in6 name{};
  name.sin6_family = AF_INET6;
  name.sin6_port = htons(port);
  ::setsockopt(made.get(), IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
  if (::bind(made.get(), reinterpret_cast<sockaddr*>(&name), sizeof name) != 0 ||
      ::listen(made.get(), 4) != 0)
    made.reset();
  return made;
}

TEST(Port, R12_a_listener_on_all_of_v6_is_reached_where_it_answers) {
  const auto port = free_loopback_port();
  ASSERT_TRUE(port);
  auto tool = listen_on_all_v6(*port, 1);
  if (!tool) GTEST_SKIP() << "no IPv6 on this machine";
  EXPECT_EQ(prove_listener(*port, ::getpid()).address.str(), concat("[::1]:", *port));
  const auto beside = listen_on(*port);
  ASSERT_TRUE(beside) << "127.0.0.1 was left alone";
  EXPECT_EQ(prove_listener(*port, ::getpid()).address.str(), concat("127.0.0.1:", *port));
}

TEST(Port, R12_a_listener_on_both_families_is_reached_by_v4) {
  const auto port = free_loopback_port();
  ASSERT_TRUE(port);
  const auto tool = listen_on_all_v6(*port, 0);
  if (!tool) GTEST_SKIP() << "no IPv6 on this machine";
  EXPECT_EQ(prove_listener(*port, ::getpid()).address.str(), concat("127.0.0.1:", *port));
}

TEST(Port, tool_that_listens_everywhere_is_noted) {
  const auto port = free_loopback_port();
  ASSERT_TRUE(port);
  Started tool({CHILD_PATH, "http", concat("any:", *port)});
  ASSERT_TRUE(tool.start());
  const auto proof = proof_once_listening(*port, tool.process().root());
  EXPECT_EQ(proof.owner, PortOwner::tool);
  EXPECT_THAT(proof.note, HasSubstr("reached around sallyport"));
}

constexpr std::string_view kHead =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

TEST(ParseListening, reads_v4_and_v6) {
  const auto v4 = parse_listening(std::string(kHead) +
                                  "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 "
                                  "00000000  1000        0 4711 1 0 100 0 0 10 0\n"
                                  "   1: 0100007F:1F91 0100007F:9999 01 00000000:00000000 00:00000000 "
                                  "00000000  1000        0 4712 1 0 20 4 30 10 -1\n");
  ASSERT_EQ(v4.size(), 1U);
  EXPECT_EQ(v4[0].address.str(), "127.0.0.1:8080");
  EXPECT_EQ(v4[0].uid, 1000U);
  EXPECT_EQ(v4[0].inode, 4711U);
  const auto v6 = parse_listening(
      "   0: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 0:0 0:0 0 7 0 9 "
      "1\n"
      "   1: 0000000000000000FFFF00000100007F:0050 00000000000000000000000000000000:0000 0A 0:0 0:0 0 7 0 9 "
      "1\n");
  ASSERT_EQ(v6.size(), 2U);
  EXPECT_EQ(v6[0].address.str(), "[::1]:8080");
  EXPECT_EQ(v6[1].address.str(), "127.0.0.1:80");
}

TEST(ParseListening, leaves_out_what_it_cannot_read) {
  for (const auto* text : {"", "\n\n", "0: 0100007F:1F90", "0: 0100007F:1F90 0:0 0A 0:0 0:0 0 x 0 9",
                           "0: 0100007F:FFFFF 0:0 0A 0:0 0:0 0 7 0 9", "0: 0100007F 0:0 0A 0:0 0:0 0 7 0 9",
                           "0: 0100007G:0050 0:0 0A 0:0 0:0 0 7 0 9", "0: 0100007F: 0:0 0A 0:0 0:0 0 7 0 9",
                           "0: 0100007F:0050 0:0 0A 0:0 0:0 0 7 0 99999999999999999999999"}) {
    EXPECT_TRUE(parse_listening(text).empty()) << text;
  }
}

}  // namespace
}  // namespace sallyport
