// SPDX-License-Identifier: Apache-2.0
// Are cookies random when minted, screened when given, and never told?
#include "sallyport/credential/magic_cookie.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "sallyport/base/text.h"
#include "sallyport/env/posix/system.h"
#include "tests/unit/credential/support.h"

namespace sallyport {
namespace {

// openssl rand -hex 32, -base64 32; uuidgen; go-plugin's best known cookie value.
constexpr std::string_view kHex = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
constexpr std::string_view kBase64 = "kD3n0Xb7uQ2eYzT5vRm9sLwA1hJcGfPi8oNqBtKxEyM=";
constexpr std::string_view kUuid = "3f0b7a52-9c1e-4d86-b2a7-5e8d1c94f6a3";

CookieWeakness weakness(std::string_view text, CookieStrictness strictness = CookieStrictness::usual) {
  return judge_cookie(text, strictness).weakness;
}

VariableLookup one_variable(std::string_view wanted, std::string_view value) {
  return
      [wanted, value](std::string_view name) { return name == wanted ? std::optional(value) : std::nullopt; };
}

TEST(MagicCookie, MC_01_is_256_random_bits_by_default_in_url_safe_text) {
  CountingEntropy entropy;
  const auto one = MagicCookie::generate(entropy);
  const auto two = MagicCookie::generate(entropy);
  ASSERT_TRUE(one);
  EXPECT_EQ(one->text().size(), 43U);
  EXPECT_EQ(one->text().expose().find_first_not_of(
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
            std::string_view::npos);
  EXPECT_FALSE(one->matches(two->text().expose()));
}

TEST(MagicCookie, MC_01_length_in_bytes_up_to_1024) {
  CountingEntropy entropy;
  EXPECT_EQ(MagicCookie::generate(entropy, 64)->text().size(), 86U);
  EXPECT_EQ(MagicCookie::generate(entropy, 1024)->text().size(), 1366U);
  for (const std::size_t bad : {std::size_t{0}, std::size_t{15}, std::size_t{1025}, SIZE_MAX}) {
    const auto made = MagicCookie::generate(entropy, bad);
    ASSERT_FALSE(made);
    EXPECT_EQ(cookie_fault_of(made.error()), CookieFault::malformed);
  }
}

TEST(MagicCookie, MC_03_what_is_generated_passes_the_strict_check) {
  SystemEntropy entropy;
  for (int i = 0; i < 5000; ++i) {
    const auto cookie = MagicCookie::generate(entropy);
    const CookieJudgement judgement = judge_cookie(cookie->text().expose(), CookieStrictness::strict);
    ASSERT_EQ(judgement.weakness, CookieWeakness::none)
        << name_of(judgement.weakness) << ' ' << judgement.bits_estimated;
  }
  for (const std::size_t bytes : {64U, 512U, 1024U}) {
    const auto cookie = MagicCookie::generate(entropy, bytes);
    EXPECT_EQ(weakness(cookie->text().expose(), CookieStrictness::strict), CookieWeakness::none) << bytes;
  }
}

TEST(MagicCookie, MC_02_from_string_takes_what_other_tools_make) {
  for (const std::string_view text : {kHex, kBase64}) {
    const auto cookie = MagicCookie::from_string(text, CookieStrictness::strict);
    ASSERT_TRUE(cookie) << cookie.error().what;
    EXPECT_TRUE(cookie->matches(text));
    EXPECT_EQ(cookie->text().expose(), text);
  }
  EXPECT_TRUE(MagicCookie::from_string(kUuid));
  EXPECT_FALSE(MagicCookie::from_string(kUuid, CookieStrictness::strict)) << "128 bits are not 256";
}

TEST(MagicCookie, MC_03_weak_strings_are_refused_for_what_they_are) {
  struct Case {
    std::string text;
    CookieWeakness why;
  };
  const std::vector<Case> cases{
      {"", CookieWeakness::too_short},
      {"abc", CookieWeakness::too_short},
      {std::string(15, 'x'), CookieWeakness::too_short},
      {std::string(kCookieTextMax + 1, 'x'), CookieWeakness::too_long},
      {std::string(64, 'a'), CookieWeakness::repeated},
      {"abcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabc", CookieWeakness::repeated},
      {concat(kUuid, kUuid, kUuid), CookieWeakness::repeated},
      {"abcdefghijklmnopqrstuvwxyz", CookieWeakness::sequential},
      {"zyxwvutsrqponmlkjihgfedcba", CookieWeakness::sequential},
      {"0123456789abcdef", CookieWeakness::sequential},
      {"dev-magic-cookie-12345", CookieWeakness::dictionary},
      {"my-super-secret-plugin-password", CookieWeakness::dictionary},
      {"ChangeMeChangeMyPassword", CookieWeakness::dictionary},
      {"aabbaabababbbaabaabbbabaabab", CookieWeakness::low_entropy},
      {"31415926535897932384", CookieWeakness::low_entropy},
      {"with blank inside it now", CookieWeakness::forbidden_character},
      {"newline-at-the-end-of-it\n", CookieWeakness::forbidden_character},
      {std::string("nul-byte\0-in-the-middle", 23), CookieWeakness::forbidden_character},
      {"umlaut-\xc3\xa4-is-not-ascii-text", CookieWeakness::forbidden_character},
  };
  for (const Case& each : cases) {
    EXPECT_EQ(weakness(each.text), each.why) << escaped(each.text) << ": " << name_of(weakness(each.text));
    EXPECT_FALSE(MagicCookie::from_string(each.text));
  }
}

TEST(MagicCookie, MC_03_strict_wants_256_bits) {
  EXPECT_EQ(weakness(kHex.substr(0, 40)), CookieWeakness::none);
  EXPECT_EQ(weakness(kHex.substr(0, 40), CookieStrictness::strict), CookieWeakness::low_entropy);
  EXPECT_EQ(weakness(kHex, CookieStrictness::strict), CookieWeakness::none);
}

TEST(MagicCookie, MC_09_an_error_tells_the_reason_never_the_value) {
  for (const std::string_view text :
       {"my-super-secret-plugin-password", "hunter2", "aaaaaaaaaaaaaaaaaaaaaaaaaaa", "a b c d e f g h i"}) {
    const auto cookie = MagicCookie::from_string(text);
    ASSERT_FALSE(cookie);
    EXPECT_EQ(cookie.error().what.find(text), std::string::npos);
    EXPECT_EQ(cookie.error().what.find("hunter"), std::string::npos);
  }
}

TEST(MagicCookie, MC_02_from_env_and_its_typed_errors) {
  const auto good = MagicCookie::from_env(one_variable("PLUGIN_MAGIC_COOKIE", kHex));
  ASSERT_TRUE(good);
  EXPECT_TRUE(good->matches(kHex));
  EXPECT_TRUE(MagicCookie::from_env(one_variable("MINE", kHex), "MINE"));
  const auto unset = MagicCookie::from_env(one_variable("OTHER", kHex));
  ASSERT_FALSE(unset);
  EXPECT_EQ(cookie_fault_of(unset.error()), CookieFault::missing);
  EXPECT_NE(unset.error().what.find("PLUGIN_MAGIC_COOKIE"), std::string::npos);
  EXPECT_EQ(cookie_fault_of(MagicCookie::from_env(one_variable("PLUGIN_MAGIC_COOKIE", "")).error()),
            CookieFault::missing);
  EXPECT_EQ(cookie_fault_of(MagicCookie::from_env(one_variable("PLUGIN_MAGIC_COOKIE", "short")).error()),
            CookieFault::malformed);
}

TEST(MagicCookie, MC_02_from_config_generates_for_the_host_only) {
  CountingEntropy entropy;
  using Absence = MagicCookie::Absence;
  EXPECT_TRUE(MagicCookie::from_config(kHex, Absence::refuse, entropy)->matches(kHex));
  EXPECT_TRUE(MagicCookie::from_config(std::nullopt, Absence::generate_as_host, entropy));
  EXPECT_EQ(cookie_fault_of(MagicCookie::from_config(std::nullopt, Absence::refuse, entropy).error()),
            CookieFault::missing);
  EXPECT_EQ(cookie_fault_of(MagicCookie::from_config("", Absence::generate_as_host, entropy).error()),
            CookieFault::missing)
      << "an unset ${VAR} that became an empty string is no leave to generate";
}

TEST(MagicCookie, MC_07_each_plugin_has_a_variable_of_its_own) {
  EXPECT_EQ(*cookie_variable_for("data"), "PLUGIN_DATA_MAGIC_COOKIE");
  EXPECT_EQ(*cookie_variable_for("file-handler.v2"), "PLUGIN_FILE_HANDLER_V2_MAGIC_COOKIE");
  for (const std::string& bad :
       {std::string(), std::string("a b"), std::string("a=b"), std::string("ä"), std::string(65, 'a')}) {
    EXPECT_FALSE(cookie_variable_for(bad)) << bad;
  }
}

TEST(MagicCookie, MC_08_each_fault_has_a_name_message_hint_and_code_of_its_own) {
  std::vector<Code> codes;
  for (const CookieFault fault : {CookieFault::missing, CookieFault::malformed,
                                  CookieFault::authentication_failed, CookieFault::timed_out}) {
    const CookieAdvice& advice = advice_for(fault);
    EXPECT_FALSE(advice.name.empty());
    EXPECT_FALSE(advice.message.empty());
    EXPECT_FALSE(advice.hint.empty());
    EXPECT_EQ(std::ranges::count(codes, advice.code), 0);
    codes.push_back(advice.code);
    EXPECT_EQ(cookie_fault_of(cookie_error(fault, "detail")), fault);
    EXPECT_NE(cookie_error(fault, "detail").what.find("detail"), std::string::npos);
  }
  EXPECT_FALSE(cookie_fault_of(fail(Code::internal, "x")));
}

TEST(MagicCookie, AT_05_only_the_whole_exact_text_matches) {
  const auto cookie = MagicCookie::from_string(kHex);
  EXPECT_TRUE(cookie->matches(kHex));
  EXPECT_FALSE(cookie->matches(""));
  EXPECT_FALSE(cookie->matches(kHex.substr(1)));
  EXPECT_FALSE(cookie->matches(concat(kHex, "0")));
  EXPECT_FALSE(cookie->matches(concat(" ", kHex)));
  EXPECT_FALSE(cookie->matches("\xff\xfe\xfd"));
  EXPECT_FALSE(cookie->matches(std::string(1 << 20, 'a')));
}

TEST(CookieGuard, MC_04_admits_the_right_cookie_in_time_and_nothing_else) {
  const auto cookie = MagicCookie::from_string(kHex);
  const CookieGuard guard(*cookie, kStart);
  const auto fault = [&](std::optional<std::string_view> presented, MonotonicTime now = kStart) {
    const Status admitted = guard.admit(presented, now);
    return admitted ? std::nullopt : cookie_fault_of(admitted.error());
  };
  EXPECT_FALSE(fault(kHex));
  EXPECT_FALSE(fault(kHex, kStart + kCookieLife - Duration(1)));
  EXPECT_EQ(fault(kHex, kStart + kCookieLife), CookieFault::timed_out);
  EXPECT_EQ(fault(std::nullopt), CookieFault::missing);
  EXPECT_EQ(fault(""), CookieFault::missing);
  EXPECT_EQ(fault(kBase64), CookieFault::authentication_failed);
  EXPECT_EQ(fault(kBase64, kStart + kCookieLife), CookieFault::authentication_failed);
  EXPECT_EQ(fault(std::string(1 << 20, 'a')), CookieFault::authentication_failed);
}

TEST(CookieGuard, MC_04_a_life_that_never_ends_is_possible_and_overflows_nothing) {
  const auto cookie = MagicCookie::from_string(kHex);
  const CookieGuard guard(*cookie, kStart, Duration::max());
  EXPECT_TRUE(guard.admit(kHex, kStart + std::chrono::hours(100'000)));
}

}  // namespace
}  // namespace sallyport
