// SPDX-License-Identifier: Apache-2.0
// The real Files on a temporary directory: modes from the first byte, no symlink followed, nothing half
// written.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <thread>
#include <vector>

#include "sallyport/env/posix/system.h"

namespace sallyport {
namespace {

class FilesTest : public ::testing::Test {
 protected:
  FilesTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sallyport-files-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~FilesTest() override { std::filesystem::remove_all(directory_); }
  [[nodiscard]] std::string at(const std::string& name) const { return directory_ + "/" + name; }
  [[nodiscard]] static unsigned mode_of(const std::string& path) {
    struct stat info {};
    return ::lstat(path.c_str(), &info) == 0 ? info.st_mode & 07777U : 0U;
  }
  std::string directory_;
  SystemFiles files_;
};

TEST_F(FilesTest, AT_08_a_new_file_is_private_whatever_the_umask) {
  const auto before = ::umask(0);
  EXPECT_TRUE(files_.create_private(at("key"), "secret"));
  EXPECT_TRUE(files_.replace_private(at("other"), "secret"));
  ::umask(before);
  EXPECT_EQ(mode_of(at("key")), 0600U);
  EXPECT_EQ(mode_of(at("other")), 0600U);
}

TEST_F(FilesTest, create_never_replaces_and_two_creators_end_with_one_winner) {
  std::vector<std::thread> racers;
  std::atomic<int> winners = 0;
  for (int i = 0; i < 8; ++i) {
    racers.emplace_back([&, i] {
      if (files_.create_private(at("token"), std::string(10, static_cast<char>('a' + i)))) ++winners;
    });
  }
  for (auto& racer : racers) racer.join();
  EXPECT_EQ(winners, 1);
  EXPECT_EQ(files_.create_private(at("token"), "x").error().code, Code::already_exists);
}

TEST_F(FilesTest, AT_08_a_symlink_is_not_followed) {
  ASSERT_TRUE(files_.create_private(at("real"), "secret"));
  ASSERT_EQ(::symlink(at("real").c_str(), at("link").c_str()), 0);
  EXPECT_EQ(files_.read_secret(at("link"), FilePrivacy::owner_only).error().code, Code::permission_denied);
  EXPECT_EQ(files_.create_private(at("link"), "x").error().code, Code::already_exists);
  ASSERT_TRUE(files_.replace_private(at("link"), "new"));
  EXPECT_EQ(*files_.read_text(at("real"), FilePrivacy::any), "secret")
      << "the link was replaced, not followed";
}

TEST_F(FilesTest, AT_07_a_file_open_to_others_is_refused_with_the_remedy) {
  ASSERT_TRUE(files_.create_private(at("password"), "secret"));
  ::chmod(at("password").c_str(), 0644);
  const auto read = files_.read_secret(at("password"), FilePrivacy::owner_only);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::permission_denied);
  EXPECT_NE(read.error().what.find("chmod 600"), std::string::npos);
  EXPECT_EQ(read.error().what.find("secret"), std::string::npos);
}

TEST_F(FilesTest, refuses_what_is_no_small_regular_file) {
  EXPECT_EQ(files_.read_text(at("absent"), FilePrivacy::any).error().code, Code::not_found);
  EXPECT_EQ(files_.read_text(directory_, FilePrivacy::any).error().code, Code::permission_denied);
  ASSERT_EQ(::mkfifo(at("pipe").c_str(), 0600), 0);
  EXPECT_EQ(files_.read_text(at("pipe"), FilePrivacy::any).error().code, Code::permission_denied)
      << "and it does not hang";
  ASSERT_TRUE(files_.create_private(at("large"), std::string(kSmallFileBytesMax + 1, 'x')));
  EXPECT_EQ(files_.read_text(at("large"), FilePrivacy::any).error().code, Code::exhausted);
}

TEST_F(FilesTest, SG_06_a_private_directory_is_made_or_judged) {
  EXPECT_TRUE(files_.ensure_private_directory(at("a/b/c")));
  EXPECT_EQ(mode_of(at("a/b/c")), 0700U);
  ::chmod(at("a/b/c").c_str(), 0755);
  EXPECT_EQ(files_.ensure_private_directory(at("a/b/c")).error().code, Code::permission_denied);
  ASSERT_EQ(::symlink(at("a").c_str(), at("link").c_str()), 0);
  EXPECT_FALSE(files_.ensure_private_directory(at("link")));
}

TEST_F(FilesTest, AT_08_a_write_that_fails_half_way_leaves_no_file_and_keeps_the_old_one) {
  ASSERT_TRUE(files_.create_private(at("kept"), "old"));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  ::signal(SIGXFSZ, SIG_IGN);
  const rlimit four_bytes{4, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &four_bytes), 0);
  const auto created = files_.create_private(at("new"), "more than four bytes");
  const auto replaced = files_.replace_private(at("kept"), "more than four bytes");
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(created.error().code, Code::exhausted);
  EXPECT_EQ(replaced.error().code, Code::exhausted);
  EXPECT_EQ(*files_.read_text(at("kept"), FilePrivacy::any), "old");
  int left = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory_)) left += entry.exists() ? 1 : 0;
  EXPECT_EQ(left, 1) << "only the kept file";
}

}  // namespace
}  // namespace sallyport
