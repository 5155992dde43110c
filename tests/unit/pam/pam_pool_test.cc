// SPDX-License-Identifier: Apache-2.0
// PAM with real modules and no privileges: pam_matrix keeps its own little password file.
#include "sallyport/pam/pam_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "sallyport/base/text.h"
#include "sallyport/env/posix/system.h"

namespace sallyport {
namespace {

constexpr std::string_view kModules = "/usr/lib/x86_64-linux-gnu/pam_wrapper/";

class PamPoolTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(concat(kModules, "pam_matrix.so")))
      GTEST_SKIP() << "SKIPPED: libpam-wrapper is not installed, so PAM is not tested";
    char pattern[] = "/tmp/sallyport-pam-XXXXXX";
    directory_ = ::mkdtemp(pattern);
    std::ofstream(directory_ + "/passdb")
        << "alice:sesame:sallyport\nbob:open:sallyport\nroot:toor:sallyport\n";
    service("sallyport", "auth required", "account required");
    std::ofstream(directory_ + "/other") << "auth required pam_deny.so\naccount required pam_deny.so\n";
  }
  void TearDown() override {
    if (!directory_.empty()) std::filesystem::remove_all(directory_);
  }
  void service(std::string_view name, std::string_view auth, std::string_view account) const {
    const std::string matrix = concat(" ", kModules, "pam_matrix.so passdb=", directory_, "/passdb\n");
    std::ofstream(concat(directory_, "/", name)) << auth << matrix << account << matrix;
  }
  void custom(std::string_view name, std::string_view text) const {
    std::ofstream(concat(directory_, "/", name)) << text;
  }
  [[nodiscard]] PamOptions options() const {
    PamOptions wanted;
    wanted.config_directory = directory_;
    wanted.helper = PAM_HELPER_PATH;
    wanted.users = {"alice"};
    return wanted;
  }
  PamAnswer ask(const PamOptions& wanted, std::string_view name, std::string_view password) const {
    PamPool pool(clock_, wanted);
    return pool.check(name, SecretText(password));
  }
  SystemMonotonicClock clock_;
  std::string directory_;
};

TEST_F(PamPoolTest, AT_02_AdmitsWhoIsListedWithTheRightPassword) {
  EXPECT_EQ(ask(options(), "alice", "sesame"), PamAnswer::admitted);
}

TEST_F(PamPoolTest, AT_02_RefusesWrongPasswordsAndUnknownNamesAlike) {
  EXPECT_EQ(ask(options(), "alice", "wrong"), PamAnswer::refused);
  EXPECT_EQ(ask(options(), "nobody-at-all", "sesame"), PamAnswer::not_listed);
  EXPECT_EQ(ask(options(), "alice", ""), PamAnswer::refused);
  EXPECT_EQ(ask(options(), "", "sesame"), PamAnswer::refused);
}

TEST_F(PamPoolTest, AT_02_ARightPasswordOfSomebodyElseIsNotEnough) {
  EXPECT_EQ(ask(options(), "bob", "open"), PamAnswer::not_listed);
}

TEST_F(PamPoolTest, AT_02_RootComesByNameOnlyNeverByGroup) {
  PamOptions by_group = options();
  by_group.users.clear();
  by_group.group = "root";
  EXPECT_EQ(ask(by_group, "root", "toor"), PamAnswer::not_listed);
  PamOptions by_name = options();
  by_name.users = {"root"};
  EXPECT_EQ(ask(by_name, "root", "toor"), PamAnswer::admitted);
}

TEST_F(PamPoolTest, AT_02_NamesThatMeanSomethingElsewhereAreNotEvenAsked) {
  for (const std::string_view name : {"-alice", "../alice", "alice\n", "a:b", "alice ", ".", "alice\\0"})
    EXPECT_EQ(ask(options(), name, "sesame"), PamAnswer::refused) << name;
  EXPECT_EQ(ask(options(), std::string(kPamNameBytesMax + 1, 'a'), "sesame"), PamAnswer::refused);
  EXPECT_EQ(ask(options(), "alice", std::string(kPamPasswordBytesMax + 1, 'a')), PamAnswer::refused);
  EXPECT_EQ(ask(options(), "alice", std::string_view("sesame\0x", 8)), PamAnswer::refused);
}

TEST_F(PamPoolTest, AT_02_TheAccountPhaseCounts) {
  const std::string matrix = concat(kModules, "pam_matrix.so passdb=", directory_, "/passdb\n");
  custom("expired", concat("auth required ", matrix, "account required pam_deny.so\n"));
  PamOptions wanted = options();
  wanted.service = "expired";
  EXPECT_EQ(ask(wanted, "alice", "sesame"), PamAnswer::account_refused);
  EXPECT_EQ(ask(wanted, "alice", "wrong"), PamAnswer::refused);
}

TEST_F(PamPoolTest, AT_02_AServiceThatIsBrokenDecidesNothing) {
  custom("broken", "auth required /nonexistent/pam_module.so\naccount required pam_permit.so\n");
  PamOptions wanted = options();
  wanted.service = "broken";
  EXPECT_NE(ask(wanted, "alice", "sesame"), PamAnswer::admitted);
}

TEST_F(PamPoolTest, AT_02_AHelperThatDiesOrDoesNotExistIsUnavailable) {
  PamOptions wanted = options();
  wanted.helper = "/bin/false";
  EXPECT_EQ(ask(wanted, "alice", "sesame"), PamAnswer::unavailable);
  wanted.helper = "/nonexistent/sallyport";
  EXPECT_EQ(ask(wanted, "alice", "sesame"), PamAnswer::unavailable);
}

TEST_F(PamPoolTest, AT_02_AHelperThatIsLateIsEnded) {
  PamOptions wanted = options();
  wanted.helper = "/usr/bin/yes";  // never reads its socket, never answers
  wanted.patience = std::chrono::milliseconds(50);
  EXPECT_EQ(ask(wanted, "alice", "sesame"), PamAnswer::unavailable);
}

TEST_F(PamPoolTest, AT_02_ManyAtOnceShareFewHelpersAndEachGetsHisOwnAnswer) {
  PamOptions wanted = options();
  wanted.helpers_max = 2;
  PamPool pool(clock_, wanted);
  std::vector<std::thread> people;
  std::atomic<int> right{0};
  for (int i = 0; i < 8; ++i) {
    people.emplace_back([&, i] {
      for (int k = 0; k < 5; ++k) {
        const bool good = (i + k) % 2 == 0;
        const auto answer = pool.check("alice", SecretText(good ? "sesame" : "wrong"));
        if (answer == (good ? PamAnswer::admitted : PamAnswer::refused)) ++right;
      }
    });
  }
  for (auto& person : people) person.join();
  EXPECT_EQ(right, 40);
}

TEST_F(PamPoolTest, AT_02_HelpersAreRenewedWithoutALostAttempt) {
  PamPool pool(clock_, options());
  int admitted = 0;
  for (int i = 0; i < kPamAttemptsPerHelper + 5; ++i)
    admitted += pool.check("alice", SecretText("sesame")) == PamAnswer::admitted ? 1 : 0;
  EXPECT_EQ(admitted, kPamAttemptsPerHelper + 5);
}

TEST_F(PamPoolTest, AT_02_OptionsThatLetNobodyInSayWhatToWrite) {
  PamOptions wanted = options();
  wanted.users.clear();
  auto judged = judge_pam_options(wanted);
  ASSERT_FALSE(judged);
  EXPECT_THAT(judged.error().what, testing::HasSubstr("--pam-user"));
  wanted = options();
  wanted.service = "absent";
  judged = judge_pam_options(wanted);
  ASSERT_FALSE(judged);
  EXPECT_THAT(judged.error().what, testing::HasSubstr("--pam-service"));
  wanted.service = "../sallyport";
  EXPECT_FALSE(judge_pam_options(wanted));
  EXPECT_TRUE(judge_pam_options(options()));
}

}  // namespace
}  // namespace sallyport
