// SPDX-License-Identifier: Apache-2.0
#include "sallyport/doctor/doctor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sallyport {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> ids(const std::vector<Finding>& found) {
  std::vector<std::string> names;
  for (const auto& one : found) {
    EXPECT_FALSE(one.evidence.empty());
    EXPECT_FALSE(one.remedy.empty());
    names.push_back(one.id);
  }
  return names;
}

Machine good_machine() {
  Machine machine;
  machine.environment = {"HOME", "PATH", "SALLYPORT_PASSWORD_FILE", "SESSION_TOKEN_LENGTH"};
  machine.core_pattern = "core";
  machine.descriptors_max = 65536;
  machine.memlock_bytes = 8 << 20;
  machine.landlock_abi = 4;
  machine.seccomp = true;
  machine.user_namespaces = true;
  machine.now = WallTime(std::chrono::seconds(1'800'000'000));
  return machine;
}

TEST(Doctor, SG_17_a_good_machine_has_no_finding) { EXPECT_THAT(examine_machine(good_machine()), IsEmpty()); }

TEST(Doctor, SG_17_each_planted_fault_of_a_machine_is_found_alone) {
  const auto with = [](auto break_it) {
    Machine machine = good_machine();
    break_it(machine);
    return ids(examine_machine(machine));
  };
  for (const char* name :
       {"DB_PASSWORD", "GITHUB_TOKEN", "SALLYPORT_TOKEN", "AWS_SECRET_ACCESS_KEY", "OPENAI_API_KEY"}) {
    EXPECT_THAT(with([name](Machine& m) { m.environment.emplace_back(name); }),
                ElementsAre("environment.secret"))
        << name;
  }
  EXPECT_THAT(with([](Machine& m) { m.core_limit_bytes = 1; }), ElementsAre("core.limit"));
  EXPECT_THAT(with([](Machine& m) {
                m.core_limit_bytes = UINT64_MAX;
                m.core_pattern = "|/usr/share/apport/apport";
              }),
              ElementsAre("core.pattern", "core.limit"));
  EXPECT_THAT(with([](Machine& m) { m.descriptors_max = 1023; }), ElementsAre("limit.descriptors"));
  EXPECT_THAT(with([](Machine& m) { m.memlock_bytes = 0; }), ElementsAre("limit.memlock"));
  EXPECT_THAT(with([](Machine& m) { m.landlock_abi = 0; }), ElementsAre("sandbox.landlock"));
  EXPECT_THAT(with([](Machine& m) { m.seccomp = false; }), ElementsAre("sandbox.seccomp"));
  EXPECT_THAT(with([](Machine& m) { m.user_namespaces = false; }), ElementsAre("sandbox.userns"));
  EXPECT_THAT(with([](Machine& m) { m.clock_synchronized = false; }), ElementsAre("clock.unsynchronized"));
  for (const auto now : {WallTime{}, WallTime::max()}) {
    EXPECT_THAT(with([now](Machine& m) { m.now = now; }), ElementsAre("clock.implausible"));
  }
}

TEST(Doctor, SG_17_a_weakened_setting_is_found_with_its_place) {
  SettingsInputs inputs;
  inputs.flags = {{"insecurely-no-auth", "true"}};
  const auto found = examine_settings(load_settings(inputs));
  EXPECT_THAT(ids(found), ElementsAre("setting.weakened"));
  EXPECT_EQ(found.front().severity, Finding::Severity::failure);
  inputs.flags = {{"listen", "nonsense"}};
  EXPECT_FALSE(examine_settings(load_settings(inputs)).empty());
  EXPECT_THAT(ids(examine_settings(load_settings(inputs))), testing::Each("config.problem"));
}

}  // namespace
}  // namespace sallyport
