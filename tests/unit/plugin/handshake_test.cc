// SPDX-License-Identifier: Apache-2.0
#include "sallyport/plugin/handshake.h"

#include <gmock/gmock.h>

#include "sallyport/base/text.h"
#include "sallyport/env/testing/fakes.h"
#include "sallyport/pki/authority.h"

namespace sallyport {
namespace {

using ::testing::HasSubstr;
using Protocol = PluginHandshake::Protocol;
using Multiplex = PluginHandshake::Multiplex;

Certificate certificate() {
  CountingEntropy entropy;
  LeafRequest request;
  request.use = CertificateUse::peer;
  request.names = *subject_names({"localhost"});
  return self_signed(request, entropy, WallTime(std::chrono::hours(24 * 365 * 50)))->certificate;
}

std::string base64_of(const Certificate& one) { return base64_encode(one.to_der()); }

void expect_refused(std::string_view line, std::string_view why) {
  const auto read = PluginHandshake::parse(line);
  ASSERT_FALSE(read.has_value()) << line.substr(0, 100);
  EXPECT_EQ(read.error().code, Code::invalid_argument) << line.substr(0, 100);
  EXPECT_THAT(read.error().what, HasSubstr(std::string(why))) << line.substr(0, 100);
  EXPECT_LT(read.error().what.size(), 700U);
}

TEST(Handshake, MC_14_reads_the_line_of_go_plugin) {
  const auto read = PluginHandshake::parse("1|3|unix|/tmp/plugin123|grpc|\n");
  ASSERT_TRUE(read.has_value()) << read.error().what;
  EXPECT_EQ(read->app_version, 3U);
  EXPECT_EQ(read->address, SocketAddress::unix_path("/tmp/plugin123"));
  EXPECT_EQ(read->protocol, Protocol::grpc);
  EXPECT_FALSE(read->certificate.has_value());
  EXPECT_EQ(read->multiplex, Multiplex::unsaid);
}

TEST(Handshake, MC_14_reads_short_and_long_forms) {
  EXPECT_EQ(PluginHandshake::parse("1|1|unix|/x")->protocol, Protocol::netrpc);
  EXPECT_EQ(PluginHandshake::parse("1|1|tcp|127.0.0.1:10000|grpc")->address.port, 10000);
  EXPECT_EQ(PluginHandshake::parse("1|1|tcp|[::1]:9|grpc||T\r\n")->multiplex, Multiplex::yes);
  EXPECT_EQ(PluginHandshake::parse("1|1|unix|/x|grpc||False|what|comes")->multiplex, Multiplex::no);
  EXPECT_FALSE(PluginHandshake::parse("1|1|unix|/x|grpc|none|true")->certificate.has_value());
}

TEST(Handshake, SG_02_takes_a_certificate_with_and_without_padding) {
  const auto given = certificate();
  auto text = base64_of(given);
  for (int i = 0; i < 3; ++i) {
    const auto read = PluginHandshake::parse(concat("1|1|unix|/x|grpc|", text, "\n"));
    ASSERT_TRUE(read.has_value()) << read.error().what;
    EXPECT_EQ(*read->certificate, given);
    if (!text.ends_with('=')) break;
    while (text.ends_with('=')) text.pop_back();
  }
}

TEST(Handshake, SG_02_refuses_what_is_no_certificate) {
  expect_refused("1|1|unix|/x|grpc|-----BEGIN CERTIFICATE-----", "is PEM");
  expect_refused(concat("1|1|unix|/x|grpc|", std::string(60, '*')), "no base64");
  expect_refused(concat("1|1|unix|/x|grpc|", std::string(60, 'A')), "the certificate: ");
  const auto text = base64_of(certificate());
  expect_refused(concat("1|1|unix|/x|grpc|", text.substr(0, text.size() / 2)), "the certificate");
}

TEST(Handshake, MC_14_refuses_hostile_lines) {
  expect_refused("", "no handshake line");
  expect_refused("hello, world", "printed something before");
  expect_refused("1|1|unix", "no handshake line");
  expect_refused("2|1|unix|/x|grpc|", "core protocol 2");
  expect_refused("+1|1|unix|/x|grpc|", "is no number");
  expect_refused("1|-1|unix|/x|grpc|", "is no number");
  expect_refused("1|4294967296|unix|/x|grpc|", "is no number");
  expect_refused("1|1|udp|/x|grpc|", "network `udp`");
  expect_refused("1|1|unix||grpc|", "slash");
  expect_refused("1|1|unix|@abstract|grpc|", "slash");
  expect_refused(concat("1|1|unix|/", std::string(107, 'x'), "|grpc|"), "at most 107 bytes");
  expect_refused("1|1|tcp|192.0.2.1:80|grpc|", "loopback");
  expect_refused("1|1|tcp|:80|grpc|", "loopback");
  expect_refused("1|1|tcp|127.0.0.1:0|grpc|", "no address");
  expect_refused("1|1|tcp|unix:/x|grpc|", "no address");
  expect_refused("1|1|tcp|example.org:80|grpc|", "no address");
  expect_refused("1|1|unix|/x|http|", "protocol `http`");
  expect_refused("1|1|unix|/x|grpc||maybe", "no boolean");
  expect_refused("1|1|unix|/x\x1b[2J|grpc|", "control characters");
  expect_refused(std::string_view("1|1|unix|/x\0y|grpc|", 19), "control characters");
  expect_refused(std::string(kPluginLineBytesMax + 1, '|'), "longer than");
}

TEST(Handshake, MC_14_writes_what_go_plugin_reads) {
  PluginHandshake made;
  made.app_version = 7;
  made.address = SocketAddress::unix_path("/run/x");
  EXPECT_EQ(made.line(), "1|7|unix|/run/x|grpc|\n");
  made.multiplex = Multiplex::yes;
  EXPECT_EQ(made.line(), "1|7|unix|/run/x|grpc||true\n");
  made.multiplex = Multiplex::unsaid;
  made.address = *SocketAddress::parse("127.0.0.1:1234");
  made.certificate = certificate();
  const auto line = made.line();
  EXPECT_THAT(line, ::testing::StartsWith("1|7|tcp|127.0.0.1:1234|grpc|MII"));
  EXPECT_EQ(line.find('='), std::string::npos);
  EXPECT_EQ(PluginHandshake::parse(line)->certificate, made.certificate);
}

TEST(Handshake, MC_14_lists_of_versions) {
  EXPECT_EQ(plugin_versions_text(std::vector<std::uint32_t>{1, 5}), "1,5");
  EXPECT_THAT(plugin_versions_from("5,x, 3 ,,-1,4294967296"), ::testing::ElementsAre(5U, 3U));
  EXPECT_EQ(plugin_versions_from(std::string(100'000, ',') + "1").size(), 0U);
  const std::vector<std::uint32_t> own = {3, 6, 4};
  EXPECT_EQ(choose_plugin_version(own, std::vector<std::uint32_t>{4, 3, 9}), 4U);
  EXPECT_EQ(choose_plugin_version(own, std::vector<std::uint32_t>{9}), 3U);
  EXPECT_EQ(choose_plugin_version(own, {}), 3U);
}

}  // namespace
}  // namespace sallyport
