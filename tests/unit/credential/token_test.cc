// SPDX-License-Identifier: Apache-2.0
// Is a token read back as exactly what was minted, and is everything else refused?
#include "sallyport/credential/token.h"

#include <gtest/gtest.h>

#include <set>

#include "sallyport/base/text.h"
#include "sallyport/crypto/digest.h"
#include "tests/unit/credential/support.h"

namespace sallyport {
namespace {

constexpr std::array kKinds{CredentialKind::access_token,
                            CredentialKind::session_token,
                            CredentialKind::ticket,
                            CredentialKind::internal_credential,
                            CredentialKind::backend_credential,
                            CredentialKind::login_link,
                            CredentialKind::login};

TEST(Token, SA_01_is_a_prefix_and_32_url_safe_random_bytes) {
  CountingEntropy entropy;
  for (const CredentialKind kind : kKinds) {
    const Minted minted = mint(kind, entropy);
    const std::string_view text = minted.text.expose();
    EXPECT_EQ(text.size(), 47U);
    EXPECT_TRUE(text.starts_with(token_prefix(kind)));
    EXPECT_EQ(text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
              std::string_view::npos);
    const auto presented = read_token(text);
    ASSERT_TRUE(presented);
    EXPECT_EQ(presented->kind, kind);
    EXPECT_TRUE(presented->digest.matches(minted.digest));
    EXPECT_TRUE(minted.digest.matches(sha256(text)));
  }
}

TEST(Token, prefixes_are_those_that_the_interface_promises) {
  EXPECT_EQ(token_prefix(CredentialKind::access_token), "spa_");
  EXPECT_EQ(token_prefix(CredentialKind::session_token), "sps_");
  EXPECT_EQ(token_prefix(CredentialKind::ticket), "spt_");
  EXPECT_EQ(token_prefix(CredentialKind::internal_credential), "spi_");
  EXPECT_EQ(token_prefix(CredentialKind::backend_credential), "spb_");
  EXPECT_EQ(token_prefix(CredentialKind::login_link), "spl_");
  EXPECT_EQ(token_prefix(CredentialKind::login), "spc_");
  EXPECT_TRUE(token_prefix(CredentialKind::password).empty());
  EXPECT_TRUE(token_prefix(CredentialKind::none).empty());
}

TEST(Token, SA_01_ten_thousand_differ) {
  CountingEntropy entropy;
  std::set<std::uint64_t> slots;
  for (int i = 0; i < 10'000; ++i) slots.insert(mint(CredentialKind::ticket, entropy).digest.slot());
  EXPECT_EQ(slots.size(), 10'000U);
}

TEST(Token, WT_09_whatever_is_not_exactly_a_token_is_refused) {
  CountingEntropy entropy;
  const Minted minted = mint(CredentialKind::ticket, entropy);
  const std::string good(minted.text.expose());
  ASSERT_TRUE(read_token(good));
  std::vector<std::string> bad{"",
                               "spt_",
                               "spt",
                               good.substr(4),
                               good + "A",
                               good.substr(0, 46),
                               " " + good,
                               good + " ",
                               good + "\n",
                               good + "=",
                               "spx_" + good.substr(4),
                               "SPT_" + good.substr(4),
                               "spt-" + good.substr(4),
                               good + std::string("\0", 1),
                               std::string(1 << 16, 'A'),
                               "spt_" + std::string(43, '\xff'),
                               "spt_" + std::string(43, '+'),
                               "spt_" + std::string(43, '/'),
                               "spt_" + std::string(43, '\0')};
  for (const std::string& text : bad) EXPECT_FALSE(read_token(text)) << escaped(text);
  // 43 characters carry 258 bits: the last two must be zero, or two texts would stand for one token.
  EXPECT_TRUE(read_token("spt_" + std::string(42, 'A') + "A"));
  EXPECT_FALSE(read_token("spt_" + std::string(42, 'A') + "B"));
}

TEST(Token, every_single_changed_character_gives_another_token_or_none) {
  CountingEntropy entropy;
  const Minted minted = mint(CredentialKind::session_token, entropy);
  const std::string good(minted.text.expose());
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (int c = 0; c < 256; ++c) {
      std::string changed = good;
      changed[i] = static_cast<char>(c);
      const auto presented = read_token(changed);
      EXPECT_EQ(presented && presented->digest.matches(minted.digest), changed == good);
    }
  }
}

TEST(Token, the_same_random_part_under_another_prefix_has_another_digest) {
  CountingEntropy entropy;
  const std::string body = stranger(CredentialKind::ticket, entropy).substr(4);
  EXPECT_FALSE(read_token("spt_" + body)->digest.matches(read_token("spl_" + body)->digest));
}

TEST(Token, SA_01_session_tokens_take_other_lengths_within_bounds_and_no_other_kind_does) {
  CountingEntropy entropy;
  for (const std::size_t bytes :
       {kTokenBytesMin, std::size_t{17}, std::size_t{33}, std::size_t{64}, kTokenBytesMax}) {
    const Minted minted = mint(CredentialKind::session_token, entropy, bytes);
    const std::string text(minted.text.expose());
    ASSERT_TRUE(read_token(text)) << bytes;
    EXPECT_TRUE(read_token(text)->digest.matches(minted.digest));
    EXPECT_FALSE(read_token("spt_" + text.substr(4)));
  }
  EXPECT_FALSE(read_token("sps_" + std::string(base64url_size(kTokenBytesMin - 1), 'A')));
  EXPECT_FALSE(read_token("sps_" + std::string(base64url_size(kTokenBytesMax + 1), 'A')));
}

TEST(TokenDeathTest, minting_a_kind_without_text_form_or_a_short_token_is_a_broken_invariant) {
  CountingEntropy entropy;
  EXPECT_DEATH((void)mint(CredentialKind::password, entropy), "");
  EXPECT_DEATH((void)mint(CredentialKind::session_token, entropy, kTokenBytesMin - 1), "");
  EXPECT_DEATH((void)mint(CredentialKind::ticket, entropy, 64), "");
}

}  // namespace
}  // namespace sallyport
