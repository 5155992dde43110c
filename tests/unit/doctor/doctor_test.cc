// SPDX-License-Identifier: Apache-2.0
#include "sallyport/doctor/doctor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sallyport/env/testing/fakes.h"

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

/// kServerPem is valid for 300 days from kIssued, and names localhost; made with openssl.
constexpr std::string_view kServerPem =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBiTCCAS+gAwIBAgIUapcVqev38aKz2DceetPA3kVQRX0wCgYIKoZIzj0EAwIw\n"
    "DzENMAsGA1UEAwwEdGVzdDAeFw0yNjExMjUyMTE2MTZaFw0yNzA5MjEyMTE2MTZa\n"
    "MA8xDTALBgNVBAMMBHRlc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASUSa5Y\n"
    "4/vWbF8PRqCytzJxXaJII50yTKgv2LLe2hG2RK119+Y33qaLJZ6T84pXtIX/6Krv\n"
    "DufiQd8gROGs4pINo2kwZzAdBgNVHQ4EFgQUWCC0LWCy5bp739Ev0+/mbmjM7kgw\n"
    "HwYDVR0jBBgwFoAUWCC0LWCy5bp739Ev0+/mbmjM7kgwDwYDVR0TAQH/BAUwAwEB\n"
    "/zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZIzj0EAwIDSAAwRQIgVY5jJgH7\n"
    "4ugviJIeYCnYhxQcSxEP3RL0ap9GGMvc+48CIQCD4TvhcUjZXZMX3jrHVL7rn2nM\n"
    "iLWZ96kxkZdrurIAxw==\n"
    "-----END CERTIFICATE-----\n";
constexpr WallTime kIssued{std::chrono::seconds(1'795'641'376)};

class DoctorCertificates : public testing::Test {
 protected:
  DoctorCertificates() {
    files_.files["/tls/server.crt"] = std::string(kServerPem);
    files_.files["/tls/server.key"] = "a key";
    settings_.tls_cert = "/tls/server.crt";
  }
  std::vector<std::string> ids_after(Duration since_issue) {
    return ids(examine_certificates("/nowhere", settings_, files_, kIssued + since_issue));
  }
  MemoryFiles files_;
  Settings settings_;
};

TEST_F(DoctorCertificates, SG_17_each_time_that_nobody_will_accept_is_found_alone) {
  using Days = std::chrono::days;
  EXPECT_THAT(ids_after(Days(1)), IsEmpty());
  EXPECT_THAT(ids_after(Days(269)), IsEmpty());
  EXPECT_THAT(ids_after(-Days(1)), ElementsAre("certificate.not-yet-valid"));
  EXPECT_THAT(ids_after(Days(271)), ElementsAre("certificate.expires-soon"));
  EXPECT_THAT(ids_after(Days(299)), ElementsAre("certificate.expires-soon"));
  EXPECT_THAT(ids_after(Days(301)), ElementsAre("certificate.expired"));
  files_.files.erase("/tls/server.crt");
  EXPECT_THAT(ids_after(Days(1)), ElementsAre("certificate.unreadable"));
}

TEST_F(DoctorCertificates, SG_17_a_key_that_is_missing_or_open_is_found) {
  settings_.tls_key = "/tls/server.key";
  EXPECT_THAT(ids_after(std::chrono::days(1)), IsEmpty());
  files_.unreadable.insert("/tls/server.key");
  EXPECT_THAT(ids_after(std::chrono::days(1)), ElementsAre("certificate.key"));
  files_.unreadable.clear();
  files_.files.erase("/tls/server.key");
  EXPECT_THAT(ids_after(std::chrono::days(1)), ElementsAre("certificate.key"));
}

TEST(Doctor, SG_17_a_state_directory_that_cannot_be_looked_at_is_a_finding_and_a_missing_one_is_none) {
  const auto found = examine_state("/proc/self/status/state", good_machine());
  EXPECT_THAT(ids(found), ElementsAre("state.unreadable"));
  EXPECT_EQ(found.front().severity, Finding::Severity::failure);
  EXPECT_THAT(examine_state("/nonexistent/state", good_machine()), IsEmpty());
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
