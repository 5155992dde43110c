// SPDX-License-Identifier: Apache-2.0
#include "sallyport/launch/image.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "sallyport/crypto/digest.h"
#include "tests/unit/launch/started.h"

namespace sallyport {
namespace {

using testing::HasSubstr;
using testing_launch::Started;

class Image : public testing::Test {
 protected:
  Image() {
    std::string name = ::testing::TempDir() + "sallyport-image-XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  ~Image() override { std::filesystem::remove_all(folder_); }
  std::string script(std::string_view text) {
    auto path = folder_ + "/tool";
    std::ofstream(path) << text;
    ::chmod(path.c_str(), 0755);
    return path;
  }
  std::string folder_;
};

TEST_F(Image, BY_15_what_was_checked_is_what_runs) {
  const auto path = script("#!/bin/sh\necho checked\n");
  const auto image = ProgramImage::pinned(path, "", sha256("#!/bin/sh\necho checked\n"));
  ASSERT_TRUE(image.has_value()) << image.error().what;
  EXPECT_EQ(image->kind(), ProgramImage::Kind::script);
  script("#!/bin/sh\necho swapped\n");  // into the same file, after the check
  Started tool({path});
  tool.plan().image = &*image;
  ASSERT_TRUE(tool.start());
  ASSERT_TRUE(tool.wait_gone());
  EXPECT_EQ(tool.output, "checked\n");
}

TEST_F(Image, BY_15_a_binary_runs_from_its_copy) {
  std::ifstream child(CHILD_PATH, std::ios::binary);
  const std::string content((std::istreambuf_iterator<char>(child)), {});
  const auto image = ProgramImage::pinned(CHILD_PATH, "", sha256(content));
  ASSERT_TRUE(image.has_value()) << image.error().what;
  EXPECT_EQ(image->kind(), ProgramImage::Kind::binary);
  Started tool({"/nowhere/name-for-ps", "show"});
  tool.plan().image = &*image;
  ASSERT_TRUE(tool.start());
  ASSERT_TRUE(tool.wait_gone());
  // No descriptor of the copy is left in the tool.
  EXPECT_THAT(tool.output, HasSubstr("fd 2\ncore 0\n"));
}

TEST_F(Image, BY_15_refuses_another_sum_and_what_is_no_program) {
  const auto path = script("#!/bin/sh\n");
  const auto other = ProgramImage::pinned(path, "", sha256("something else"));
  ASSERT_FALSE(other.has_value());
  EXPECT_EQ(other.error().code, Code::permission_denied);
  EXPECT_THAT(other.error().what, HasSubstr(to_hex(sha256("#!/bin/sh\n").bytes)));
  EXPECT_EQ(ProgramImage::pinned(folder_ + "/absent", "", {}).error().code, Code::not_found);
  EXPECT_EQ(ProgramImage::pinned(folder_, "", {}).error().code, Code::permission_denied);
  EXPECT_EQ(ProgramImage::pinned(script(""), "", {}).error().code, Code::invalid_argument);
}

}  // namespace
}  // namespace sallyport
