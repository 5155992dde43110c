// SPDX-License-Identifier: Apache-2.0
#include "sallyport/launch/handover.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "sallyport/env/posix/system.h"
#include "sallyport/env/testing/fakes.h"

namespace sallyport {
namespace {

using testing::HasSubstr;

const SessionId kSession("demo");

mode_t mode_of(const std::string& path) {
  struct stat facts {};
  return ::stat(path.c_str(), &facts) == 0 ? facts.st_mode & 07777U : 0;
}

class RunDirectoryOnDisk : public testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(::mkdtemp(state_.data()), nullptr); }
  void TearDown() override {
    ::rmdir((state_ + "/run").c_str());
    EXPECT_EQ(::rmdir(state_.c_str()), 0);  // nothing stays behind
  }
  std::string state_ = "/tmp/sallyport-run-XXXXXX";
  SystemFiles files_;
};

TEST_F(RunDirectoryOnDisk, BY_01_token_file_is_private_from_its_first_byte) {
  auto made = RunDirectory::make(files_, state_, kSession);
  ASSERT_TRUE(made);
  ASSERT_TRUE(made->write_token(SecretText("first")));
  EXPECT_EQ(mode_of(made->path()), 0700U);
  EXPECT_EQ(mode_of(made->token_file()), 0600U);
  const auto token = files_.read_secret(made->token_file(), FilePrivacy::owner_only);
  ASSERT_TRUE(token);
  EXPECT_TRUE(token->matches(SecretText("first")));  // no newline: tools compare the file as it is
}

TEST_F(RunDirectoryOnDisk, SA_07_rotation_replaces_the_file_in_one_step) {
  auto made = RunDirectory::make(files_, state_, kSession);
  ASSERT_TRUE(made);
  ASSERT_TRUE(made->write_token(SecretText("first")));
  const Descriptor before(::open(made->token_file().c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(made->write_token(SecretText("second")));
  char old[16];
  EXPECT_EQ(std::string_view(old, static_cast<std::size_t>(::read(before.get(), old, sizeof old))), "first");
  EXPECT_TRUE(files_.read_secret(made->token_file(), FilePrivacy::owner_only)->matches(SecretText("second")));
}

TEST_F(RunDirectoryOnDisk, refuses_a_directory_that_others_can_enter) {
  ASSERT_EQ(::mkdir((state_ + "/run").c_str(), 0755), 0);
  ::chmod((state_ + "/run").c_str(), 0777);
  const auto made = RunDirectory::make(files_, state_, kSession);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::permission_denied);
}

TEST(RunDirectory, full_disk_is_an_error) {
  MemoryFiles files;
  auto made = RunDirectory::make(files, "/state", kSession);
  ASSERT_TRUE(made);
  files.disk = MemoryFiles::Disk::full;
  EXPECT_EQ(made->write_token(SecretText("x")).error().code, Code::exhausted);
}

TEST(RunDirectory, path_of_the_socket_has_a_limit) {
  MemoryFiles files;
  const auto made = RunDirectory::make(files, "/" + std::string(100, 'x'), kSession);
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().what, HasSubstr("--state-dir"));
}

TEST(SealedMemory, cannot_be_changed_by_its_holder) {
  const auto made = sealed_memory("content");
  ASSERT_TRUE(made);
  EXPECT_EQ(::pwrite(made->get(), "x", 1, 0), -1);
  EXPECT_EQ(::ftruncate(made->get(), 0), -1);
  EXPECT_EQ(::ftruncate(made->get(), 100), -1);
  char text[16];
  EXPECT_EQ(::read(made->get(), text, sizeof text), 7);
}

}  // namespace
}  // namespace sallyport
