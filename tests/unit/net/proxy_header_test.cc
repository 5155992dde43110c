// SPDX-License-Identifier: Apache-2.0
// The PROXY protocol: both versions as their document writes them, and everything that is nearly one.
#include "sallyport/net/proxy_header.h"

#include <gtest/gtest.h>

#include <string>

namespace sallyport {
namespace {

using State = ProxyParse::State;
using Kind = ProxyHeader::Kind;

constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

/// read feeds the parser as a connection would: never more than it wants.
ProxyParse read(std::string_view bytes, std::size_t* used = nullptr) {
  std::size_t have = 0;
  ProxyParse parse = parse_proxy_header({});
  while (parse.state == State::more) {
    EXPECT_GT(parse.bytes_wanted, have) << "it asks for something";
    if (parse.bytes_wanted > bytes.size()) return parse;
    have = parse.bytes_wanted;
    parse = parse_proxy_header(bytes.substr(0, have));
  }
  if (used != nullptr) *used = have;
  return parse;
}

std::string binary(unsigned char command, unsigned char family, const std::string& rest) {
  std::string out(kSignature);
  out += static_cast<char>(command);
  out += static_cast<char>(family);
  out += static_cast<char>(rest.size() >> 8);
  out += static_cast<char>(rest.size() & 0xff);
  return out + rest;
}

const std::string kFour("\xc0\x00\x02\x01\xc6\x33\x64\x02\x30\x39\x01\xbb", 12);

TEST(ProxyHeaderTest, SG_08_version_1_names_the_client) {
  std::size_t used = 0;
  const std::string line = "PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\r\n";
  const auto parse = read(line + "GET / HTTP/1.1\r\n", &used);
  ASSERT_EQ(parse.state, State::done);
  EXPECT_EQ(used, line.size()) << "what follows is not read";
  EXPECT_EQ(parse.header.kind, Kind::proxied);
  EXPECT_EQ(parse.header.source.str(), "192.0.2.1:12345");
  EXPECT_EQ(parse.header.destination.str(), "198.51.100.2:443");
  const auto six = read("PROXY TCP6 2001:db8::1 ::1 1 65535\r\n");
  ASSERT_EQ(six.state, State::done);
  EXPECT_EQ(six.header.source.ip, *IpAddress::parse("2001:db8::1"));
  const auto unknown = read("PROXY UNKNOWN\r\n");
  ASSERT_EQ(unknown.state, State::done);
  EXPECT_EQ(unknown.header.kind, Kind::own);
  EXPECT_EQ(read("PROXY UNKNOWN ffff::1 ::2 1 2\r\n").header.kind, Kind::own);
}

TEST(ProxyHeaderTest, SG_08_version_2_names_the_client) {
  std::size_t used = 0;
  const std::string four = binary(0x21, 0x11, kFour);
  const auto parse = read(four + "GET", &used);
  ASSERT_EQ(parse.state, State::done);
  EXPECT_EQ(used, four.size());
  EXPECT_EQ(parse.header.source.str(), "192.0.2.1:12345");
  EXPECT_EQ(parse.header.destination.str(), "198.51.100.2:443");
  const std::string mapped = std::string(10, '\0') + "\xff\xff" + std::string("\xc0\x00\x02\x01", 4);
  const auto six = read(binary(0x21, 0x21, mapped + std::string(16, '\1') + std::string("\0\1\0\2", 4)));
  ASSERT_EQ(six.state, State::done);
  EXPECT_EQ(six.header.source.ip, *IpAddress::parse("192.0.2.1"))
      << "a mapped address is the one it stands for";
  EXPECT_EQ(read(binary(0x20, 0x00, "")).header.kind, Kind::own) << "a health check";
  EXPECT_EQ(read(binary(0x20, 0x11, kFour)).header.kind, Kind::own);
  EXPECT_EQ(read(binary(0x21, 0x00, "")).header.kind, Kind::own);
  EXPECT_EQ(read(binary(0x21, 0x11, kFour + std::string("\x04\x00\x02zz", 5))).state, State::done)
      << "a further field";
}

TEST(ProxyHeaderTest, SG_08_what_is_nearly_one_is_refused) {
  for (const char* line : {"GET / HTTP/1.1\r\n", "proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
                           "PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
                           "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n",
                           "PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n",
                           "PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n", "PROXY TCP4 ::1 1.2.3.4 1 2\r\n",
                           "PROXY TCP6 1.2.3.4 ::1 1 2\r\n", "PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n",
                           "PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n", "PROXY TCP4 01.2.3.4 1.2.3.4 1 2\r\n",
                           "PROXY UNKNOWNX\r\n\r\n\r\n", "PROXY\r\nTCP4 1.2.3.4 1.2.3.4\r\n",
                           "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\r\n", "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n"})
    EXPECT_EQ(read(line).state, State::bad) << line;
  EXPECT_EQ(read("PROXY UNKNOWN " + std::string(200, 'x') + "\r\n").state, State::bad)
      << "longer than a line can be";
  for (const std::string& bytes :
       {binary(0x22, 0x11, kFour), binary(0x11, 0x11, kFour), binary(0x21, 0x12, kFour),
        binary(0x21, 0x31, kFour), binary(0x21, 0x21, kFour), binary(0x21, 0x11, kFour.substr(1)),
        binary(0x21, 0x11, kFour + "\x04"), binary(0x21, 0x11, kFour + std::string("\x04\x00\x05zz", 5)),
        binary(0x21, 0x11, kFour + std::string("\x03\x00\x04\x01\x02\x03\x04", 7)),
        binary(0x21, 0x11, kFour + std::string(2000, '\0'))})
    EXPECT_EQ(read(bytes).state, State::bad);
  EXPECT_EQ(read("\r\n\r\nGET / HTTP/1.1\r\n").state, State::bad);
  EXPECT_EQ(read("PROXY TC").state, State::more);
}

TEST(ProxyHeaderTest, SG_08_a_checksum_that_is_there_must_be_right) {
  // Made with an independent CRC-32C (Castagnoli) over the header with a zeroed checksum.
  std::string field("\x03\x00\x04\x00\x00\x00\x00", 7);
  const std::string blank = binary(0x21, 0x11, kFour + field);
  std::uint32_t crc = ~0U;
  for (const char c : blank) {
    std::uint32_t part = (crc ^ static_cast<unsigned char>(c)) & 0xff;
    for (int i = 0; i < 8; ++i) part = part % 2 == 1 ? part / 2 ^ 0x82F63B78U : part / 2;
    crc = part ^ crc >> 8;
  }
  crc = ~crc;
  for (int i = 0; i < 4; ++i) field[3 + static_cast<std::size_t>(i)] = static_cast<char>(crc >> (24 - 8 * i));
  EXPECT_EQ(read(binary(0x21, 0x11, kFour + field)).state, State::done);
  field[6] = static_cast<char>(field[6] ^ 1);
  EXPECT_EQ(read(binary(0x21, 0x11, kFour + field)).state, State::bad);
}

}  // namespace
}  // namespace sallyport
