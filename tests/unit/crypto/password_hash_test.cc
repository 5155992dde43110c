// SPDX-License-Identifier: Apache-2.0
// Is our text form the one that libsodium reads and writes, and is everything else refused before it costs
// anything?
#include "sallyport/crypto/password_hash.h"

#include <gtest/gtest.h>
#include <sodium.h>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

constexpr PasswordCost kCheap{1, 64};
constexpr PasswordSalt kSalt{std::byte{1}, std::byte{2}, std::byte{3}};

std::string cheap_hash(std::string_view password) {
  return *hash_password(SecretText(password), kSalt, kCheap);
}

TEST(PasswordHash, libsodium_verifies_what_we_hash) {
  const std::string hash = cheap_hash("correct horse");
  EXPECT_EQ(crypto_pwhash_str_verify(hash.c_str(), "correct horse", 13), 0);
  EXPECT_NE(crypto_pwhash_str_verify(hash.c_str(), "correct horsf", 13), 0);
}

TEST(PasswordHash, we_verify_what_libsodium_hashes) {
  std::array<char, crypto_pwhash_STRBYTES> theirs{};
  ASSERT_EQ(
      crypto_pwhash_str_alg(theirs.data(), "correct horse", 13, 2, 64 * 1024, crypto_pwhash_ALG_ARGON2ID13),
      0);
  EXPECT_EQ(verify_password(SecretText("correct horse"), theirs.data()), PasswordMatch::yes);
  EXPECT_EQ(verify_password(SecretText("correct horsE"), theirs.data()), PasswordMatch::no);
}

TEST(PasswordHash, default_cost_is_at_least_owasps_minimum) {
  EXPECT_GE(PasswordCost{}.passes, 2U);
  EXPECT_GE(PasswordCost{}.memory_kib, 19'456U);
  const std::string hash = *hash_password(SecretText("x"), kSalt);
  EXPECT_TRUE(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
  EXPECT_EQ(verify_password(SecretText("x"), hash), PasswordMatch::yes);
}

TEST(PasswordHash, another_salt_gives_another_hash) {
  PasswordSalt salt = kSalt;
  salt[15] = std::byte{9};
  EXPECT_NE(*hash_password(SecretText("x"), salt, kCheap), cheap_hash("x"));
}

TEST(PasswordHash, refuses_to_hash_nothing_too_much_or_at_absurd_cost) {
  EXPECT_EQ(hash_password(SecretText(), kSalt, kCheap).error().code, Code::invalid_argument);
  EXPECT_EQ(hash_password(SecretText(std::string(kPasswordBytesMax + 1, 'x')), kSalt, kCheap).error().code,
            Code::invalid_argument);
  EXPECT_TRUE(hash_password(SecretText(std::string(kPasswordBytesMax, 'x')), kSalt, kCheap).has_value());
  for (const PasswordCost cost : {PasswordCost{0, 64}, PasswordCost{kPasswordPassesMax + 1, 64},
                                  PasswordCost{1, 7}, PasswordCost{1, kPasswordMemoryKibMax + 1}}) {
    EXPECT_EQ(hash_password(SecretText("x"), kSalt, cost).error().code, Code::invalid_argument);
  }
}

TEST(PasswordHash, an_empty_or_overlong_password_matches_nothing) {
  const std::string hash = cheap_hash("x");
  EXPECT_EQ(verify_password(SecretText(), hash), PasswordMatch::no);
  EXPECT_EQ(verify_password(SecretText(std::string(kPasswordBytesMax + 1, 'x')), hash), PasswordMatch::no);
}

TEST(PasswordHash, an_embedded_nul_counts) {
  const std::string with_nul("a\0b", 3);
  const std::string hash = cheap_hash(with_nul);
  EXPECT_EQ(verify_password(SecretText(with_nul), hash), PasswordMatch::yes);
  EXPECT_EQ(verify_password(SecretText("a"), hash), PasswordMatch::no);
}

TEST(PasswordHash, malformed_foreign_and_unbounded_hashes_are_refused_and_match_nothing) {
  const std::string good = cheap_hash("x");
  const std::string parameters = "m=64,t=1,p=1";
  ASSERT_NE(good.find(parameters), std::string::npos);
  const auto with = [&](std::string_view other) {
    std::string changed = good;
    return changed.replace(changed.find(parameters), parameters.size(), other);
  };
  for (const std::string& bad :
       {std::string(), std::string("x"), std::string("$argon2id$"), good + "x", good + "$",
        good.substr(0, good.size() - 1), std::string("$argon2i$") + good.substr(10),
        std::string("$2y$10$abcdefghijklmnopqrstuuabcdefghijklmnopqrstu"), with("m=4294967295,t=1,p=1"),
        with("m=64,t=4000000000,p=1"), with("m=64,t=1,p=2"), with("t=1,m=64,p=1"), with("m=64,t=1"),
        with("m=,t=1,p=1"), with("m=-1,t=1,p=1"), with("m=64,t=0,p=1"), with("m=99999999999,t=1,p=1"),
        good + std::string(200, 'A')}) {
    EXPECT_FALSE(check_password_hash(bad)) << bad;
    EXPECT_EQ(verify_password(SecretText("x"), bad), PasswordMatch::no) << bad;
  }
  EXPECT_TRUE(check_password_hash(good));
}

TEST(PasswordHash, an_error_never_quotes_the_hash) {
  const auto judged = check_password_hash("$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$secretsecret");
  ASSERT_FALSE(judged);
  EXPECT_EQ(judged.error().what.find("secretsecret"), std::string::npos);
}

}  // namespace
}  // namespace sallyport
