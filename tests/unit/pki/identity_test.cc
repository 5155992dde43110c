// SPDX-License-Identifier: Apache-2.0
// Does a certificate that we keep fit its profile, its key, its names and its time, and does OpenSSL's strict
// check agree?
#include "sallyport/pki/identity.h"

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <cstring>
#include <filesystem>
#include <memory>

#include "sallyport/base/text.h"
#include "sallyport/env/posix/system.h"
#include "sallyport/env/testing/fakes.h"

namespace sallyport {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr WallTime kNow{std::chrono::seconds(1'800'000'000)};
const std::string kDir = "/state/tls";

struct FreeX509 {
  void operator()(X509* x) const { X509_free(x); }
};
using Cert = std::unique_ptr<X509, FreeX509>;

Cert read_certificate(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  Cert certificate(PEM_read_bio_X509(bio, nullptr, nullptr, nullptr));
  BIO_free(bio);
  return certificate;
}

/// verify runs OpenSSL's strict check as a client would; returns X509_V_OK or its error.
int verify(const ServerIdentity& identity, const std::string& name, WallTime now) {
  const Cert leaf = read_certificate(identity.chain_pem);
  const Cert root = read_certificate(identity.authority_pem);
  X509_STORE* store = X509_STORE_new();
  X509_STORE_add_cert(store, root.get());
  X509_STORE_CTX* context = X509_STORE_CTX_new();
  X509_STORE_CTX_init(context, store, leaf.get(), nullptr);
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_X509_STRICT);
  X509_VERIFY_PARAM_set_auth_level(parameters, 2);
  X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_SERVER);
  X509_VERIFY_PARAM_set_hostflags(parameters,
                                  X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  X509_VERIFY_PARAM_set_time(
      parameters, std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count());
  if (X509_VERIFY_PARAM_set1_ip_asc(parameters, name.c_str()) != 1)
    X509_VERIFY_PARAM_set1_host(parameters, name.c_str(), 0);
  const int outcome = X509_verify_cert(context) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(context);
  X509_STORE_CTX_free(context);
  X509_STORE_free(store);
  return outcome;
}

class Identity : public testing::Test {
 protected:
  Result<ServerIdentity> ensure(WallTime now = kNow,
                                const std::vector<std::string>& more = {"gate.example"}) {
    return ensure_local_identity(files_, entropy_, kDir, *server_names(more), now);
  }
  MemoryFiles files_;
  CountingEntropy entropy_;
};

TEST_F(Identity, AT_08_covers_dns_names_and_loopback_addresses_in_their_own_types) {
  const auto identity = ensure();
  ASSERT_TRUE(identity) << identity.error().what;
  for (const std::string name : {"localhost", "127.0.0.1", "::1", "gate.example"}) {
    EXPECT_EQ(verify(*identity, name, kNow), X509_V_OK)
        << name << ": " << X509_verify_cert_error_string(verify(*identity, name, kNow));
  }
  EXPECT_EQ(verify(*identity, "other.example", kNow), X509_V_ERR_HOSTNAME_MISMATCH);
  EXPECT_EQ(verify(*identity, "127.0.0.2", kNow), X509_V_ERR_IP_ADDRESS_MISMATCH);
}

TEST_F(Identity, AT_04_fits_the_profile) {
  const auto identity = ensure();
  const Cert leaf = read_certificate(identity->chain_pem);
  const Cert root = read_certificate(identity->authority_pem);
  for (const X509* each : {leaf.get(), root.get()}) {
    const ASN1_INTEGER* serial = X509_get0_serialNumber(each);
    EXPECT_EQ(ASN1_STRING_length(serial), 20);
    BIGNUM* number = ASN1_INTEGER_to_BN(serial, nullptr);
    EXPECT_FALSE(BN_is_negative(number));
    EXPECT_FALSE(BN_is_zero(number));
    BN_free(number);
    EXPECT_EQ(X509_get_version(each), 2);
    EXPECT_EQ(X509_get_signature_nid(each), NID_ecdsa_with_SHA256);
    EXPECT_EQ(EVP_PKEY_get_bits(X509_get0_pubkey(each)), 256);
    EXPECT_NE(X509_get0_subject_key_id(const_cast<X509*>(each)), nullptr);
  }
  EXPECT_EQ(X509_check_ca(root.get()), 1);
  EXPECT_EQ(X509_get_pathlen(root.get()), 0);
  EXPECT_EQ(X509_get_key_usage(root.get()), static_cast<std::uint32_t>(KU_KEY_CERT_SIGN | KU_CRL_SIGN));
  EXPECT_EQ(X509_check_ca(leaf.get()), 0);
  EXPECT_EQ(X509_get_key_usage(leaf.get()), static_cast<std::uint32_t>(KU_DIGITAL_SIGNATURE));
  EXPECT_EQ(X509_get_extended_key_usage(leaf.get()), static_cast<std::uint32_t>(XKU_SSL_SERVER));
  EXPECT_NE(X509_get0_authority_key_id(leaf.get()), nullptr);
  EXPECT_EQ(identity->not_before, kNow - minutes(5));
  EXPECT_EQ(identity->not_after, kNow + hours(24 * 90));
  EXPECT_EQ(identity->fingerprint.size(), 64U);
  EXPECT_EQ(identity->chain_pem.find("PRIVATE"), std::string::npos);
}

TEST_F(Identity, AT_04_what_is_there_and_fits_stays) {
  const auto first = ensure();
  const auto second = ensure(kNow + hours(24 * 50));
  EXPECT_EQ(first->fingerprint, second->fingerprint);
  EXPECT_TRUE(second->key_pem.matches(first->key_pem));
}

TEST_F(Identity, AT_04_is_renewed_at_two_thirds_of_its_life_under_the_same_authority) {
  const auto first = ensure();
  const WallTime two_thirds = first->not_before + (first->not_after - first->not_before) / 3 * 2;
  EXPECT_EQ(ensure(two_thirds - hours(1))->fingerprint, first->fingerprint);
  const auto renewed = ensure(two_thirds);
  EXPECT_NE(renewed->fingerprint, first->fingerprint);
  EXPECT_EQ(renewed->authority_pem, first->authority_pem);
  EXPECT_EQ(verify(*renewed, "localhost", two_thirds), X509_V_OK);
  EXPECT_TRUE(due(*first, two_thirds));
  EXPECT_FALSE(due(*renewed, two_thirds));
}

TEST_F(Identity, AT_04_other_names_or_a_clock_set_back_make_it_anew) {
  const auto first = ensure();
  const auto renamed = ensure(kNow, {"other.example"});
  EXPECT_NE(renamed->fingerprint, first->fingerprint);
  EXPECT_NE(verify(*renamed, "gate.example", kNow), X509_V_OK);
  const WallTime earlier = kNow - hours(24 * 365);
  const auto earlier_one = ensure(earlier, {"other.example"});
  ASSERT_TRUE(earlier_one);
  EXPECT_EQ(verify(*earlier_one, "localhost", earlier), X509_V_OK);
}

TEST_F(Identity, AT_04_an_authority_near_its_end_is_replaced_and_its_leaf_with_it) {
  const auto first = ensure();
  const WallTime late = kNow + kAuthorityLife - hours(24);
  const auto last = ensure(late);
  ASSERT_TRUE(last);
  EXPECT_NE(last->authority_pem, first->authority_pem);
  EXPECT_EQ(verify(*last, "localhost", late), X509_V_OK);
}

TEST_F(Identity, a_leaf_of_another_authority_is_made_anew) {
  const auto first = ensure();
  files_.files.erase(kDir + "/authority.pem");
  const auto second = ensure();
  EXPECT_NE(second->authority_pem, first->authority_pem);
  EXPECT_EQ(verify(*second, "localhost", kNow), X509_V_OK);
  EXPECT_EQ(files_.files[kDir + "/authority.crt"], second->authority_pem)
      << "what is exported is what is used";
}

TEST_F(Identity, SG_05_damaged_or_mismatched_files_are_errors_and_stay_as_they_are) {
  const std::string server = kDir + "/server.pem";
  const std::string authority = kDir + "/authority.pem";
  ASSERT_TRUE(ensure());
  const auto good = files_.files;
  const std::string other_key = good.at(authority).substr(good.at(authority).find("-----BEGIN PRIVATE KEY"));
  const std::string leaf_only = good.at(server).substr(0, good.at(server).find("-----BEGIN PRIVATE KEY"));
  for (const std::string& bad :
       {std::string(), std::string("garbage"), leaf_only, other_key, leaf_only + other_key,
        good.at(server).substr(0, good.at(server).size() / 2), good.at(server).substr(0, 40),
        leaf_only + "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"}) {
    for (const std::string& path : {server, authority}) {
      if (path == authority && bad == leaf_only + other_key) continue;
      files_.files = good;
      files_.files[path] = bad;
      const auto identity = ensure();
      ASSERT_FALSE(identity) << escaped(bad);
      EXPECT_EQ(identity.error().code, Code::invalid_argument);
      EXPECT_NE(identity.error().what.find(path), std::string::npos);
      EXPECT_EQ(files_.files[path], bad);
    }
  }
}

TEST_F(Identity, SG_05_a_full_disk_leaves_the_old_pair) {
  const auto first = ensure();
  files_.disk = MemoryFiles::Disk::full;
  const auto failed = ensure(first->not_after);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::exhausted);
  files_.disk = MemoryFiles::Disk::roomy;
  EXPECT_EQ(ensure()->fingerprint, first->fingerprint);
}

TEST_F(Identity, AT_08_a_key_that_others_can_read_is_refused) {
  ASSERT_TRUE(ensure());
  files_.open_to_others.insert(kDir + "/server.pem");
  const auto refused = ensure();
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().what.find("chmod 600"), std::string::npos);
}

TEST(IdentityOnDisk, AT_08_every_file_is_private_in_a_private_folder) {
  std::string pattern = (std::filesystem::temp_directory_path() / "sallyport-test-XXXXXX").string();
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  SystemFiles files;
  SystemEntropy entropy;
  const std::string dir = pattern + "/tls";
  const mode_t before = ::umask(0);
  const auto identity = ensure_local_identity(files, entropy, dir, *server_names({}), kNow);
  ::umask(before);
  ASSERT_TRUE(identity) << identity.error().what;
  struct stat info {};
  ASSERT_EQ(::stat(dir.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0700U);
  for (const auto& entry : std::filesystem::directory_iterator(dir)) {
    ASSERT_EQ(::stat(entry.path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777U, 0600U) << entry.path();
  }
  std::filesystem::remove_all(pattern);
}

TEST_F(Identity, read_identity_takes_a_pair_in_either_order_and_nothing_else) {
  const auto made = ensure();
  const std::string key(made->key_pem.expose());
  EXPECT_TRUE(read_identity(made->chain_pem + key));
  const auto read = read_identity(key + made->chain_pem);
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(read->fingerprint, made->fingerprint);
  EXPECT_TRUE(read->authority_pem.empty());
  EXPECT_FALSE(read_identity(""));
  EXPECT_FALSE(read_identity(made->chain_pem));
  EXPECT_FALSE(read_identity(key));
  EXPECT_FALSE(read_identity(made->authority_pem + key)) << "not a pair";
}

TEST(SubjectName, is_a_dns_name_or_an_address_never_one_dressed_as_the_other) {
  EXPECT_TRUE(SubjectName::parse("127.0.0.1")->is_ip());
  EXPECT_TRUE(SubjectName::parse("::1")->is_ip());
  EXPECT_EQ(SubjectName::parse("Gate.Example")->dns(), "gate.example");
  for (const std::string& bad :
       {std::string(), std::string("300.1.2.3"), std::string("1.2.3"), std::string("*.example"),
        std::string("a..b"), std::string("-a.example"), std::string("a-.example"), std::string("a b"),
        std::string("a_b"), std::string("a,IP:1.2.3.4"), std::string("example."), std::string("0.0.0.0"),
        std::string("::"), std::string("[::1]"), std::string(64, 'a'), std::string("a\0b", 3),
        std::string("gate.example:443"), std::string("\xc3\xa4.example")}) {
    EXPECT_FALSE(SubjectName::parse(bad)) << escaped(bad);
  }
}

TEST(SubjectName, server_names_are_distinct_and_bounded) {
  EXPECT_EQ(server_names({"LOCALHOST", "localhost", "::1", "::ffff:127.0.0.1"})->size(), 3U);
  const auto bad = server_names({"good.example", "DNS:evil,IP:6.6.6.6"});
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, Code::invalid_argument);
  std::vector<std::string> many;
  for (int i = 0; i < 40; ++i) many.push_back(concat("host", i, ".example"));
  EXPECT_FALSE(server_names(many));
}

}  // namespace
}  // namespace sallyport
