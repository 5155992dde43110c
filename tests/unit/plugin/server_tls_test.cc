// SPDX-License-Identifier: Apache-2.0
#include "sallyport/plugin/server_tls.h"

#include <gmock/gmock.h>

#include <map>

#include "sallyport/env/testing/fakes.h"
#include "sallyport/pki/authority.h"

namespace sallyport {
namespace {

using ::testing::HasSubstr;
using Variables = std::map<std::string, std::string, std::less<>>;

constexpr WallTime kNow{std::chrono::hours(24 * 365 * 50)};

CertifiedKey pair(KeyKind key = KeyKind::p256) {
  CountingEntropy entropy;
  LeafRequest request;
  request.use = CertificateUse::peer;
  request.key = key;
  request.names = *subject_names({"localhost"});
  return *self_signed(request, entropy, kNow);
}

class ServerTls : public ::testing::Test {
 protected:
  Result<PluginServerTls> make(PluginServerTlsFiles given, const std::optional<Certificate>& host = {},
                               WallTime now = kNow) {
    const VariableLookup lookup = [this](std::string_view name) -> std::optional<std::string_view> {
      const auto found = variables_.find(name);
      if (found == variables_.end()) return std::nullopt;
      return found->second;
    };
    return plugin_tls(std::move(given), host, lookup, files_, entropy_, now);
  }
  Variables variables_;
  MemoryFiles files_;
  CountingEntropy entropy_;
};

TEST_F(ServerTls, NobodyAsksAndThereIsNone) {
  const auto made = make({});
  ASSERT_TRUE(made.has_value());
  EXPECT_EQ(made->tls, nullptr);
  EXPECT_FALSE(made->announced.has_value());
}

TEST_F(ServerTls, SG_02_a_one_time_certificate_answers_the_hosts) {
  for (const KeyKind key : {KeyKind::p256, KeyKind::p384, KeyKind::p521}) {
    const auto made = make({}, pair(key).certificate);
    ASSERT_TRUE(made.has_value()) << made.error().what;
    EXPECT_NE(made->tls, nullptr);
    ASSERT_TRUE(made->announced.has_value());
    const auto& facts = made->announced->facts();
    EXPECT_EQ(facts.key, "P-256");
    EXPECT_EQ(facts.extended_key_usage.size(), 2U) << "the broker swaps the roles";
    EXPECT_FALSE(facts.authority);
  }
}

TEST_F(ServerTls, SG_02_each_launch_has_its_own) {
  const auto host = pair().certificate;
  const auto first = make({}, host);
  const auto second = make({}, host);
  EXPECT_FALSE(*first->announced == *second->announced);
}

TEST_F(ServerTls, SG_02_a_host_whose_certificate_is_over_is_told) {
  const auto made = make({}, pair().certificate, kNow + std::chrono::hours(24 * 400));
  EXPECT_EQ(made.error().code, Code::invalid_argument);
  EXPECT_THAT(made.error().what, HasSubstr("compare the clocks"));
}

TEST_F(ServerTls, SG_01_explicit_tls_wins_and_announces_nothing) {
  const auto own = pair();
  variables_["PLUGIN_SERVER_CERT"] = own.chain_pem();
  const auto key = *own.key.to_pem();
  variables_["PLUGIN_SERVER_KEY"] = key.expose();
  variables_["PLUGIN_CLIENT_ROOT_CERTS"] = pair().certificate.to_pem();
  const auto made = make({}, pair().certificate);
  ASSERT_TRUE(made.has_value()) << made.error().what;
  EXPECT_NE(made->tls, nullptr);
  EXPECT_FALSE(made->announced.has_value());
}

TEST_F(ServerTls, SG_01_takes_files_and_wants_the_key_private) {
  const auto own = pair();
  const auto key = *own.key.to_pem();
  ASSERT_TRUE(files_.create_private("/c", own.chain_pem()).has_value());
  ASSERT_TRUE(files_.create_private("/k", key.expose()).has_value());
  PluginServerTlsFiles given;
  given.certificate = "file:///c";
  given.key = SecretText("file:///k");
  given.client_roots = "file:///c";
  EXPECT_TRUE(make(std::move(given)).has_value());
  PluginServerTlsFiles missing;
  missing.certificate = "file:///nowhere";
  missing.key = SecretText("file:///k");
  missing.client_roots = "file:///c";
  const auto made = make(std::move(missing));
  EXPECT_EQ(made.error().code, Code::not_found);
  EXPECT_THAT(made.error().what, HasSubstr("PLUGIN_SERVER_CERT"));
}

TEST_F(ServerTls, SG_01_a_part_alone_is_an_error_and_never_plain) {
  variables_["PLUGIN_CLIENT_ROOT_CERTS"] = pair().certificate.to_pem();
  EXPECT_THAT(make({}).error().what, HasSubstr("needs three things"));
  const auto own = pair();
  const auto other = *pair().key.to_pem();
  variables_["PLUGIN_SERVER_CERT"] = own.chain_pem();
  variables_["PLUGIN_SERVER_KEY"] = other.expose();
  const auto made = make({});
  ASSERT_FALSE(made.has_value());
  EXPECT_THAT(made.error().what, ::testing::Not(HasSubstr("PRIVATE"))) << "no part of the key";
}

TEST_F(ServerTls, SG_02_there_is_no_way_down_to_plain) {
  variables_["PLUGIN_AUTO_MTLS"] = "false";
  EXPECT_TRUE(make({}).has_value());
  EXPECT_THAT(make({}, pair().certificate).error().what, HasSubstr("no way down"));
  variables_["PLUGIN_AUTO_MTLS"] = "perhaps";
  EXPECT_EQ(make({}).error().code, Code::invalid_argument);
}

}  // namespace
}  // namespace sallyport
