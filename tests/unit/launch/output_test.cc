// SPDX-License-Identifier: Apache-2.0
#include "sallyport/launch/output.h"

#include <gmock/gmock.h>

namespace sallyport {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(OutputRing, keeps_the_last_bytes_and_starts_at_a_line) {
  OutputRing ring(16);
  ring.append("first\n");
  EXPECT_EQ(ring.tail(100), "first\n");
  ring.append("second\nthird\n");
  EXPECT_EQ(ring.tail(100), "second\nthird\n");
  EXPECT_EQ(ring.tail(8), "third\n");
  EXPECT_EQ(ring.bytes_seen(), 19U);
  ring.append(std::string(1000, 'x') + "\nlast");
  EXPECT_EQ(ring.tail(100), "last");
  ring.clear();
  EXPECT_EQ(ring.tail(100), "");
}

TEST(OutputRing, equals_a_plain_string_cut_at_the_end) {
  OutputRing ring(7);
  std::string whole;
  for (int i = 0; i < 200; ++i) {
    const std::string piece(static_cast<std::size_t>(i % 11), static_cast<char>('a' + i % 26));
    ring.append(piece);
    whole += piece;
    EXPECT_EQ(ring.tail(100), whole.size() <= 7 ? whole : whole.substr(whole.size() - 7));
  }
}

TEST(Harmless, takes_the_sting_out_of_terminal_text) {
  EXPECT_EQ(harmless("plain \xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\n\ttext\r\n"),
            "plain \xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\n\ttext\n");
  EXPECT_EQ(harmless("\x1B[31mred\x1B[0m"), "red");
  EXPECT_EQ(harmless("\x1B]0;title\aafter"), "after");
  EXPECT_EQ(harmless("\x1B]52;c;aGk=\x1B\\after"), "after");
  EXPECT_EQ(harmless("a\x07\x08\x7F"
                     "b"),
            "a???b");
  EXPECT_EQ(harmless("\xC2\x9B"
                     "31m"),
            "?31m");
  EXPECT_EQ(harmless("\xFF\xC0\xAF\xED\xA0\x80\xF5"), "???????");
  EXPECT_EQ(harmless("cut\x1B"), "cut");
  EXPECT_EQ(harmless("cut\x1B["), "cut");
  EXPECT_EQ(harmless("cut\xE2\x82"), "cut??");
}

TEST(Redacted, removes_each_secret_everywhere) {
  const SecretText one("first-secret");
  const SecretText two("second-secret");
  const SecretText tiny("a");
  const SecretText none;
  const std::vector<const SecretText*> secrets = {&one, &two, &tiny, &none, nullptr};
  EXPECT_EQ(redacted("a first-secret b second-secret first-secret", secrets),
            "a [redacted] b [redacted] [redacted]");
  EXPECT_EQ(redacted("", secrets), "");
}

TEST(LineSplitter, joins_pieces_and_bounds_lines) {
  LineSplitter lines;
  EXPECT_THAT(lines.feed("ab"), IsEmpty());
  EXPECT_THAT(lines.feed("c\n\nd"), ElementsAre("abc", ""));
  EXPECT_EQ(lines.rest(), "d");
  EXPECT_EQ(lines.rest(), "");
  const auto cut = lines.feed(std::string(kOutputLineBytesMax * 2 + 5, 'x'));
  EXPECT_THAT(cut, ElementsAre(std::string(kOutputLineBytesMax, 'x'), std::string(kOutputLineBytesMax, 'x')));
  EXPECT_EQ(lines.rest(), "xxxxx");
  EXPECT_THAT(lines.feed(std::string(kOutputLineBytesMax, 'y') + "\n"),
              ElementsAre(std::string(kOutputLineBytesMax, 'y')));
}

}  // namespace
}  // namespace sallyport
