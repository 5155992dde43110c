// SPDX-License-Identifier: Apache-2.0
// Does a seal open for its key and place only, and does any change show?
#include "sallyport/crypto/sealed_box.h"

#include <gtest/gtest.h>

#include <array>

namespace sallyport {
namespace {

SealKey key_of(int first) {
  return SealKey::filled_by([first](std::span<std::byte> out) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = std::byte(first + static_cast<int>(i));
  });
}

std::string sealed_text(std::string_view text, std::string_view place) {
  std::array<std::byte, kSealNonceBytes> nonce{};
  nonce[0] = std::byte{7};
  return seal(key_of(1), nonce, place, SecretText(text)).value_or("");
}

TEST(SealedBox, opens_what_was_sealed) {
  const auto sealed = sealed_text("spb_secret", "sessions");
  EXPECT_EQ(sealed.size(), 10 + kSealNonceBytes + kSealTagBytes);
  EXPECT_EQ(sealed.find("secret"), std::string::npos);
  const auto opened = unseal(key_of(1), "sessions", sealed);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->expose(), "spb_secret");
}

TEST(SealedBox, opens_an_empty_text) {
  const auto opened = unseal(key_of(1), "p", sealed_text("", "p"));
  ASSERT_TRUE(opened);
  EXPECT_TRUE(opened->empty());
}

TEST(SealedBox, opens_neither_with_another_key_nor_at_another_place) {
  const auto sealed = sealed_text("x", "sessions");
  EXPECT_EQ(unseal(key_of(2), "sessions", sealed).error().code, Code::invalid_argument);
  EXPECT_EQ(unseal(key_of(1), "access_tokens", sealed).error().code, Code::invalid_argument);
}

TEST(SealedBox, any_change_shows) {
  const auto sealed = sealed_text("x", "p");
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    auto changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(unseal(key_of(1), "p", changed)) << i;
    EXPECT_FALSE(unseal(key_of(1), "p", sealed.substr(0, i))) << i;
  }
  EXPECT_FALSE(unseal(key_of(1), "p", sealed + "x"));
}

}  // namespace
}  // namespace sallyport
