// SPDX-License-Identifier: Apache-2.0
// Helper programs: are they asked for secrets only where nobody else can put another one in their place?
#include "sallyport/secrets/helper_program.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "sallyport/base/text.h"
#include "sallyport/env/testing/fakes.h"

namespace sallyport {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

class HelperProgramTest : public testing::Test {
 protected:
  HelperProgramTest() {
    std::string pattern = (fs::temp_directory_path() / "sp-helper-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    fs::create_directory(folder_ / "bin");
    ::chmod((folder_ / "bin").c_str(), 0755);
    program_ = write(folder_ / "bin" / "helper", "#!/bin/sh\nprintf '%s' \"secret${1}\"\n");
  }
  ~HelperProgramTest() override { fs::remove_all(folder_); }

  static fs::path write(const fs::path& path, std::string_view text) {
    std::ofstream(path) << text;
    ::chmod(path.c_str(), 0700);
    return path;
  }
  Result<SecretText> ask(const std::string& line) {
    return read_from_program(line, environment_, clock_, clock_.now() + seconds(30));
  }
  void expect_refused(const std::string& line, const fs::path& because_of) {
    const auto answer = ask(line);
    ASSERT_FALSE(answer) << line;
    EXPECT_EQ(answer.error().code, Code::permission_denied);
    EXPECT_NE(answer.error().what.find(concat("others may change ", because_of.string(), ",")),
              std::string::npos)
        << answer.error().what;
    EXPECT_NE(answer.error().what.find("chmod go-w"), std::string::npos);
  }

  FixedEnvironment environment_{{{"PATH", "/usr/bin:/bin"}, {"SECRET_OF_OURS", "x"}}};
  ManualMonotonicClock clock_;
  fs::path folder_;
  fs::path program_;
};

TEST_F(HelperProgramTest, SG_15_prints_the_secret_and_takes_words) {
  const auto plain = ask(program_.string());
  ASSERT_TRUE(plain) << plain.error().what;
  EXPECT_EQ(plain->expose(), "secret");
  EXPECT_EQ(ask(concat(program_.string(), "  a;b "))->expose(), "secreta;b") << "no shell";
  write(folder_ / "bin" / "env", "#!/bin/sh\nprintf '%s' \"none${SECRET_OF_OURS}\"\n");
  EXPECT_EQ(ask((folder_ / "bin" / "env").string())->expose(), "none");
}

TEST_F(HelperProgramTest, SG_15_a_program_or_folder_that_others_may_change_is_not_asked) {
  for (const ::mode_t mode : {0720U, 0702U, 0777U}) {
    ::chmod(program_.c_str(), mode);
    expect_refused(program_.string(), program_);
  }
  ::chmod(program_.c_str(), 0700);
  for (const ::mode_t mode : {0775U, 0757U, 0777U}) {
    ::chmod((folder_ / "bin").c_str(), mode);
    expect_refused(program_.string(), folder_ / "bin");
  }
  ::chmod((folder_ / "bin").c_str(), 0755);
  ::chmod(folder_.c_str(), 0777);
  expect_refused(program_.string(), folder_);
  ::chmod(folder_.c_str(), 01777);
  EXPECT_TRUE(ask(program_.string())) << "in a sticky folder others cannot replace what is ours";
}

TEST_F(HelperProgramTest, SG_15_each_folder_that_a_link_leads_through_is_judged) {
  fs::create_directory(folder_ / "open");
  fs::create_directory(folder_ / "kept");
  ::chmod((folder_ / "kept").c_str(), 0755);
  fs::create_symlink(program_, folder_ / "kept" / "link");
  EXPECT_TRUE(ask((folder_ / "kept" / "link").string()));
  fs::create_symlink("../bin/helper", folder_ / "kept" / "relative");
  EXPECT_TRUE(ask((folder_ / "kept" / "relative").string()));
  fs::create_symlink(program_, folder_ / "open" / "link");
  fs::create_symlink(folder_ / "open" / "link", folder_ / "kept" / "through");
  ::chmod((folder_ / "open").c_str(), 0777);
  expect_refused((folder_ / "open" / "link").string(), folder_ / "open");
  expect_refused((folder_ / "kept" / "through").string(), folder_ / "open");
  expect_refused(concat((folder_ / "open").string(), "/../bin/helper"), folder_ / "open");
  fs::create_symlink("loop", folder_ / "kept" / "loop");
  EXPECT_EQ(ask((folder_ / "kept" / "loop").string()).error().code, Code::permission_denied);
}

TEST_F(HelperProgramTest, SG_15_what_belongs_to_somebody_else_is_not_asked) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  ASSERT_EQ(::chown(program_.c_str(), 65534, 65534), 0);
  expect_refused(program_.string(), program_);
  ASSERT_EQ(::chown(program_.c_str(), 0, 0), 0);
  ASSERT_EQ(::chown((folder_ / "bin").c_str(), 65534, 65534), 0);
  expect_refused(program_.string(), folder_ / "bin");
}

TEST_F(HelperProgramTest, SG_15_failures_say_what_happened_and_hold_no_output) {
  EXPECT_EQ(ask("helper").error().code, Code::not_found);
  EXPECT_EQ(ask("").error().code, Code::not_found);
  EXPECT_EQ(ask((folder_ / "missing").string()).error().code, Code::not_found);
  EXPECT_EQ(ask((folder_ / "bin").string()).error().code, Code::permission_denied);
  const auto failing = write(folder_ / "bin" / "failing", "#!/bin/sh\necho hidden\nexit 7\n");
  const auto failed = ask(failing.string());
  EXPECT_EQ(failed.error().code, Code::unavailable);
  EXPECT_NE(failed.error().what.find("status 7"), std::string::npos);
  EXPECT_EQ(failed.error().what.find("hidden"), std::string::npos);
  const auto chatty = write(folder_ / "bin" / "chatty", "#!/bin/sh\nhead -c 70000 /dev/zero\n");
  EXPECT_EQ(ask(chatty.string()).error().code, Code::exhausted);
  EXPECT_EQ(read_from_program(program_.string(), environment_, clock_, clock_.now()).error().code,
            Code::deadline_exceeded);
}

}  // namespace
}  // namespace sallyport
