// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "sallyport/tls/mkcert.h"
#include "tls_world.h"

namespace sallyport {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

/// Denying is the disk of somebody who may not read one file.
class Denying final : public Files {
 public:
  Denying(Files& under, std::string denied) : under_(under), denied_(std::move(denied)) {}
  Result<SecretText> read_secret(const std::string& path, FilePrivacy privacy) override {
    if (path == denied_) return fail(Code::permission_denied, concat("cannot open ", path));
    return under_.read_secret(path, privacy);
  }
  Result<std::string> read_text(const std::string& path, FilePrivacy privacy) override {
    return under_.read_text(path, privacy);
  }
  Status create_private(const std::string& path, std::string_view content) override {
    return under_.create_private(path, content);
  }
  Status replace_private(const std::string& path, std::string_view content) override {
    return under_.replace_private(path, content);
  }
  Status ensure_private_directory(const std::string& path) override {
    return under_.ensure_private_directory(path);
  }
  Status remove(const std::string& path) override { return under_.remove(path); }

 private:
  Files& under_;
  std::string denied_;
};

class Cascade : public TlsWorld {
 protected:
  void make_mkcert_root(const Authority& root) {
    std::filesystem::create_directory(at("caroot"));
    write(at("caroot/rootCA.pem"), root.certificate().to_pem());
    write(at("caroot/rootCA-key.pem"), root.pair().key.to_pem()->expose());
    environment_ = FixedEnvironment(Variables{{"CAROOT", at("caroot")}});
  }
};

TEST_F(Cascade, AT_04_ends_at_the_local_authority_and_says_why_the_others_were_passed_over) {
  const auto choice = TlsCascade::make(wish(), powers()).choose(clock_.now());
  ASSERT_TRUE(choice) << choice.error().what;
  EXPECT_EQ(choice->tier, TlsTier::local_authority);
  ASSERT_EQ(choice->passed_over.size(), 2U);
  EXPECT_EQ(choice->passed_over[0].tier, TlsTier::tailscale);
  EXPECT_THAT(choice->passed_over[0].why, HasSubstr("no socket at"));
  EXPECT_EQ(choice->passed_over[1].tier, TlsTier::mkcert);
  EXPECT_THAT(choice->passed_over[1].why, HasSubstr("CAROOT"));
}

TEST_F(Cascade, AT_04_mkcert_root_signs_in_process_and_its_certificate_is_kept) {
  const auto root = authority();
  make_mkcert_root(root);
  auto cascade = TlsCascade::make(wish(), powers());
  const auto first = cascade.choose(clock_.now());
  ASSERT_TRUE(first) << first.error().what;
  EXPECT_EQ(first->tier, TlsTier::mkcert);
  EXPECT_EQ(first->serving.root_file, at("caroot/rootCA.pem"));
  EXPECT_TRUE(root.issued(*Certificate::from_pem(first->serving.identity.chain_pem)));
  EXPECT_EQ(cascade.choose(clock_.now())->serving.identity.fingerprint, first->serving.identity.fingerprint);
  pass(Days(61));
  EXPECT_NE(cascade.choose(clock_.now())->serving.identity.fingerprint, first->serving.identity.fingerprint)
      << "two thirds of its life are over";
}

TEST_F(Cascade, AT_04_mkcert_root_that_is_no_pair_is_passed_over) {
  make_mkcert_root(authority());
  write(at("caroot/rootCA-key.pem"), authority().pair().key.to_pem()->expose());
  const auto choice = TlsCascade::make(wish(), powers()).choose(clock_.now());
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->tier, TlsTier::local_authority);
  EXPECT_THAT(choice->passed_over.back().why, HasSubstr("rootCA.pem and its key"));
}

/// A stand-in for the mkcert program: it hands out what lies ready, and notes that it was asked.
constexpr const char* kProgram =
    "#!/bin/sh\n[ \"$1\" = -cert-file ] && [ \"$3\" = -key-file ] || exit 9\n"
    "umask 077; cat \"$CAROOT/../c.pem\" >\"$2\"; cat \"$CAROOT/../k.pem\" >\"$4\"; echo \"$@\" "
    ">>\"$CAROOT/../asked\"\n";

TEST_F(Cascade, AT_04_mkcert_itself_is_asked_where_its_key_may_not_be_read) {
  const auto root = authority();
  make_mkcert_root(root);
  write(at("mkcert"), kProgram);
  std::filesystem::permissions(at("mkcert"), std::filesystem::perms::owner_all);
  environment_ =
      FixedEnvironment(Variables{{"CAROOT", at("caroot")}, {"PATH", concat(dir_, ":/usr/bin:/bin")}});
  Denying denying(files_, followed(at("caroot/rootCA-key.pem")));
  const SystemMonotonicClock clock;
  const TlsPowers with{denying, entropy_, clock, environment_};
  write_pair(leaf(root));
  const auto first = TlsCascade::make(wish(TlsTier::mkcert), with).choose(clock_.now());
  ASSERT_TRUE(first) << first.error().what;
  EXPECT_TRUE(root.issued(*Certificate::from_pem(first->serving.identity.chain_pem)));
  EXPECT_THAT(*files_.read_text(at("asked"), FilePrivacy::any), HasSubstr("localhost 127.0.0.1"));
  std::filesystem::remove(at("asked"));
  EXPECT_TRUE(TlsCascade::make(wish(TlsTier::mkcert), with).choose(clock_.now()));
  EXPECT_FALSE(std::filesystem::exists(at("asked"))) << "what is kept and not due is not made again";

  std::filesystem::remove(at("tls/mkcert.pem"));
  write_pair(leaf(authority()));
  const auto foreign = TlsCascade::make(wish(TlsTier::mkcert), with).choose(clock_.now());
  EXPECT_EQ(foreign.error().code, Code::unavailable)
      << "another root's certificate is not what was asked for";
  EXPECT_FALSE(std::filesystem::exists(at("tls/mkcert-new.key")));
}

TEST_F(Cascade, AT_04_a_source_asked_for_by_name_is_that_or_nothing) {
  const auto choice = TlsCascade::make(wish(TlsTier::mkcert), powers()).choose(clock_.now());
  ASSERT_FALSE(choice);
  EXPECT_EQ(choice.error().code, Code::not_found);
  EXPECT_FALSE(std::filesystem::exists(at("tls")));
}

TEST_F(Cascade, AT_04_looking_makes_nothing) {
  auto cascade = TlsCascade::make(wish(), powers());
  const auto look = cascade.look(clock_.now());
  EXPECT_EQ(look.tier, TlsTier::local_authority);
  EXPECT_THAT(look.would.chain_pem, IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(at("tls")));
  make_mkcert_root(authority());
  EXPECT_EQ(cascade.look(clock_.now()).tier, TlsTier::mkcert);
  EXPECT_FALSE(std::filesystem::exists(at("tls")));
}

TEST_F(Cascade, AT_04_given_files_are_served_even_where_they_are_over) {
  write_pair(leaf(authority()));
  pass(Days(100));
  const auto choice = TlsCascade::make(given(), powers()).choose(clock_.now());
  ASSERT_TRUE(choice);
  EXPECT_EQ(report_choice(*choice, clock_.now()).state, CertificateState::over);
}

TEST(MkcertRootDir, AT_04_is_where_mkcert_looks) {
  EXPECT_EQ(
      mkcert_root_dir(FixedEnvironment(Variables{{"CAROOT", "/a"}, {"XDG_DATA_HOME", "/b"}, {"HOME", "/c"}})),
      "/a");
  EXPECT_EQ(mkcert_root_dir(FixedEnvironment(Variables{{"XDG_DATA_HOME", "/b"}, {"HOME", "/c"}})),
            "/b/mkcert");
  EXPECT_EQ(mkcert_root_dir(FixedEnvironment(Variables{{"HOME", "/c"}})), "/c/.local/share/mkcert");
  EXPECT_EQ(mkcert_root_dir(FixedEnvironment()), "");
}

TEST(CertificateStateOf, AT_04_tells_what_is_left) {
  const WallTime from{std::chrono::hours(1000)};
  const WallTime to = from + Days(60);
  EXPECT_EQ(certificate_state(from, to, from - Days(1)), CertificateState::not_yet_valid);
  EXPECT_EQ(certificate_state(from, to, from), CertificateState::good);
  EXPECT_EQ(certificate_state(from, to, from + Days(49)), CertificateState::good);
  EXPECT_EQ(certificate_state(from, to, from + Days(50)), CertificateState::due);
  EXPECT_EQ(certificate_state(from, to, to), CertificateState::due);
  EXPECT_EQ(certificate_state(from, to, to + Duration(1)), CertificateState::over);
}

}  // namespace
}  // namespace sallyport
