// SPDX-License-Identifier: Apache-2.0
#include "sallyport/config/values.h"

#include <gtest/gtest.h>

namespace sallyport {
namespace {

using namespace std::chrono_literals;

TEST(Duration, reads_numbers_with_units) {
  const std::pair<const char*, Duration> rows[] = {
      {"30s", 30s},     {"5m", 5min},         {"24h", 24h}, {"30d", 720h},          {"1500ms", 1500ms},
      {"1h30m", 90min}, {"1d1ms", 24h + 1ms}, {"0s", 0s},   {"3650d", kDurationMax}};
  for (const auto& [text, duration] : rows) {
    EXPECT_EQ(parse_duration(text), duration) << text;
    EXPECT_EQ(parse_duration(format_duration(duration)), duration) << format_duration(duration);
  }
}

TEST(Duration, refuses_guesses_and_overflow) {
  for (const char* text : {"", "30", "s", "-1s", "+1s", "1.5s", " 1s", "1s ", "1S", "1sec", "1m1h", "1m1m",
                           "3651d", "99999999999999999999s", "999999999999d", "3650d1ms", "0x1s", "1e3s"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(Size, reads_powers_of_1024) {
  EXPECT_EQ(parse_size("4096"), ByteCount{4096});
  EXPECT_EQ(parse_size("64k"), ByteCount{65536});
  EXPECT_EQ(parse_size("10MiB"), ByteCount{10 << 20});
  EXPECT_EQ(parse_size("2g"), ByteCount{std::uint64_t{2} << 30});
  for (const char* text : {"", "k", "-1", "1.5k", "1 k", "1kb", "1t", "99999999999999999999"})
    EXPECT_FALSE(parse_size(text)) << text;
}

TEST(ListenAddress, reads_addresses_sockets_and_descriptors) {
  for (const char* text : {"127.0.0.1:7070", "[::1]:443", "unix:/run/x.sock", "fd:3", "fd:17"}) {
    const auto listen = ListenAddress::parse(text);
    ASSERT_TRUE(listen) << text;
    EXPECT_EQ(listen->str(), text);
  }
  for (const char* text : {"", "7070", "fd:", "fd:0", "fd:2", "fd:-1", "fd:3x", "fd:99999999999",
                           "unix:", "host:1", "1.2.3.4", "::1:80"}) {
    EXPECT_FALSE(ListenAddress::parse(text)) << text;
  }
}

TEST(PublicUrl, reads_scheme_host_and_port) {
  struct Row {
    const char *text, *origin;
  };
  const Row rows[] = {{"https://Tool.Example.com", "https://tool.example.com"},
                      {"https://tool.example.com:443/", "https://tool.example.com"},
                      {"http://localhost:7070", "http://localhost:7070"},
                      {"http://127.0.0.1:80", "http://127.0.0.1"},
                      {"https://[2001:DB8:0::1]:8443", "https://[2001:db8::1]:8443"},
                      {"http://[::1]", "http://[::1]"},
                      {"https://a.1b.c2", "https://a.1b.c2"}};
  for (const auto& row : rows) {
    const auto url = PublicUrl::parse(row.text);
    ASSERT_TRUE(url) << row.text;
    EXPECT_EQ(url->origin(), row.origin);
    EXPECT_EQ(PublicUrl::parse(url->origin()), *url);
  }
}

TEST(PublicUrl, refuses_everything_else) {
  for (const char* text : {"",
                           "tool.example.com",
                           "ftp://a",
                           "https://",
                           "https:///",
                           "https://a/b",
                           "https://a?b",
                           "https://a#b",
                           "https://u@a",
                           "https://a:0",
                           "https://a:65536",
                           "https://a:",
                           "https://a..b",
                           "https://a.",

                           "https://*.a",
                           "https://a b",
                           "https://1.2.3",
                           "https://0x7f.1",
                           "https://127.1",
                           "https://[1.2.3.4]",
                           "https://[::ffff:1.2.3.4]",
                           "https://::1",
                           "https://[::1",
                           "https://[]",
                           "HTTPS://a"}) {
    EXPECT_FALSE(PublicUrl::parse(text)) << text;
  }
}

TEST(SecretRef, names_places_and_never_shows_a_secret) {
  EXPECT_EQ(SecretRef::parse("file:/a/b")->str(), "file:/a/b");
  EXPECT_EQ(SecretRef::parse("env:NAME")->str(), "env:NAME");
  EXPECT_EQ(SecretRef::parse("fd:5")->str(), "fd:5");
  EXPECT_EQ(SecretRef::parse("hunter2hunter2")->str(), "********");
  for (const char* text : {"", "file:", "env:", "env:1A", "env:A B", "fd:", "fd:1", "fd:x"})
    EXPECT_FALSE(SecretRef::parse(text)) << text;
}

}  // namespace
}  // namespace sallyport
