// SPDX-License-Identifier: Apache-2.0
#include "sallyport/base/address.h"

#include <gtest/gtest.h>

namespace sallyport {
namespace {

TEST(IpAddress, AT_01_a_mapped_address_is_the_v4_address_it_stands_for) {
  EXPECT_EQ(IpAddress::parse("::ffff:127.0.0.1"), IpAddress::parse("127.0.0.1"));
  EXPECT_TRUE(IpAddress::parse("::ffff:127.9.9.9")->is_loopback());
  EXPECT_TRUE(IpAddress::parse("127.255.255.254")->is_loopback());
  EXPECT_TRUE(IpAddress::parse("::1")->is_loopback());
  EXPECT_FALSE(IpAddress::parse("::2")->is_loopback());
  EXPECT_FALSE(IpAddress::parse("128.0.0.1")->is_loopback());
}

TEST(IpAddress, refuses_what_is_not_one_address) {
  for (const char* bad :
       {"", "127.1", "0127.0.0.1", "1.2.3.4.5", "fe80::1%eth0", "[::1]", "localhost", " 1.2.3.4"}) {
    EXPECT_EQ(IpAddress::parse(bad), std::nullopt) << bad;
  }
}

TEST(SocketAddress, parses_what_the_command_line_takes) {
  EXPECT_EQ(SocketAddress::parse("127.0.0.1:7070")->str(), "127.0.0.1:7070");
  EXPECT_EQ(SocketAddress::parse("localhost:80")->str(), "127.0.0.1:80");
  EXPECT_EQ(SocketAddress::parse("[::1]:443")->str(), "[::1]:443");
  EXPECT_EQ(SocketAddress::parse(":8080")->str(), "0.0.0.0:8080");
  EXPECT_EQ(SocketAddress::parse("unix:/run/x.sock")->str(), "unix:/run/x.sock");
  for (const char* bad : {"", "7070", "127.0.0.1", "::1:80", "[127.0.0.1]:80", "host:80", "1.2.3.4:65536",
                          "1.2.3.4:", "unix:"}) {
    EXPECT_EQ(SocketAddress::parse(bad), std::nullopt) << bad;
  }
}

TEST(Cidr, SG_08_holds_its_network_and_no_other_family) {
  const auto ten = *Cidr::parse("10.0.0.0/8");
  EXPECT_TRUE(ten.contains(*IpAddress::parse("10.255.0.1")));
  EXPECT_TRUE(ten.contains(*IpAddress::parse("::ffff:10.1.2.3")));
  EXPECT_FALSE(ten.contains(*IpAddress::parse("11.0.0.1")));
  EXPECT_FALSE(ten.contains(*IpAddress::parse("2001:db8::1")));
  EXPECT_TRUE(Cidr::parse("0.0.0.0/0")->contains(*IpAddress::parse("203.0.113.9")));
  EXPECT_FALSE(Cidr::parse("0.0.0.0/0")->contains(*IpAddress::parse("2001:db8::1")));
  const auto odd = *Cidr::parse("192.0.2.128/25");
  EXPECT_TRUE(odd.contains(*IpAddress::parse("192.0.2.200")));
  EXPECT_FALSE(odd.contains(*IpAddress::parse("192.0.2.100")));
  for (const char* bad :
       {"10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/08x", "2001:db8::1/32", "x/8"}) {
    EXPECT_FALSE(Cidr::parse(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace sallyport
