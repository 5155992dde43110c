// SPDX-License-Identifier: Apache-2.0
#include "sallyport/base/text.h"

#include <gtest/gtest.h>

#include <array>

namespace sallyport {
namespace {

std::string url_encoded(std::string_view text) {
  std::string out(base64url_size(text.size()), '?');
  base64url_encode(std::as_bytes(std::span(text)), out);
  return out;
}

TEST(Base64Url, meets_the_vectors_of_rfc_4648_without_padding) {
  EXPECT_EQ(url_encoded(""), "");
  EXPECT_EQ(url_encoded("f"), "Zg");
  EXPECT_EQ(url_encoded("fo"), "Zm8");
  EXPECT_EQ(url_encoded("foo"), "Zm9v");
  EXPECT_EQ(url_encoded("foobar"), "Zm9vYmFy");
  EXPECT_EQ(url_encoded("\xfb\xff\xfe"), "-__-");
}

TEST(Base64Url, decodes_exactly_what_it_encodes_and_nothing_else) {
  std::array<std::byte, 2> two{};
  EXPECT_TRUE(base64url_decode("Zm8", two));
  EXPECT_FALSE(base64url_decode("Zm9", two)) << "left-over bits";
  EXPECT_FALSE(base64url_decode("Zm8=", two));
  EXPECT_FALSE(base64url_decode("Zm+", two));
  EXPECT_FALSE(base64url_decode("Zm", two));
  EXPECT_FALSE(base64url_decode("Z\xc3\xa4", two));
  for (int c = 0; c < 256; ++c) {
    const std::string text{'A', static_cast<char>(c), 'A'};
    const bool symbol =
        (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    EXPECT_EQ(base64url_decode(text, two), symbol) << c;
  }
}

TEST(Base64, round_trips_and_refuses_foreign_forms) {
  EXPECT_EQ(base64_encode(std::as_bytes(std::span("foob", 4))), "Zm9vYg==");
  EXPECT_EQ(base64_decode("Zm9vYg=="), "foob");
  EXPECT_EQ(base64_decode("Zm9v"), "foo");
  EXPECT_EQ(base64_decode(""), "");
  for (const char* bad :
       {"Zm9vYg", "Zm9vYg=", "Zm9vYg===", "Z===", "Zm9v====", "Zm9vYh==", "Zm 9v", "Zm9-", "=Zm9"}) {
    EXPECT_EQ(base64_decode(bad), std::nullopt) << bad;
  }
}

TEST(Escaped, makes_foreign_text_safe_for_one_line) {
  EXPECT_EQ(escaped("a\nb\"\\\x7f"), "a\\x0ab\\x22\\x5c\\x7f");
  EXPECT_EQ(escaped("abcdef", 3), "abc...");
}

TEST(ParseDecimal, takes_digits_only) {
  EXPECT_EQ(parse_decimal<std::uint16_t>("65535"), 65535);
  for (const char* bad : {"", "65536", "-1", "+1", " 1", "1 ", "0x1", "1e3"}) {
    EXPECT_EQ(parse_decimal<std::uint16_t>(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace sallyport
