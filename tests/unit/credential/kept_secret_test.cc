// SPDX-License-Identifier: Apache-2.0
// Are kept secrets born private, kept, and the same for two starts at once? Does the store follow the token's
// file?
#include "sallyport/credential/kept_secret.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <barrier>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "sallyport/credential/access_token_file.h"
#include "sallyport/credential/variables.h"
#include "sallyport/env/posix/system.h"
#include "tests/unit/credential/support.h"

namespace sallyport {
namespace {

const std::string kPath = "/state/token";

TEST(AccessToken, AT_03_is_generated_and_kept) {
  MemoryFiles files;
  CountingEntropy entropy;
  const auto first = ensure_access_token(files, entropy, kPath);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->origin, SecretOrigin::generated);
  const auto second = ensure_access_token(files, entropy, kPath);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->origin, SecretOrigin::existing);
  EXPECT_TRUE(second->token.digest.matches(first->token.digest));
  EXPECT_TRUE(second->token.text.matches(first->token.text));
}

TEST(AccessToken, AT_03_a_file_that_is_there_and_unusable_is_an_error_and_stays) {
  CountingEntropy entropy;
  const std::string ticket = stranger(CredentialKind::ticket, entropy);
  for (const std::string& content : {std::string(), std::string("\n"), std::string("hunter2\n"),
                                     ticket + "\n", std::string("spa_tooshort\n"), std::string("\0\0", 2)}) {
    MemoryFiles files;
    files.files[kPath] = content;
    const auto kept = ensure_access_token(files, entropy, kPath);
    ASSERT_FALSE(kept);
    EXPECT_EQ(kept.error().code, Code::invalid_argument);
    EXPECT_NE(kept.error().what.find(kPath), std::string::npos);
    EXPECT_EQ(kept.error().what.find("hunter2"), std::string::npos) << "the content is never told";
    EXPECT_EQ(files.files[kPath], content);
  }
}

TEST(AccessToken, R15_open_to_others_unreadable_or_no_room_are_errors_with_the_remedy) {
  CountingEntropy entropy;
  MemoryFiles files;
  ASSERT_TRUE(ensure_access_token(files, entropy, kPath));
  files.open_to_others.insert(kPath);
  const auto open = ensure_access_token(files, entropy, kPath);
  ASSERT_FALSE(open);
  EXPECT_NE(open.error().what.find("chmod 600"), std::string::npos);
  files.unreadable.insert(kPath);
  EXPECT_EQ(ensure_access_token(files, entropy, kPath).error().code, Code::permission_denied);
  MemoryFiles full;
  full.disk = MemoryFiles::Disk::full;
  EXPECT_EQ(ensure_access_token(full, entropy, kPath).error().code, Code::exhausted);
}

class RealFolder : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "sallyport-test-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  [[nodiscard]] std::string path(const std::string& name) const { return (folder_ / name).string(); }

  std::filesystem::path folder_;
  SystemFiles files_;
  SystemEntropy entropy_;
};

TEST_F(RealFolder, AT_08_the_file_is_private_from_its_first_byte_whatever_the_umask) {
  const mode_t before = ::umask(0);
  const auto kept = ensure_access_token(files_, entropy_, path("token"));
  ::umask(before);
  ASSERT_TRUE(kept);
  struct stat info {};
  ASSERT_EQ(::stat(path("token").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0600U);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1)
      << "nothing is left beside it";
}

TEST_F(RealFolder, AT_05_many_starts_at_once_end_with_one_value) {
  for (int round = 0; round < 20; ++round) {
    const std::string file = path("token" + std::to_string(round));
    std::mutex mutex;
    std::set<std::string> values;
    int generated = 0;
    std::barrier gun(8);
    {
      std::vector<std::jthread> starts;
      for (int i = 0; i < 8; ++i) {
        starts.emplace_back([&] {
          gun.arrive_and_wait();
          const auto kept = ensure_access_token(files_, entropy_, file);
          const std::lock_guard lock(mutex);
          ASSERT_TRUE(kept) << kept.error().what;
          values.emplace(kept->token.text.expose());
          generated += kept->origin == SecretOrigin::generated ? 1 : 0;
        });
      }
    }
    EXPECT_EQ(values.size(), 1U);
    EXPECT_EQ(generated, 1);
  }
}

TEST_F(RealFolder, R15_a_link_planted_at_the_path_is_not_followed) {
  std::ofstream(path("target")) << "spa_mine";
  std::filesystem::create_symlink(path("target"), path("token"));
  EXPECT_EQ(ensure_access_token(files_, entropy_, path("token")).error().code, Code::permission_denied);
  std::filesystem::create_symlink(path("nowhere"), path("dangling"));
  EXPECT_FALSE(ensure_access_token(files_, entropy_, path("dangling")));
  EXPECT_FALSE(std::filesystem::exists(path("nowhere")));
}

TEST(TokenSecret, SA_01_auto_is_generated_and_kept_and_short_ones_are_refused) {
  MemoryFiles files;
  CountingEntropy entropy;
  const auto first = ensure_token_secret(files, entropy, kPath);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->text.size(), 43U);
  EXPECT_TRUE(ensure_token_secret(files, entropy, kPath)->text.matches(first->text));
  files.files[kPath] = "short\n";
  EXPECT_FALSE(ensure_token_secret(files, entropy, kPath));
  files.files[kPath] = "";
  EXPECT_FALSE(ensure_token_secret(files, entropy, kPath));
}

TEST(Variables, MC_07_an_unset_or_empty_variable_never_becomes_an_empty_secret) {
  const VariableLookup unset = [](std::string_view) { return std::nullopt; };
  EXPECT_EQ(secret_from_variable(unset, "A").error().code, Code::not_found);
  for (const std::string_view blank : {"", " ", "\t", "\n", " \r\n "}) {
    const VariableLookup lookup = [blank](std::string_view) { return std::optional(blank); };
    EXPECT_EQ(secret_from_variable(lookup, "A").error().code, Code::invalid_argument);
  }
  const VariableLookup good = [](std::string_view) { return std::optional<std::string_view>("s3cret"); };
  const auto secret = secret_from_variable(good, "A");
  ASSERT_TRUE(secret);
  EXPECT_EQ(secret->expose(), "s3cret");
}

class TokenFile : public testing::Test {
 protected:
  void write(const std::string& text) { files_.files[kPath] = text + "\n"; }
  [[nodiscard]] bool opens(std::string_view text) const {
    const auto presented = read_token(text);
    const GrantRef grant = presented ? house_.store.find(presented->digest) : nullptr;
    return grant != nullptr && grant->live_at(kStart);
  }

  MemoryFiles files_;
  House house_;
  std::string one_ = stranger(CredentialKind::access_token, house_.entropy);
  std::string two_ = stranger(CredentialKind::access_token, house_.entropy);
  AccessTokenFile follower_{files_, house_.store, kPath, person("owner")};
};

TEST_F(TokenFile, AT_07_a_rotated_token_counts_at_once_and_ends_the_old_one) {
  std::vector<std::uint64_t> ended;
  house_.store.subscribe([&](const Grant& grant, Removal) { ended.push_back(grant.digest.slot()); });
  write(one_);
  ASSERT_TRUE(follower_.refresh(kStart));
  EXPECT_TRUE(opens(one_));
  write(two_);
  ASSERT_TRUE(follower_.refresh(kStart));
  EXPECT_FALSE(opens(one_));
  EXPECT_TRUE(opens(two_));
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0], read_token(one_)->digest.slot());
}

TEST_F(TokenFile, AT_07_while_the_file_is_bad_nobody_is_let_in_and_nobody_is_cut) {
  std::size_t ended = 0;
  house_.store.subscribe([&](const Grant&, Removal) { ++ended; });
  write(one_);
  ASSERT_TRUE(follower_.refresh(kStart));
  const std::vector<std::function<void()>> damages{
      [&] { files_.files[kPath] = ""; }, [&] { files_.files[kPath] = "garbage"; },
      [&] { files_.unreadable.insert(kPath); }, [&] { files_.open_to_others.insert(kPath); }};
  for (const auto& damage : damages) {
    damage();
    EXPECT_FALSE(follower_.refresh(kStart));
    EXPECT_FALSE(opens(one_));
    EXPECT_FALSE(follower_.current());
    EXPECT_EQ(ended, 0U);
    files_.unreadable.clear();
    files_.open_to_others.clear();
    write(one_);
    EXPECT_TRUE(follower_.refresh(kStart));
    EXPECT_TRUE(opens(one_));
  }
}

TEST_F(TokenFile, BY_02_a_file_that_is_taken_away_ends_its_token_and_what_that_opened) {
  std::size_t ended = 0;
  house_.store.subscribe([&](const Grant&, Removal) { ++ended; });
  write(one_);
  ASSERT_TRUE(follower_.refresh(kStart));
  files_.files.erase(kPath);
  EXPECT_EQ(follower_.refresh(kStart).error().code, Code::not_found);
  EXPECT_FALSE(opens(one_));
  EXPECT_EQ(ended, 1U);
  EXPECT_FALSE(follower_.refresh(kStart));
  EXPECT_EQ(ended, 1U);
  write(one_);
  EXPECT_TRUE(follower_.refresh(kStart));
  EXPECT_TRUE(opens(one_));
}

TEST_F(TokenFile, AT_07_a_new_value_after_damage_cuts_what_the_old_one_opened) {
  std::vector<std::uint64_t> ended;
  house_.store.subscribe([&](const Grant& grant, Removal) { ended.push_back(grant.digest.slot()); });
  write(one_);
  ASSERT_TRUE(follower_.refresh(kStart));
  files_.files.erase(kPath);
  ASSERT_FALSE(follower_.refresh(kStart));
  write(two_);
  ASSERT_TRUE(follower_.refresh(kStart));
  EXPECT_FALSE(opens(one_));
  EXPECT_TRUE(opens(two_));
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0], read_token(one_)->digest.slot());
}

}  // namespace
}  // namespace sallyport
