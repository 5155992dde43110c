// SPDX-License-Identifier: Apache-2.0
// Does a session's token open that session only, for its time only, and does rotation end what it should?
#include "sallyport/credential/session_tokens.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/unit/credential/support.h"

namespace sallyport {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

const SessionId kOne("one");
const SessionId kTwo("two");

class SessionToken : public testing::Test {
 protected:
  std::string create(const SessionId& session = kOne) {
    auto minted = tokens_.create(session, person("alice"), kStart);
    EXPECT_TRUE(minted);
    return std::string(minted->text.expose());
  }
  Denial denial(std::string_view text, const SessionId& session = kOne, MonotonicTime now = kStart) {
    return tokens_.validate(text, session, now).denial();
  }

  House house_;
  SessionTokens tokens_{house_.store, house_.entropy, TokenPolicy{}};
};

TEST_F(SessionToken, SA_02_opens_its_session_only) {
  const std::string token = create();
  EXPECT_TRUE(tokens_.validate(token, kOne, kStart));
  EXPECT_EQ(denial(token, kTwo), Denial::wrong_session);
  EXPECT_EQ(denial(token, SessionId()), Denial::wrong_session);
}

TEST_F(SessionToken, SA_02_unknown_empty_malformed_and_other_kinds_are_refused) {
  create();
  EXPECT_EQ(denial(""), Denial::malformed_credential);
  EXPECT_EQ(denial("Bearer x"), Denial::malformed_credential);
  EXPECT_EQ(denial(stranger(CredentialKind::session_token, house_.entropy)), Denial::unknown_credential);
  EXPECT_EQ(denial(stranger(CredentialKind::ticket, house_.entropy)), Denial::wrong_kind);
}

TEST_F(SessionToken, SA_02_expires_after_24_hours_to_the_nanosecond) {
  const std::string token = create();
  EXPECT_TRUE(tokens_.validate(token, kOne, kStart + hours(24) - Duration(1)));
  EXPECT_EQ(denial(token, kOne, kStart + hours(24)), Denial::expired)
      << "at the moment of use, sweep or no sweep";
}

TEST_F(SessionToken, SA_02_one_token_per_session) {
  create();
  const auto again = tokens_.create(kOne, person("alice"), kStart);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::already_exists);
  EXPECT_EQ(tokens_.create(SessionId(), person("alice"), kStart).error().code, Code::invalid_argument);
  EXPECT_EQ(tokens_.create(kTwo, nullptr, kStart).error().code, Code::invalid_argument);
}

TEST_F(SessionToken, SA_07_rotation_ends_the_old_token_at_once) {
  const std::string old = create();
  const auto fresh = tokens_.rotate(kOne, Duration::zero(), kStart + minutes(1));
  ASSERT_TRUE(fresh);
  EXPECT_EQ(denial(old, kOne, kStart + minutes(1)), Denial::unknown_credential);
  EXPECT_TRUE(tokens_.validate(fresh->text.expose(), kOne, kStart + minutes(1)));
}

TEST_F(SessionToken, SA_07_with_grace_both_open_until_it_ends) {
  const std::string old = create();
  const auto fresh = tokens_.rotate(kOne, seconds(60), kStart);
  ASSERT_TRUE(fresh);
  EXPECT_TRUE(tokens_.validate(old, kOne, kStart + seconds(60) - Duration(1)));
  EXPECT_EQ(denial(old, kOne, kStart + seconds(60)), Denial::expired);
  EXPECT_TRUE(tokens_.validate(fresh->text.expose(), kOne, kStart + seconds(60)));
}

TEST_F(SessionToken, SA_07_a_rotation_without_grace_ends_those_still_in_grace) {
  const std::string first = create();
  const auto second = tokens_.rotate(kOne, minutes(10), kStart);
  const auto third = tokens_.rotate(kOne, Duration::zero(), kStart);
  EXPECT_EQ(denial(first), Denial::unknown_credential);
  EXPECT_EQ(denial(second->text.expose()), Denial::unknown_credential);
  EXPECT_TRUE(tokens_.validate(third->text.expose(), kOne, kStart));
}

TEST_F(SessionToken, SA_07_rotation_touches_no_other_session) {
  create();
  const std::string other = create(kTwo);
  ASSERT_TRUE(tokens_.rotate(kOne, Duration::zero(), kStart));
  EXPECT_TRUE(tokens_.validate(other, kTwo, kStart));
}

TEST_F(SessionToken, SA_07_grace_never_prolongs_a_life) {
  const std::string old = create();
  ASSERT_TRUE(tokens_.rotate(kOne, hours(1), kStart + hours(24) - seconds(1)));
  EXPECT_EQ(denial(old, kOne, kStart + hours(24)), Denial::expired);
}

TEST_F(SessionToken, SA_07_impossible_rotations_change_nothing) {
  const std::string token = create();
  EXPECT_EQ(tokens_.rotate(kTwo, Duration::zero(), kStart).error().code, Code::not_found);
  EXPECT_EQ(tokens_.rotate(kOne, seconds(-1), kStart).error().code, Code::invalid_argument);
  EXPECT_EQ(tokens_.rotate(kOne, hours(2), kStart).error().code, Code::invalid_argument);
  EXPECT_TRUE(tokens_.validate(token, kOne, kStart));
}

TEST_F(SessionToken, SA_07_where_the_store_is_full_the_current_token_stays) {
  MemoryCredentialStore tiny(1);
  SessionTokens tokens(tiny, house_.entropy, TokenPolicy{});
  const auto token = tokens.create(kOne, person("alice"), kStart);
  EXPECT_EQ(tokens.rotate(kOne, Duration::zero(), kStart).error().code, Code::exhausted);
  EXPECT_TRUE(tokens.validate(token->text.expose(), kOne, kStart));
}

TEST_F(SessionToken, SA_02_expire_and_revoke) {
  const std::string token = create();
  ASSERT_TRUE(tokens_.expire(kOne, kStart + seconds(1)));
  EXPECT_EQ(denial(token, kOne, kStart + seconds(1)), Denial::expired);
  EXPECT_EQ(tokens_.expire(kTwo, kStart).error().code, Code::not_found);
  EXPECT_EQ(tokens_.revoke(kOne), 1U);
  EXPECT_EQ(tokens_.revoke(kOne), 0U);
  EXPECT_EQ(denial(token), Denial::unknown_credential);
  EXPECT_TRUE(tokens_.create(kOne, person("alice"), kStart)) << "a new one can be had";
}

TEST_F(SessionToken, BY_02_each_end_is_told_to_observers) {
  std::vector<std::uint64_t> ended;
  house_.store.subscribe([&](const Grant& grant, Removal) { ended.push_back(grant.digest.slot()); });
  const std::string first = create();
  const auto second = tokens_.rotate(kOne, Duration::zero(), kStart);
  tokens_.revoke(kOne);
  ASSERT_EQ(ended.size(), 2U);
  EXPECT_EQ(ended[0], read_token(first)->digest.slot());
  EXPECT_EQ(ended[1], second->digest.slot());
}

TEST_F(SessionToken, SA_06_describe_tells_times_and_counts_never_the_token) {
  EXPECT_FALSE(tokens_.describe(kOne, kStart));
  create();
  const auto fresh = tokens_.rotate(kOne, Duration::zero(), kStart + seconds(5));
  ASSERT_TRUE(tokens_.validate(fresh->text.expose(), kOne, kStart + seconds(9)));
  const auto info = tokens_.describe(kOne, kStart + seconds(9));
  ASSERT_TRUE(info);
  EXPECT_EQ(info->issued, kStart + seconds(5));
  EXPECT_EQ(info->expires, kStart + seconds(5) + hours(24));
  EXPECT_EQ(info->last_used, kStart + seconds(9));
  EXPECT_EQ(info->rotations, 1U);
  EXPECT_FALSE(tokens_.describe(kOne, kStart + hours(48)));
}

TEST_F(SessionToken, SA_01_length_is_a_setting) {
  TokenPolicy policy;
  policy.length_bytes = 64;
  SessionTokens tokens(house_.store, house_.entropy, policy);
  const auto token = tokens.create(kTwo, person("alice"), kStart);
  EXPECT_EQ(token->text.size(), 4U + 86U);
  EXPECT_TRUE(tokens.validate(token->text.expose(), kTwo, kStart));
}

VariableLookup variables(const std::map<std::string, std::string, std::less<>>& values) {
  return [&values](std::string_view name) -> std::optional<std::string_view> {
    const auto found = values.find(name);
    return found != values.end() ? std::optional<std::string_view>(found->second) : std::nullopt;
  };
}

TEST(TokenPolicy, SA_01_defaults_are_32_bytes_24_hours_60_minutes) {
  const std::map<std::string, std::string, std::less<>> none;
  const auto policy = read_token_policy(variables(none));
  ASSERT_TRUE(policy);
  EXPECT_EQ(policy->length_bytes, 32U);
  EXPECT_EQ(policy->life, hours(24));
  EXPECT_EQ(policy->cleanup_interval, minutes(60));
}

TEST(TokenPolicy, SA_01_the_three_variables_are_read) {
  const std::map<std::string, std::string, std::less<>> set{{"SESSION_TOKEN_LENGTH", "64"},
                                                            {"SESSION_TOKEN_EXPIRY_HOURS", "1"},
                                                            {"TOKEN_CLEANUP_INTERVAL_MINUTES", "5"}};
  const auto policy = read_token_policy(variables(set));
  ASSERT_TRUE(policy);
  EXPECT_EQ(policy->length_bytes, 64U);
  EXPECT_EQ(policy->life, hours(1));
  EXPECT_EQ(policy->cleanup_interval, minutes(5));
}

TEST(TokenPolicy, SA_01_values_out_of_range_or_no_numbers_are_errors_that_name_the_variable) {
  for (const std::string_view name :
       {"SESSION_TOKEN_LENGTH", "SESSION_TOKEN_EXPIRY_HOURS", "TOKEN_CLEANUP_INTERVAL_MINUTES"}) {
    for (const std::string_view value :
         {"0", "-1", "+32", "32 ", " 32", "0x20", "3e1", "99999999999999999999", "abc", "8.5", "100000"}) {
      const std::map<std::string, std::string, std::less<>> set{{std::string(name), std::string(value)}};
      const auto policy = read_token_policy(variables(set));
      ASSERT_FALSE(policy) << name << '=' << value;
      EXPECT_NE(policy.error().what.find(name), std::string::npos);
    }
  }
  const std::map<std::string, std::string, std::less<>> weak{{"SESSION_TOKEN_LENGTH", "15"}};
  EXPECT_FALSE(read_token_policy(variables(weak))) << "below 128 bits a token can be guessed";
}

}  // namespace
}  // namespace sallyport
