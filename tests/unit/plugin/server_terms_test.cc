// SPDX-License-Identifier: Apache-2.0
#include "sallyport/plugin/server_terms.h"

#include <gmock/gmock.h>

#include <array>
#include <map>

#include "sallyport/env/testing/fakes.h"
#include "sallyport/pki/authority.h"

namespace sallyport {
namespace {

using ::testing::HasSubstr;
using Multiplex = PluginHandshake::Multiplex;
using Variables = std::map<std::string, std::string, std::less<>>;

constexpr std::array<std::uint32_t, 2> kOwn{2, 5};

Result<PluginTerms> read(const Variables& variables) {
  const VariableLookup lookup = [&variables](std::string_view name) -> std::optional<std::string_view> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
  return read_plugin_terms(lookup, kOwn);
}

void expect_refused(const Variables& variables, const char* why) {
  const auto terms = read(variables);
  ASSERT_FALSE(terms.has_value()) << why;
  EXPECT_EQ(terms.error().code, Code::invalid_argument) << why;
  EXPECT_THAT(terms.error().what, HasSubstr(why));
  EXPECT_THAT(terms.error().what, HasSubstr(variables.begin()->first)) << "the variable is named";
}

std::string certificate_text(KeyKind key) {
  CountingEntropy entropy;
  LeafRequest request;
  request.use = CertificateUse::peer;
  request.key = key;
  request.names = *subject_names({"localhost"});
  return self_signed(request, entropy, WallTime(std::chrono::hours(24 * 365 * 50)))->certificate.to_pem();
}

TEST(ServerTerms, NothingSetIsTheLowestVersionOnAnySocket) {
  const auto terms = read({});
  ASSERT_TRUE(terms.has_value());
  EXPECT_EQ(terms->app_version, 2U);
  EXPECT_EQ(terms->transport, PluginTransport::unix_socket);
  EXPECT_EQ(terms->port_max, 0);
  EXPECT_EQ(terms->multiplex, Multiplex::unsaid);
  EXPECT_FALSE(terms->host_certificate.has_value());
}

TEST(ServerTerms, MC_14_reads_all_that_go_plugin_sets) {
  const auto terms = read({{"PLUGIN_PROTOCOL_VERSIONS", "1,5,2"},
                           {"PLUGIN_MIN_PORT", "10000"},
                           {"PLUGIN_MAX_PORT", "25000"},
                           {"PLUGIN_UNIX_SOCKET_DIR", "/run/p"},
                           {"PLUGIN_UNIX_SOCKET_GROUP", "adm"},
                           {"PLUGIN_MULTIPLEX_GRPC", "true"}});
  ASSERT_TRUE(terms.has_value()) << terms.error().what;
  EXPECT_EQ(terms->app_version, 5U);
  EXPECT_EQ(terms->port_min, 10000);
  EXPECT_EQ(terms->port_max, 25000);
  EXPECT_EQ(terms->socket_directory, "/run/p");
  EXPECT_EQ(terms->socket_group, "adm");
  EXPECT_EQ(terms->multiplex, Multiplex::yes);
  EXPECT_TRUE(terms->notes.empty());
}

TEST(ServerTerms, VersionsThatAreNoneAreNoted) {
  const auto terms = read({{"PLUGIN_PROTOCOL_VERSIONS", "x,2,-1"}});
  ASSERT_TRUE(terms.has_value());
  EXPECT_EQ(terms->app_version, 2U);
  ASSERT_EQ(terms->notes.size(), 1U);
  EXPECT_THAT(terms->notes.front(), HasSubstr("2 of 3 entries"));
}

TEST(ServerTerms, SG_02_takes_the_hosts_certificate_on_all_three_curves) {
  for (const KeyKind key : {KeyKind::p256, KeyKind::p384, KeyKind::p521}) {
    const auto terms = read({{"PLUGIN_CLIENT_CERT", certificate_text(key)}});
    ASSERT_TRUE(terms.has_value()) << terms.error().what;
    EXPECT_TRUE(terms->host_certificate.has_value());
  }
  EXPECT_FALSE(read({{"PLUGIN_CLIENT_CERT", ""}})->host_certificate.has_value());
}

TEST(ServerTerms, SG_02_refuses_what_is_not_one_certificate) {
  const std::string one = certificate_text(KeyKind::p256);
  expect_refused({{"PLUGIN_CLIENT_CERT", "garbage"}}, "no certificate in PEM form");
  expect_refused({{"PLUGIN_CLIENT_CERT", one + certificate_text(KeyKind::p384)}}, "more than one");
  expect_refused({{"PLUGIN_CLIENT_CERT", std::string(70'000, 'A')}}, "more than 65536 bytes");
}

TEST(ServerTerms, GarbageIsNamedWithWhatBelongsThere) {
  expect_refused({{"PLUGIN_MIN_PORT", "abc"}}, "wants a port");
  expect_refused({{"PLUGIN_MAX_PORT", "65536"}}, "wants a port");
  expect_refused({{"PLUGIN_MIN_PORT", "-1"}}, "wants a port");
  expect_refused({{"PLUGIN_MIN_PORT", "300"}, {"PLUGIN_MAX_PORT", "200"}}, "above PLUGIN_MAX_PORT");
  expect_refused({{"PLUGIN_UNIX_SOCKET_DIR", "run"}}, "begins with a slash");
  expect_refused({{"PLUGIN_MULTIPLEX_GRPC", "ja"}}, "wants true or false");
  expect_refused({{"PLUGIN_TRANSPORTS", "pigeon"}}, "known are unix and tcp");
}

TEST(ServerTerms, UnixIsTakenWhereTheHostKnowsBoth) {
  EXPECT_EQ(read({{"PLUGIN_TRANSPORTS", "tcp,unix"}})->transport, PluginTransport::unix_socket);
  EXPECT_EQ(read({{"PLUGIN_TRANSPORTS", "tcp"}})->transport, PluginTransport::tcp);
  EXPECT_EQ(read({{"PLUGIN_MIN_PORT", "4000"}})->port_max, 65535);
  EXPECT_EQ(read({{"PLUGIN_MAX_PORT", "4000"}})->port_min, 1);
}

}  // namespace
}  // namespace sallyport
