// SPDX-License-Identifier: Apache-2.0
// Does verify() refuse what it must, with the right reason, and end in bounded time whatever a stranger
// sends?
#include "sallyport/pki/verify.h"

#include <openssl/x509v3.h>

#include <algorithm>

#include "sallyport/pki/internal/data.h"
#include "sallyport/pki/internal/template.h"
#include "tests/unit/pki/pki_world.h"

namespace sallyport {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

class Verify : public PkiWorld {
 protected:
  /// Odd is a certificate made by hand, below or beside the rules of our templates.
  struct Odd {
    std::string subject = "odd.example";
    std::string alternative_names = "DNS:odd.example";  // as OpenSSL's configuration has it
    std::string constraints = "critical,CA:FALSE";
    std::string usage = "critical,digitalSignature";
    std::string extended_usage = "serverAuth";
    BIGNUM* serial = nullptr;
  };
  static Certificate made(const Odd& odd, const PrivateKey& key, const CertifiedKey& issuer) {
    ossl::CertificateHandle handle(X509_new());
    X509* const made = handle.get();
    X509* const above = ossl::object_of(issuer.certificate);
    X509_set_version(made, 2);
    if (odd.serial != nullptr) {
      BN_to_ASN1_INTEGER(odd.serial, X509_get_serialNumber(made));
    } else {
      ASN1_INTEGER_set(X509_get_serialNumber(made), 77);
    }
    ossl::set_time(X509_getm_notBefore(made), kPkiNow);
    ossl::set_time(X509_getm_notAfter(made), kPkiNow + hours(24));
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(odd.subject.data()),
                               static_cast<int>(odd.subject.size()), -1, 0);
    X509_set_issuer_name(made, X509_get_subject_name(above));
    X509_set_pubkey(made, key.data().key.get());
    X509V3_CTX context;
    X509V3_set_ctx(&context, above, made, nullptr, nullptr, 0);
    for (const auto& [nid, value] :
         {std::pair(NID_basic_constraints, odd.constraints), std::pair(NID_key_usage, odd.usage),
          std::pair(NID_ext_key_usage, odd.extended_usage),
          std::pair(NID_subject_alt_name, odd.alternative_names),
          std::pair(NID_subject_key_identifier, std::string("hash")),
          std::pair(NID_authority_key_identifier, std::string("keyid"))}) {
      if (value.empty()) continue;
      const ossl::Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
      EXPECT_NE(extension, nullptr) << value;
      X509_add_ext(made, extension.get(), -1);
    }
    X509_sign(made, issuer.key.data().key.get(), EVP_sha256());
    auto read = ossl::CertificateData::read(std::move(handle));
    EXPECT_TRUE(read) << read.error().what;
    return *std::move(read);
  }
};

TEST_F(Verify, SG_03_time_is_inclusive_at_both_ends) {
  const Authority root = authority();
  const CertifiedKey leaf_made = leaf(root, request({"a.example"}));
  const CertificateFacts& facts = leaf_made.certificate.facts();
  Question question{.anchors = {root.certificate()}};
  struct Row {
    WallTime now;
    std::string_view fault;
  };
  for (const Row& row :
       {Row{facts.not_before - std::chrono::nanoseconds(1), "not_yet_valid"}, Row{facts.not_before, "none"},
        Row{facts.not_after, "none"}, Row{facts.not_after + std::chrono::milliseconds(999), "none"},
        Row{facts.not_after + seconds(1), "expired"}, Row{WallTime::max(), "expired"},
        Row{WallTime::min(), "not_yet_valid"}}) {
    question.now = row.now;
    EXPECT_EQ(fault(leaf_made.certificate, question), row.fault);
  }
}

TEST_F(Verify, SG_03_the_default_is_a_refusal) {
  EXPECT_FALSE(ChainVerdict().accepted());
  const Authority root = authority();
  EXPECT_EQ(fault(leaf(root, request({"a.example"})).certificate, {}), "unknown_authority")
      << "nobody is trusted";
}

TEST_F(Verify, SG_03_an_authority_of_the_same_name_and_other_key_is_refused) {
  const Authority root = authority();
  AuthorityRequest twin;
  twin.name = root.certificate().facts().common_name;
  const CertifiedKey forged = leaf(authority(twin), request({"a.example"}));
  EXPECT_EQ(fault(forged.certificate, {.anchors = {root.certificate()}}), "unknown_authority");
}

TEST_F(Verify, SG_03_each_rule_of_the_own_profile_refuses) {
  const Authority root = authority();
  const auto key = PrivateKey::generate(KeyKind::p256);
  Question question{.anchors = {root.certificate()}};
  const auto judged = [&](const Odd& odd) { return fault(made(odd, *key, root.pair()), question); };
  EXPECT_EQ(judged({}), "none") << ask(made({}, *key, root.pair()), question).why;
  EXPECT_EQ(judged({.constraints = ""}), "profile");
  EXPECT_EQ(judged({.constraints = "critical,CA:TRUE"}), "wrong_purpose");
  EXPECT_EQ(judged({.usage = "critical,digitalSignature,keyCertSign"}), "profile");
  EXPECT_EQ(judged({.usage = "critical,keyEncipherment"}), "wrong_purpose");
  EXPECT_EQ(judged({.usage = ""}), "wrong_purpose");
  EXPECT_EQ(judged({.extended_usage = "clientAuth"}), "wrong_purpose");
  EXPECT_EQ(judged({.extended_usage = ""}), "wrong_purpose");
  EXPECT_EQ(judged({.extended_usage = "serverAuth,emailProtection"}), "profile");
  EXPECT_EQ(judged({.extended_usage = "serverAuth,anyExtendedKeyUsage"}), "profile");
  EXPECT_EQ(judged({.extended_usage = "critical,serverAuth"}), "profile");
  EXPECT_EQ(judged({.alternative_names = ""}), "profile");
  EXPECT_EQ(judged({.alternative_names = "critical,DNS:odd.example"}), "profile");
  EXPECT_EQ(judged({.alternative_names = "DNS:*.odd.example"}), "profile");
  EXPECT_EQ(judged({.alternative_names = "DNS:a_b.example"}), "profile");
  EXPECT_EQ(judged({.alternative_names = "DNS:127.0.0.1"}), "profile") << "an address dressed as a name";
  EXPECT_EQ(judged({.alternative_names = "email:nobody"}), "profile");
  EXPECT_EQ(judged({.subject = "other.example"}), "profile") << "a CN that is not among the names";
  const auto big = PrivateKey::generate(KeyKind::rsa2048);
  EXPECT_EQ(fault(made({}, *big, root.pair()), question), "weak_key") << "RSA where the profile has none";
}

TEST_F(Verify, SG_03_a_hostile_serial_is_refused) {
  const Authority root = authority();
  const auto key = PrivateKey::generate(KeyKind::p256);
  const ossl::Number huge(BN_new());
  BN_set_bit(huge.get(), 100'000);
  EXPECT_EQ(fault(made({.serial = huge.get()}, *key, root.pair()), {.anchors = {root.certificate()}}),
            "profile");
  BN_zero(huge.get());
  EXPECT_EQ(fault(made({.serial = huge.get()}, *key, root.pair()), {.anchors = {root.certificate()}}),
            "profile");
  BN_set_word(huge.get(), 5);
  BN_set_negative(huge.get(), 1);
  EXPECT_EQ(fault(made({.serial = huge.get()}, *key, root.pair()), {.anchors = {root.certificate()}}),
            "profile");
}

TEST_F(Verify, SG_03_a_nul_within_a_name_is_no_end_of_it) {
  const Authority root = authority();
  const auto key = PrivateKey::generate(KeyKind::p256);
  Certificate odd = made({.subject = "odd.example", .alternative_names = "DNS:good.example@evil.example"},
                         *key, root.pair());
  std::vector<std::byte> der(odd.to_der().begin(), odd.to_der().end());
  const auto at = std::ranges::find(der, std::byte{'@'});
  ASSERT_NE(at, der.end());
  *at = std::byte{0};
  const auto nul = Certificate::from_der(der);
  ASSERT_TRUE(nul);
  EXPECT_EQ(nul->facts().other_names.size(), 1U);
  EXPECT_EQ(nul->facts().other_names.front().find('\0'), std::string::npos) << "escaped";
  Question question{.anchors = {root.certificate()}, .name = "good.example", .profile = Profile::foreign()};
  EXPECT_FALSE(ask(*nul, question).accepted());
  question.name = "evil.example";
  EXPECT_FALSE(ask(*nul, question).accepted());
}

TEST_F(Verify, SG_03_ten_thousand_names_and_a_wall_of_bytes_are_refused_before_they_cost) {
  const Authority root = authority();
  const auto key = PrivateKey::generate(KeyKind::p256);
  std::string names = "DNS:odd.example";
  for (int i = 0; i < 10'000; ++i) names += concat(",DNS:n", i);
  ossl::CertificateHandle handle(X509_new());
  X509_set_pubkey(handle.get(), key->data().key.get());
  ASN1_TIME_set(X509_getm_notBefore(handle.get()), 0);
  ASN1_TIME_set(X509_getm_notAfter(handle.get()), 0);
  const ossl::Extension extension(X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str()));
  X509_add_ext(handle.get(), extension.get(), -1);
  X509_sign(handle.get(), key->data().key.get(), EVP_sha256());
  unsigned char* der = nullptr;
  const int size = i2d_X509(handle.get(), &der);
  const auto refused = Certificate::from_der(std::as_bytes(std::span(der, static_cast<std::size_t>(size))));
  OPENSSL_free(der);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::exhausted);
  EXPECT_EQ(ossl::CertificateData::read(std::move(handle)).error().code, Code::exhausted) << "by count, too";
}

TEST_F(Verify, SG_03_a_deep_chain_and_a_tangle_of_authorities_end) {
  const Authority root = authority();
  const auto key = PrivateKey::generate(KeyKind::p256);
  // Thirty authorities of one name, which may all have issued each other.
  const Odd tangled{.subject = root.certificate().facts().common_name,
                    .alternative_names = "",
                    .constraints = "critical,CA:TRUE",
                    .usage = "critical,keyCertSign",
                    .extended_usage = ""};
  Question question{.anchors = {authority().certificate()}};
  for (int i = 0; i < 30; ++i) question.intermediates.push_back(made(tangled, *key, root.pair()));
  const CertifiedKey end = leaf(root, request({"a.example"}));
  EXPECT_EQ(fault(end.certificate, question), "unknown_authority");
  question.anchors.push_back(root.certificate());
  EXPECT_EQ(fault(end.certificate, question), "none") << "noise does not hide the path that is there";
  while (question.intermediates.size() <= kChainCertificatesMax)
    question.intermediates.push_back(root.certificate());
  EXPECT_EQ(fault(end.certificate, question), "path_too_long");
}

TEST(CertificateText, SG_03_bounds_and_damage_are_told_apart) {
  EXPECT_EQ(Certificate::list_from_pem("").error().code, Code::invalid_argument);
  EXPECT_EQ(Certificate::list_from_pem("-----BEGIN CERTIFICATE-----\n").error().code, Code::invalid_argument);
  EXPECT_EQ(Certificate::from_der(std::vector<std::byte>(kCertificateBytesMax + 1)).error().code,
            Code::exhausted);
  EXPECT_EQ(RevocationList::from_der(std::vector<std::byte>(kRevocationListBytesMax + 1)).error().code,
            Code::exhausted);
  EXPECT_EQ(PrivateKey::from_pem(SecretText("")).error().code, Code::invalid_argument);
  EXPECT_FALSE(RevocationList::from_pem("0garbage"));
}

TEST(UriName, SG_03_takes_spiffe_ids_and_absolute_uris_only) {
  for (const std::string good :
       {"spiffe://home.example", "spiffe://a_b/c-d/E.f", "https://host.example/x?y#z", "HTTP://[::1]:80/"})
    EXPECT_TRUE(UriName::parse(good)) << good;
  EXPECT_EQ(UriName::parse("spiffe://home.example/x")->host(), "home.example");
  EXPECT_EQ(UriName::parse("https://Host.example:8443/x")->host(), "host.example");
  for (const std::string bad :
       {"spiffe://", "spiffe://a/", "spiffe://a//b", "spiffe://a:1/b", "spiffe://A/b", "spiffe://a/b#c",
        "://a", "a/b", "https://", "https://a@b/", "https://a:99999/", "https://a/\xc3\xa4"})
    EXPECT_FALSE(UriName::parse(bad)) << bad;
  EXPECT_FALSE(UriName::parse("https://a/" + std::string(kUriBytesMax, 'x')));
}

}  // namespace
}  // namespace sallyport
