// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>

#include "sallyport/base/text.h"
#include "sallyport/http/body.h"

namespace sallyport {
namespace {

struct Read {
  std::string data;
  BodyStep::State state = BodyStep::State::more;
  ParseFault fault = ParseFault::none;
  std::size_t consumed = 0;
};

/// read_in_pieces feeds `text` in pieces of `piece` bytes, as a connection would, keeping what was not
/// consumed.
template <class Scanner>
Read read_in_pieces(Scanner& scanner, std::string_view text, std::size_t piece) {
  Read read;
  for (std::size_t end = 0; read.state == BodyStep::State::more && end < text.size();) {
    end = std::min(text.size(), end + piece);
    while (read.consumed < end && read.state == BodyStep::State::more) {
      const BodyStep step = scanner.next(text.substr(read.consumed, end - read.consumed));
      read.data += step.data;
      read.consumed += step.consumed;
      read.state = step.state;
      read.fault = step.fault;
      if (step.state == BodyStep::State::more && step.consumed == 0)
        ADD_FAILURE() << "no progress at " << read.consumed;
    }
  }
  return read;
}

Read read_chunked(std::string_view text, std::size_t piece = SIZE_MAX / 2) {
  ChunkScanner scanner;
  return read_in_pieces(scanner, text, piece);
}

TEST(ChunkScanner, reads_in_any_pieces) {
  constexpr std::string_view text =
      "5\r\nhello\r\n00A;name;a=b;c=\"d\\\"; \"\r\n, my world\r\n0;x\r\nTrailer: y\r\nB:\r\n\r\n";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    const Read read = read_chunked(text, piece);
    EXPECT_EQ(read.state, BodyStep::State::end) << piece << ' ' << name_of(read.fault);
    EXPECT_EQ(read.data, "hello, my world");
    EXPECT_EQ(read.consumed, text.size());
  }
}

TEST(ChunkScanner, leaves_the_next_message_alone) {
  ChunkScanner scanner;
  const BodyStep step = scanner.next("0\r\n\r\nGET / HTTP/1.1\r\n");
  EXPECT_EQ(step.state, BodyStep::State::end);
  EXPECT_EQ(step.consumed, 5U);
  EXPECT_TRUE(scanner.ended());
  EXPECT_EQ(scanner.next("x").consumed, 0U);
  EXPECT_EQ(scanner.next("x").state, BodyStep::State::end);
}

struct Malformed {
  const char* name;
  std::string_view text;
  ParseFault fault;
};
TEST(ChunkScanner, refusals) {
  using namespace std::string_view_literals;
  for (const Malformed& row : {
           Malformed{"no digits", "\r\n", ParseFault::chunk_size},
           Malformed{"not hex", "g\r\n", ParseFault::chunk_size},
           Malformed{"sign", "+5\r\n", ParseFault::chunk_size},
           Malformed{"minus", "-5\r\n", ParseFault::chunk_size},
           Malformed{"0x", "0x5\r\n", ParseFault::chunk_size},
           Malformed{"blank before", " 5\r\n", ParseFault::chunk_size},
           Malformed{"blank after", "5 \r\n", ParseFault::chunk_size},
           Malformed{"underscore", "5_0\r\n", ParseFault::chunk_size},
           Malformed{"too many digits", "0000000000000005\r\n", ParseFault::chunk_size},
           Malformed{"overflow", "ffffffffffffffffff\r\n", ParseFault::chunk_size},
           Malformed{"bare LF after size", "5\nhello", ParseFault::chunk_size},
           Malformed{"bare CR after size", "5\rhello", ParseFault::line_ending},
           Malformed{"no CRLF after data", "5\r\nhelloX", ParseFault::chunk_ending},
           Malformed{"bare LF after data", "5\r\nhello\n0\r\n\r\n", ParseFault::chunk_ending},
           Malformed{"bare CR after data", "5\r\nhello\r0\r\n\r\n", ParseFault::chunk_ending},
           Malformed{"extension without name", "5;\r\nhello", ParseFault::chunk_extension},
           Malformed{"extension with LF", "5;a\nhello", ParseFault::chunk_extension},
           Malformed{"extension with control", "5;a=\"\x01\"\r\nhello", ParseFault::chunk_extension},
           Malformed{"extension with CR in quotes", "5;a=\"\r\n\"\r\nhello", ParseFault::chunk_extension},
           Malformed{"extension without value", "5;a=\r\nhello", ParseFault::chunk_extension},
           Malformed{"extension after quotes", "5;a=\"b\"c\r\nhello", ParseFault::chunk_extension},
           Malformed{"trailer without colon", "0\r\nabc\r\n\r\n", ParseFault::trailer},
           Malformed{"trailer without name", "0\r\n: b\r\n\r\n", ParseFault::trailer},
           Malformed{"trailer folded", "0\r\na: b\r\n c\r\n\r\n", ParseFault::trailer},
           Malformed{"trailer with LF", "0\r\na: b\n\r\n", ParseFault::trailer},
           Malformed{"trailer with NUL", "0\r\na: \0\r\n\r\n"sv, ParseFault::trailer},
           Malformed{"bare LF at the end", "0\r\n\n", ParseFault::trailer},
           Malformed{"bare CR at the end", "0\r\n\rX", ParseFault::line_ending},
       }) {
    const Read read = read_chunked(row.text);
    EXPECT_EQ(read.state, BodyStep::State::refused) << row.name;
    EXPECT_EQ(name_of(read.fault), name_of(row.fault)) << row.name;
  }
}

TEST(ChunkScanner, a_refusal_stays) {
  ChunkScanner scanner;
  EXPECT_EQ(scanner.next("g").state, BodyStep::State::refused);
  EXPECT_EQ(scanner.next("5\r\nhello\r\n").state, BodyStep::State::refused);
  EXPECT_EQ(scanner.next("").fault, ParseFault::chunk_size);
}

TEST(ChunkScanner, extensions_and_trailers_are_bounded) {
  EXPECT_EQ(read_chunked(concat("1;", std::string(kChunkExtensionBytesMax, 'a'), "\r\n")).fault,
            ParseFault::chunk_extension);
  std::string many;
  for (std::size_t i = 0; i < kBodyExtensionBytesMax / 200 + 1; ++i)
    many += concat("1;", std::string(200, 'a'), "\r\nx\r\n");
  EXPECT_EQ(read_chunked(many).fault, ParseFault::chunk_extension) << "in all, not only one by one";
  EXPECT_EQ(read_chunked(concat("0\r\na:", std::string(kTrailerBytesMax, 'b'), "\r\n\r\n")).fault,
            ParseFault::trailer);
}

TEST(BodyScanner, length) {
  BodyScanner scanner(Framing::length, 5);
  EXPECT_FALSE(scanner.ended());
  EXPECT_EQ(scanner.next("he").data, "he");
  EXPECT_EQ(scanner.remaining(), 3U);
  const BodyStep last = scanner.next("lloGET");
  EXPECT_EQ(last.state, BodyStep::State::end);
  EXPECT_EQ(last.data, "llo");
  EXPECT_EQ(last.consumed, 3U);
  EXPECT_TRUE(scanner.ended());
  BodyScanner spliced(Framing::length, 5);
  spliced.advance(5);
  EXPECT_TRUE(spliced.ended());
}

TEST(BodyScanner, none_chunked_and_until_close) {
  EXPECT_TRUE(BodyScanner{}.ended());
  EXPECT_TRUE(BodyScanner(Framing::length, 0).ended());
  EXPECT_TRUE(BodyScanner(Framing::none, 7).ended()) << "the length of an answer to HEAD";
  BodyScanner open(Framing::until_close, 0);
  EXPECT_EQ(open.next("abc").data, "abc");
  EXPECT_FALSE(open.ended());
  BodyScanner chunked(Framing::chunked, 0);
  EXPECT_EQ(read_in_pieces(chunked, "1\r\na\r\n0\r\n\r\n", 2).data, "a");
  EXPECT_TRUE(chunked.ended());
}

TEST(ChunkHeader, writes_what_the_scanner_reads) {
  EXPECT_EQ(ChunkHeader(1).text(), "1\r\n");
  EXPECT_EQ(ChunkHeader(65536).text(), "10000\r\n");
  EXPECT_EQ(ChunkHeader(SIZE_MAX).text(), "ffffffffffffffff\r\n");
  const std::string body(300, 'z');
  EXPECT_EQ(read_chunked(concat(ChunkHeader(body.size()).text(), body, kChunkEnd, kBodyEnd)).data, body);
}

}  // namespace
}  // namespace sallyport
