// SPDX-License-Identifier: Apache-2.0
// Does each certificate that we make fit its profile, and does verify() agree?
#include "sallyport/pki/authority.h"

#include <algorithm>

#include "tests/unit/pki/pki_world.h"

namespace sallyport {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

using AuthorityTest = PkiWorld;

TEST_F(AuthorityTest, SG_03_a_root_is_an_authority_for_leaves_only) {
  const Authority root = authority();
  const CertificateFacts& facts = root.certificate().facts();
  EXPECT_TRUE(facts.authority);
  EXPECT_EQ(facts.path_length, 0U);
  EXPECT_EQ(facts.key, "P-256");
  EXPECT_EQ(facts.key_usage, (std::vector<std::string>{"keyCertSign", "cRLSign"}));
  EXPECT_TRUE(facts.extended_key_usage.empty());
  EXPECT_EQ(facts.not_before, kPkiNow - minutes(5));
  EXPECT_EQ(facts.not_after, kPkiNow + kAuthorityLife);
  EXPECT_EQ(facts.serial.size(), 40U) << "20 bytes";
  EXPECT_LE(facts.serial.front(), '7') << "positive";
}

TEST_F(AuthorityTest, SG_03_every_kind_of_key_signs_and_is_verified) {
  for (const KeyKind kind : {KeyKind::p256, KeyKind::p384, KeyKind::p521, KeyKind::rsa2048}) {
    AuthorityRequest wanted;
    wanted.key = kind;
    const Authority root = authority(wanted);
    LeafRequest server = request({"gate.example", "192.0.2.7", "::1"});
    server.key = kind;
    const CertifiedKey made = leaf(root, server);
    Question question{.anchors = {root.certificate()}};
    question.name = "192.0.2.7";
    question.profile.rsa = question.profile.p521 = Rule::on;
    const ChainVerdict verdict = ask(made.certificate, question);
    EXPECT_TRUE(verdict.accepted()) << name_of(kind) << ": " << verdict.why;
    EXPECT_TRUE(made.certificate.is_pair(made.key));
    EXPECT_EQ(made.certificate.facts().pin.bytes, made.key.pin().bytes);
    EXPECT_EQ(parse_key_kind(name_of(kind)), kind);
  }
}

TEST_F(AuthorityTest, SG_03_AT_08_names_have_their_own_types) {
  const Authority root = authority();
  const CertifiedKey made = leaf(
      root, request({"Gate.Example", "127.0.0.1", "::1", "spiffe://home.example/tool/a", "*.tools.example"}));
  std::vector<std::string> names;
  for (const SubjectName& name : made.certificate.facts().names) names.push_back(name.str());
  EXPECT_EQ(names, (std::vector<std::string>{"gate.example", "127.0.0.1", "::1",
                                             "spiffe://home.example/tool/a", "*.tools.example"}));
  EXPECT_TRUE(made.certificate.facts().other_names.empty());
  EXPECT_EQ(made.certificate.facts().common_name, "gate.example");
  Question question{.anchors = {root.certificate()}};
  question.profile.wildcards = Rule::on;
  for (const std::string good :
       {"gate.example", "127.0.0.1", "::1", "spiffe://home.example/tool/a", "a.tools.example"}) {
    question.name = good;
    EXPECT_EQ(fault(made.certificate, question), "none") << good;
  }
  for (const std::string bad :
       {"127.0.0.2", "::2", "spiffe://home.example/tool/b", "tools.example", "a.b.tools.example"}) {
    question.name = bad;
    EXPECT_EQ(fault(made.certificate, question), "wrong_name") << bad;
  }
}

TEST_F(AuthorityTest, SG_03_server_client_and_peer_are_for_that_use_only) {
  const Authority root = authority();
  struct Row {
    CertificateUse use;
    std::string_view as_server, as_client, as_peer;
  };
  for (const Row& row : {Row{CertificateUse::server, "none", "wrong_purpose", "wrong_purpose"},
                         Row{CertificateUse::client, "wrong_purpose", "none", "wrong_purpose"},
                         Row{CertificateUse::peer, "profile", "profile", "none"}}) {
    const CertifiedKey made = leaf(root, request({"a.example"}, row.use));
    Question question{.anchors = {root.certificate()}};
    EXPECT_EQ(fault(made.certificate, question), row.as_server);
    question.use = CertificateUse::client;
    EXPECT_EQ(fault(made.certificate, question), row.as_client);
    question.use = CertificateUse::peer;
    EXPECT_EQ(fault(made.certificate, question), row.as_peer);
  }
}

TEST_F(AuthorityTest, SG_03_a_process_identity_has_an_empty_subject_and_one_spiffe_id) {
  const Authority root = authority();
  const CertifiedKey made = leaf(root, request({"spiffe://home.example/session/a"}, CertificateUse::client));
  EXPECT_TRUE(made.certificate.facts().subject.empty());
  Question question{.anchors = {root.certificate()}, .use = CertificateUse::client};
  question.profile.spiffe_identity = Rule::on;
  EXPECT_EQ(fault(made.certificate, question), "none") << ask(made.certificate, question).why;
  const CertifiedKey two =
      leaf(root, request({"spiffe://home.example/a", "spiffe://home.example/b"}, CertificateUse::client));
  EXPECT_EQ(fault(two.certificate, question), "profile");
  EXPECT_EQ(fault(leaf(root, request({"a.example"}, CertificateUse::client)).certificate, question),
            "profile");
}

TEST_F(AuthorityTest, SG_03_a_common_name_that_is_a_name_becomes_an_alternative_name) {
  const Authority root = authority();
  LeafRequest wanted = request({"a.example"});
  wanted.common_name = "B.example";
  const CertifiedKey made = leaf(root, wanted);
  EXPECT_EQ(made.certificate.facts().common_name, "b.example");
  EXPECT_EQ(fault(made.certificate, {.anchors = {root.certificate()}, .name = "b.example"}), "none");
  LeafRequest person;
  person.use = CertificateUse::client;
  person.common_name = "Alice Example";
  EXPECT_EQ(
      fault(leaf(root, person).certificate, {.anchors = {root.certificate()}, .use = CertificateUse::client}),
      "none");
}

TEST_F(AuthorityTest, SG_03_self_signed_is_its_own_anchor_and_no_authority) {
  const auto made = self_signed(request({"localhost", "127.0.0.1"}), entropy_, kPkiNow);
  ASSERT_TRUE(made) << made.error().what;
  EXPECT_FALSE(made->certificate.facts().authority);
  EXPECT_EQ(fault(made->certificate, {.anchors = {made->certificate}, .name = "127.0.0.1"}), "none")
      << ask(made->certificate, {.anchors = {made->certificate}}).why;
  EXPECT_EQ(fault(made->certificate, {.anchors = {authority().certificate()}}), "unknown_authority");
}

TEST_F(AuthorityTest, SG_03_a_bound_authority_signs_its_own_names_only) {
  AuthorityRequest wanted;
  wanted.permitted.dns = {*DnsName::parse("home.example"), *DnsName::parse("localhost")};
  wanted.permitted.networks = {*Cidr::parse("127.0.0.0/8"), *Cidr::parse("::1")};
  const Authority root = authority(wanted);
  const CertifiedKey made = leaf(root, request({"a.home.example", "localhost", "127.0.0.1", "::1"}));
  EXPECT_EQ(fault(made.certificate, {.anchors = {root.certificate()}, .name = "a.home.example"}), "none")
      << ask(made.certificate, {.anchors = {root.certificate()}}).why;
  for (const std::string outside : {"evil.example", "home.example.evil.example", "192.0.2.1", "::2"}) {
    const auto refused = root.issue(request({outside}), entropy_, kPkiNow);
    ASSERT_FALSE(refused) << outside;
    EXPECT_EQ(refused.error().code, Code::permission_denied);
  }
  AuthorityRequest only_names;
  only_names.permitted.dns = {*DnsName::parse("home.example")};
  EXPECT_FALSE(authority(only_names).issue(request({"127.0.0.1"}), entropy_, kPkiNow))
      << "a kind without a permitted name is excluded";
}

TEST_F(AuthorityTest, SG_03_a_leaf_never_outlives_its_authority_and_none_is_made_by_one_that_is_over) {
  AuthorityRequest wanted;
  wanted.life = hours(24 * 10);
  const Authority root = authority(wanted);
  EXPECT_EQ(leaf(root, request({"a.example"})).certificate.facts().not_after, kPkiNow + hours(24 * 10));
  const auto late = root.issue(request({"a.example"}), entropy_, kPkiNow + hours(24 * 11));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::permission_denied);
  EXPECT_FALSE(root.issue(request({"a.example"}), entropy_, kPkiNow - hours(1)));
}

TEST_F(AuthorityTest, SG_03_bad_requests_are_refused_with_a_reason) {
  const Authority root = authority();
  LeafRequest nameless;
  EXPECT_EQ(root.issue(nameless, entropy_, kPkiNow).error().code, Code::invalid_argument);
  LeafRequest no_life = request({"a.example"});
  no_life.life = hours(-1);
  EXPECT_EQ(root.issue(no_life, entropy_, kPkiNow).error().code, Code::invalid_argument);
  no_life.life = Duration::max();
  EXPECT_EQ(root.issue(no_life, entropy_, kPkiNow).error().code, Code::invalid_argument);
  LeafRequest long_name = request({"a.example"});
  long_name.common_name = std::string(65, 'x');
  EXPECT_EQ(root.issue(long_name, entropy_, kPkiNow).error().code, Code::invalid_argument);
  long_name.common_name = "a\nb";
  EXPECT_EQ(root.issue(long_name, entropy_, kPkiNow).error().code, Code::invalid_argument);
  for (const std::string bad :
       {"a_b.example", "*.example", "*", "a.*.example", "spiffe://UPPER/a", "spiffe://a/../b",
        "spiffe://a/b/", "spiffe://a/b?c", "https://user@host/", "https:///x", "http://a b/"}) {
    EXPECT_FALSE(subject_names({bad})) << bad;
  }
}

TEST_F(AuthorityTest, SG_03_a_leaf_is_no_authority_and_a_strange_key_is_none_of_it) {
  const Authority root = authority();
  CertifiedKey made = leaf(root, request({"a.example"}));
  const auto key = PrivateKey::generate(KeyKind::p256);
  EXPECT_FALSE(read_certified_key(made.certificate.to_pem(), *key->to_pem()));
  EXPECT_EQ(Authority::from_pair(std::move(made)).error().code, Code::invalid_argument);
}

TEST_F(AuthorityTest, SG_14_a_list_names_what_is_revoked_and_verify_refuses_it) {
  const Authority root = authority();
  const CertifiedKey good = leaf(root, request({"a.example"}));
  const CertifiedKey bad = leaf(root, request({"b.example"}));
  const std::vector<Revocation> revoked{
      {bad.certificate.facts().serial, kPkiNow, RevocationReason::key_compromise}};
  const auto list = root.revocation_list(revoked, 7, hours(24), kPkiNow);
  ASSERT_TRUE(list) << list.error().what;
  const auto read = RevocationList::from_pem(list->to_pem());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->number(), 7U);
  ASSERT_EQ(read->entries().size(), 1U);
  EXPECT_EQ(read->entries().front().reason, RevocationReason::key_compromise);
  Question question{.anchors = {root.certificate()}, .lists = {*read}, .revocations = Revocations::demanded};
  EXPECT_EQ(fault(good.certificate, question), "none") << ask(good.certificate, question).why;
  EXPECT_EQ(fault(bad.certificate, question), "revoked");
  question.now = kPkiNow + hours(25);
  EXPECT_EQ(fault(good.certificate, question), "no_revocation_list") << "a list that is over proves nothing";
  EXPECT_EQ(fault(bad.certificate, question), "revoked");
}

TEST_F(AuthorityTest, SG_14_a_list_of_somebody_else_counts_for_nothing) {
  const Authority root = authority();
  const Authority other = authority({.name = root.certificate().facts().common_name});
  const CertifiedKey made = leaf(root, request({"a.example"}));
  const std::vector<Revocation> revoked{{made.certificate.facts().serial, kPkiNow, {}}};
  Question question{.anchors = {root.certificate()},
                    .lists = {*other.revocation_list(revoked, 1, hours(24), kPkiNow)}};
  EXPECT_EQ(fault(made.certificate, question), "none") << "of the same name, by another key";
  question.revocations = Revocations::demanded;
  EXPECT_EQ(fault(made.certificate, question), "no_revocation_list");
}

TEST_F(AuthorityTest, SG_13_the_pin_stays_when_a_certificate_is_made_anew_for_its_key) {
  const Authority root = authority();
  CertifiedKey first = leaf(root, request({"a.example"}));
  const Digest pin = first.certificate.facts().pin;
  const Digest print = first.certificate.facts().fingerprint;
  const auto second = root.reissue(request({"a.example"}), std::move(first.key), entropy_, kPkiNow);
  ASSERT_TRUE(second);
  EXPECT_NE(second->certificate.facts().fingerprint.bytes, print.bytes);
  EXPECT_TRUE(check_pin(second->certificate, {pin}).accepted());
  EXPECT_FALSE(check_pin(leaf(root, request({"a.example"})).certificate, {pin}).accepted());
  EXPECT_FALSE(check_pin(second->certificate, {}).accepted()) << "no pin admits nothing";
  EXPECT_TRUE(verify_pinned(first.certificate, print, kPkiNow).accepted());
  EXPECT_EQ(verify_pinned(second->certificate, print, kPkiNow).fault, CertificateFault::wrong_pin);
  EXPECT_EQ(verify_pinned(first.certificate, print, kPkiNow + kAuthorityLife).fault,
            CertificateFault::expired);
}

}  // namespace
}  // namespace sallyport
