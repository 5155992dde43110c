// SPDX-License-Identifier: Apache-2.0
// AutoMTLS and certificates of one's own, from the host's side: refusals are proved by a call.
#include "sallyport/plugin/host_tls.h"

#include "sallyport/base/text.h"
#include "sallyport/pki/authority.h"
#include "tests/unit/plugin/plugin_world.h"

namespace sallyport {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

class HostTls : public PluginWorld {
 protected:
  static PluginLaunch automatic(const std::string& mode, const std::string& argument = {}) {
    auto made = launch(mode, argument);
    made.tls = PluginTls::automatic();
    return made;
  }
  struct Pem {
    std::string chain;
    SecretText key;
  };
  Pem issued(const Authority& by, const std::string& name) {
    LeafRequest request;
    request.use = CertificateUse::peer;
    request.names = *subject_names({name});
    const auto pair = by.issue(request, entropy_, clock_.now());
    return {pair->chain_pem(), *pair->key.to_pem()};
  }
  PluginTls given(const Pem& ours, const Authority& roots) {
    auto identity = TlsIdentity::from_pem(ours.chain, ours.key);
    return PluginTls::given(*MutualTls::make(*identity, roots.certificate().to_pem()));
  }
  static void configure(PluginLaunch& plugin, const Pem& its, const Authority& roots) {
    plugin.set.push_back({"PLUGIN_SERVER_CERT", SecretText(its.chain)});
    plugin.set.push_back({"PLUGIN_SERVER_KEY", its.key.duplicate()});
    plugin.set.push_back({"PLUGIN_CLIENT_ROOT_CERTS", SecretText(roots.certificate().to_pem())});
  }
};

TEST_F(HostTls, SG_02_both_sides_prove_themselves_by_one_time_certificates) {
  const auto host = start(automatic("good"));
  ASSERT_NE(host, nullptr);
  EXPECT_EQ(host->tls(), Tls::on);
  EXPECT_EQ(call(*host, "/t.T/Echo", "sealed"), "sealed");
  EXPECT_TRUE(host->ping().has_value());
  EXPECT_EQ(host->reattach().error().code, Code::invalid_argument);
  const auto environment = call(*host, "/t.T/Environment");
  EXPECT_THAT(environment, HasSubstr("PLUGIN_CLIENT_CERT=-----BEGIN CERTIFICATE-----"));
  EXPECT_EQ(environment.find("PRIVATE KEY"), std::string::npos);
}

TEST_F(HostTls, SG_02_each_launch_has_another_certificate) {
  const auto one = start(automatic("good"));
  const auto two = start(automatic("good"));
  ASSERT_TRUE(one && two);
  EXPECT_FALSE(*one->handshake().certificate == *two->handshake().certificate);
}

TEST_F(HostTls, SG_02_plugins_may_use_larger_curves) {
  for (const auto* curve : {"p384", "p521"}) {
    const auto host = start(automatic("curve", curve));
    ASSERT_NE(host, nullptr) << curve;
    EXPECT_EQ(call(*host, "/t.T/Echo", curve), curve);
  }
}

TEST_F(HostTls, SG_02_a_plugin_without_a_certificate_is_not_spoken_to) {
  const auto refused = fault(automatic("plain"));
  EXPECT_EQ(refused.code, Code::unauthenticated);
  EXPECT_THAT(refused.what, HasSubstr("sent no certificate"));
}

TEST_F(HostTls, SG_02_another_certificate_than_the_announced_one_is_refused) {
  const auto refused = fault(automatic("other-certificate"));
  EXPECT_THAT(refused.what, HasSubstr("plugin plugin_child: "));
  EXPECT_THAT(refused.what, AnyOf(HasSubstr("certificate"), HasSubstr("TLS")));
}

TEST_F(HostTls, SG_02_a_plugin_that_trusts_another_host_takes_no_call) {
  const auto host = PluginHost::start(automatic("distrustful"), powers());
  // In TLS 1.3 the first call tells.
  EXPECT_FALSE(host.has_value() && (*host)->ping().has_value());
}

TEST_F(HostTls, SG_02_a_plain_host_hears_of_a_certificate_that_it_did_not_ask_for) {
  EXPECT_EQ(fault(launch("unasked")).code, Code::invalid_argument);
}

TEST_F(HostTls, SG_01_certificates_of_ones_own_prove_both_sides) {
  const auto authority = Authority::create({}, entropy_, clock_.now());
  ASSERT_TRUE(authority.has_value());
  auto what = launch("given");
  configure(what, issued(*authority, "localhost"), *authority);
  what.tls = given(issued(*authority, "host.example"), *authority);
  const auto host = start(what);
  ASSERT_NE(host, nullptr);
  EXPECT_EQ(call(*host, "/t.T/Echo", "ours"), "ours");
  EXPECT_EQ(host->tls(), Tls::on);
}

TEST_F(HostTls, SG_01_a_certificate_of_another_authority_or_name_is_refused) {
  const auto authority = Authority::create({}, entropy_, clock_.now());
  const auto stranger = Authority::create({}, entropy_, clock_.now());
  ASSERT_TRUE(authority && stranger);
  auto what = launch("given");
  configure(what, issued(*stranger, "localhost"), *authority);
  what.tls = given(issued(*authority, "localhost"), *authority);
  EXPECT_THAT(fault(what).what, AnyOf(HasSubstr("certificate"), HasSubstr("TLS")));
  auto renamed = launch("given");
  configure(renamed, issued(*authority, "elsewhere.example"), *authority);
  renamed.tls = given(issued(*authority, "localhost"), *authority);
  EXPECT_THAT(fault(renamed).what, AnyOf(HasSubstr("certificate"), HasSubstr("TLS")));
  auto unknown = launch("given");
  configure(unknown, issued(*authority, "localhost"), *authority);
  unknown.tls = given(issued(*stranger, "localhost"), *authority);
  const auto host = PluginHost::start(unknown, powers());
  EXPECT_FALSE(host.has_value() && (*host)->ping().has_value());
}

}  // namespace
}  // namespace sallyport
