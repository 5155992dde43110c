// SPDX-License-Identifier: Apache-2.0
#include "sallyport/tls/client_certificates.h"

#include <gmock/gmock.h>

#include "sallyport/base/text.h"
#include "tls_world.h"

namespace sallyport {
namespace {

using testing::HasSubstr;

class ClientDoor : public TlsWorld {
 protected:
  CertifiedKey client(const Authority& by, const std::vector<std::string>& names) {
    LeafRequest request;
    request.use = CertificateUse::client;
    request.names = *subject_names(names);
    auto made = by.issue(request, entropy_, clock_.now());
    EXPECT_TRUE(made);
    return *std::move(made);
  }
  std::shared_ptr<const CertifiedPeer> show(ClientCertificates& door, const CertifiedKey& pair) {
    const auto der = pair.certificate.to_der();
    const std::string text(reinterpret_cast<const char*>(der.data()), der.size());
    return door.judge(std::span(&text, 1), {});
  }
  std::unique_ptr<ClientCertificates> open(ClientRules rules) {
    auto refused = [this](const ConnectionFacts&, Denial denial, std::string_view) {
      denials_.push_back(denial);
    };
    auto made = ClientCertificates::open(std::move(rules), {files_, clock_, monotonic_}, std::move(refused));
    EXPECT_TRUE(made) << made.error().what;
    return *std::move(made);
  }
  std::vector<Denial> denials_;
};

TEST_F(ClientDoor, SG_14_a_denied_certificate_is_ended_and_nobody_else) {
  const auto root = authority();
  write(at("ca"), root.certificate().to_pem());
  write(at("deny"), "");
  const auto door = open({at("ca"), {}, at("deny"), {}});
  const auto alice = show(*door, client(root, {"spiffe://a.example/alice"}));
  const auto bob = show(*door, client(root, {"bob.example"}));
  ASSERT_NE(alice, nullptr);
  ASSERT_NE(bob, nullptr);
  EXPECT_EQ(alice->principal->id, "uri:spiffe://a.example/alice");
  EXPECT_EQ(bob->principal->id, "dns:bob.example");
  EXPECT_TRUE(door->refresh()->empty());
  write(at("deny"), "uri:spiffe://a.example/alice\n");
  const auto ended = door->refresh();
  ASSERT_EQ(ended->size(), 1U);
  EXPECT_TRUE(ended->front().matches(alice->fingerprint));
  EXPECT_TRUE(alice->ended.load());
  EXPECT_FALSE(bob->ended.load());
  write(at("deny"), "nonsense\n");
  EXPECT_THAT(door->refresh().error().what, HasSubstr("line 1"));
  EXPECT_EQ(show(*door, client(root, {"spiffe://a.example/alice"})), nullptr) << "what was in force stays";
  EXPECT_EQ(denials_, std::vector<Denial>{Denial::certificate_revoked});
}

TEST_F(ClientDoor, SG_14_a_denied_issuer_is_worth_nothing_and_a_serial_counts_as_a_number) {
  const auto root = authority();
  const auto other = authority();
  write(at("ca"), root.certificate().to_pem() + other.certificate().to_pem());
  const auto alice = client(other, {"alice.example"});
  const auto bob = client(root, {"bob.example"});
  write(at("deny"), concat("sha256:", to_hex(other.certificate().facts().fingerprint.bytes),
                           "\nserial:00:00:", bob.certificate.facts().serial, "\n"));
  const auto door = open({at("ca"), {}, at("deny"), {}});
  EXPECT_EQ(show(*door, alice), nullptr);
  EXPECT_EQ(show(*door, bob), nullptr);
  EXPECT_NE(show(*door, client(root, {"carol.example"})), nullptr);
  EXPECT_EQ(denials_, (std::vector<Denial>{Denial::certificate_revoked, Denial::certificate_revoked}));
}

TEST_F(ClientDoor, a_chain_beyond_the_bound_is_refused_and_not_cut) {
  const auto root = authority();
  write(at("ca"), root.certificate().to_pem());
  const auto door = open({at("ca"), {}, "", {}});
  const auto text_of = [](const Certificate& certificate) {
    const auto der = certificate.to_der();
    return std::string(reinterpret_cast<const char*>(der.data()), der.size());
  };
  std::vector<std::string> chain(kClientChainMax + 1, text_of(root.certificate()));
  chain.front() = text_of(client(root, {"alice.example"}).certificate);
  EXPECT_NE(door->judge(std::span(chain).first(kClientChainMax), {}), nullptr);
  EXPECT_EQ(door->judge(chain, {}), nullptr);
  EXPECT_EQ(door->judge({}, {}), nullptr);
  EXPECT_EQ(denials_, std::vector<Denial>{Denial::certificate_refused});
}

TEST_F(ClientDoor, SG_09_names_lead_to_exactly_one_user_or_to_nobody) {
  const auto root = authority();
  write(at("ca"), root.certificate().to_pem());
  const auto door = open(
      {at("ca"),
       {},
       "",
       {*ClientUser::parse("uri:spiffe://a.example/alice=alice"), *ClientUser::parse("dns:B.example=bob")}});
  EXPECT_EQ(show(*door, client(root, {"spiffe://a.example/alice"}))->principal->id, "alice");
  EXPECT_EQ(show(*door, client(root, {"b.example"}))->principal->id, "bob");
  EXPECT_EQ(show(*door, client(root, {"spiffe://a.example/alice", "b.example"})), nullptr);
  EXPECT_EQ(show(*door, client(root, {"xb.example"})), nullptr);
  EXPECT_EQ(show(*door, leaf(root)), nullptr) << "a server's";
  EXPECT_EQ(show(*door, client(authority(), {"b.example"})), nullptr);
  EXPECT_EQ(denials_,
            (std::vector<Denial>{Denial::certificate_wrong_name, Denial::certificate_wrong_name,
                                 Denial::certificate_wrong_purpose, Denial::certificate_unknown_authority}));
}

TEST(ClientUserOf, SG_09_is_a_name_and_a_user) {
  EXPECT_EQ(ClientUser::parse("uri:spiffe://a/b?c=d=alice")->user, "alice");
  for (const char* bad :
       {"", "alice", "alice=alice", "uri:=a", "dns:a=", "dns:a=b c", "cn:\"x=a", "ip:1.2.3.4=a"})
    EXPECT_FALSE(ClientUser::parse(bad)) << bad;
}

}  // namespace
}  // namespace sallyport
