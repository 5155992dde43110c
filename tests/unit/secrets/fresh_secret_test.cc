// SPDX-License-Identifier: Apache-2.0
// FreshSecret and SecretFiles: does a secret that cannot be read for a while stay, and never become none?
#include <gtest/gtest.h>

#include "sallyport/env/testing/fakes.h"
#include "sallyport/secrets/secret_files.h"
#include "sallyport/secrets/secret_reader.h"

namespace sallyport {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

class FreshSecretTest : public testing::Test {
 protected:
  FreshSecretTest() {
    clock_.advance(std::chrono::hours(1));
    files_.files[kPath] = "first\n";
    fresh_ = std::make_unique<FreshSecret>(reader_, ref(), clock_, SecretFreshness{},
                                           [this](const std::string& what) { alarms_.push_back(what); });
  }
  static SecretRef ref() {
    SecretRef made;
    made.kind = SecretRef::Kind::file;
    made.where = kPath;
    return made;
  }
  std::string value() {
    const auto read = fresh_->get();
    return read ? std::string(read->expose()) : std::string("error");
  }
  static constexpr const char* kPath = "/run/secret";
  MemoryFiles files_;
  FixedEnvironment environment_;
  ManualMonotonicClock clock_;
  SecretReader reader_{files_, environment_, clock_, std::nullopt};
  std::vector<std::string> alarms_;
  std::unique_ptr<FreshSecret> fresh_;
};

TEST_F(FreshSecretTest, AT_07_is_fetched_now_and_then) {
  EXPECT_EQ(value(), "first");
  files_.files[kPath] = "second\n";
  clock_.advance(seconds(29));
  EXPECT_EQ(value(), "first");
  clock_.advance(seconds(1));
  EXPECT_EQ(value(), "second");
  EXPECT_TRUE(alarms_.empty());
}

TEST_F(FreshSecretTest, AT_07_the_last_good_one_stands_in_for_the_grace_and_no_longer) {
  EXPECT_EQ(value(), "first");
  files_.unreadable.insert(kPath);
  for (int i = 0; i < 59; ++i) {
    clock_.advance(seconds(5));
    EXPECT_EQ(value(), "first") << i;
  }
  clock_.advance(seconds(5));
  EXPECT_EQ(value(), "error") << "five minutes are over";
  ASSERT_EQ(alarms_.size(), 1U) << "told once";
  EXPECT_EQ(alarms_[0].find("first"), std::string::npos);
  files_.unreadable.clear();
  clock_.advance(seconds(5));
  EXPECT_EQ(value(), "first");
  EXPECT_EQ(alarms_.size(), 2U);
}

TEST_F(FreshSecretTest, AT_07_an_empty_secret_is_a_failure_and_not_no_secret) {
  EXPECT_EQ(value(), "first");
  files_.files[kPath] = "\n";
  clock_.advance(seconds(30));
  EXPECT_EQ(value(), "first");
  EXPECT_EQ(alarms_.size(), 1U);
}

TEST_F(FreshSecretTest, AT_07_a_secret_that_is_gone_for_certain_is_gone_at_once) {
  EXPECT_EQ(value(), "first");
  files_.files.clear();
  clock_.advance(seconds(30));
  EXPECT_EQ(fresh_->get().error().code, Code::not_found);
  clock_.advance(seconds(1));
  EXPECT_EQ(fresh_->get().error().code, Code::not_found) << "and not fetched again before its time";
}

TEST_F(FreshSecretTest, SG_15_followed_names_are_read_through_and_others_are_files) {
  SecretFiles files(files_);
  const std::string name = files.follow(ref(), std::move(fresh_));
  EXPECT_EQ(files.read_secret(name, FilePrivacy::owner_only)->expose(), "first");
  files_.files["/other"] = "plain";
  EXPECT_EQ(files.read_secret("/other", FilePrivacy::owner_only)->expose(), "plain");
}

TEST_F(FreshSecretTest, SG_15_vault_without_an_address_says_what_to_write) {
  SecretRef vault;
  vault.kind = SecretRef::Kind::vault;
  vault.where = "secret/login";
  vault.field = "password";
  const auto read = reader_.read(vault);
  EXPECT_EQ(read.error().code, Code::invalid_argument);
  EXPECT_NE(read.error().what.find("--vault-addr"), std::string::npos);
}

}  // namespace
}  // namespace sallyport
