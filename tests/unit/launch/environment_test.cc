// SPDX-License-Identifier: Apache-2.0
#include "sallyport/launch/environment.h"

#include <gtest/gtest.h>

namespace sallyport {
namespace {

const std::vector<std::string> kParent = {"PATH=/bin",
                                          "HOME=/home/a",
                                          "LANG=C",
                                          "LC_ALL=C.UTF-8",
                                          "SALLYPORT_TOKEN=secret",
                                          "AWS_SECRET=x",
                                          "SSH_AUTH_SOCK=/run",
                                          "XDG_RUNTIME_DIR=/",
                                          "LD_PRELOAD=/x",
                                          "=odd",
                                          "noequals",
                                          "CUSTOM=1=2",
                                          "CREDENTIALS_DIRECTORY=/run/c"};

std::string value_of(const ChildEnvironment& environment, std::string_view name) {
  const auto* found = environment.find(name);
  return found == nullptr ? "(none)" : std::string(found->expose());
}

TEST(ChildEnvironment, is_built_from_the_allow_list) {
  const auto made = ChildEnvironment::inherited(kParent);
  EXPECT_EQ(made.size(), 4U);
  EXPECT_EQ(value_of(made, "PATH"), "/bin");
  EXPECT_EQ(value_of(made, "LC_ALL"), "C.UTF-8");
  for (const auto* name :
       {"SALLYPORT_TOKEN", "AWS_SECRET", "SSH_AUTH_SOCK", "XDG_RUNTIME_DIR", "LD_PRELOAD"}) {
    EXPECT_EQ(made.find(name), nullptr) << name;
  }
}

TEST(ChildEnvironment, passes_and_sets_by_name) {
  auto made = ChildEnvironment::inherited(kParent);
  EXPECT_TRUE(made.pass("CUSTOM", kParent));
  EXPECT_TRUE(made.pass("NOT_SET_THERE", kParent));
  EXPECT_TRUE(made.set_by_user("PATH", SecretText("/opt")));
  EXPECT_EQ(value_of(made, "CUSTOM"), "1=2");
  EXPECT_EQ(value_of(made, "NOT_SET_THERE"), "(none)");
  EXPECT_EQ(value_of(made, "PATH"), "/opt");
}

TEST(ChildEnvironment, BY_01_our_own_secrets_are_never_passed_on) {
  auto made = ChildEnvironment::inherited(kParent);
  for (const auto* name : {"SALLYPORT_TOKEN", "CREDENTIALS_DIRECTORY", "SESSION_ID", "A-B", ""}) {
    EXPECT_FALSE(made.pass(name, kParent)) << name;
    EXPECT_FALSE(made.set_by_user(name, SecretText("x"))) << name;
  }
  EXPECT_EQ(made.size(), 4U);
}

TEST(ChildEnvironment, has_a_limit) {
  ChildEnvironment made;
  for (std::size_t i = 0; i < kEnvironmentVariablesMax; ++i) {
    ASSERT_TRUE(made.set_by_user("V" + std::to_string(i), SecretText("x")));
  }
  EXPECT_EQ(made.set_by_user("ONE_MORE", SecretText("x")).error().code, Code::exhausted);
  EXPECT_TRUE(made.set_by_user("V0", SecretText("y")));
}

}  // namespace
}  // namespace sallyport
