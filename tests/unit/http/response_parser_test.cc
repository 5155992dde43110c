// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/unit/http/heads.h"

namespace sallyport {
namespace {

ParseFault fault_of(std::string_view text) { return ParsedResponse(text).outcome.fault; }

TEST(ResponseParser, reads_an_answer) {
  const ParsedResponse response(
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\nhello");
  ASSERT_TRUE(response.outcome.complete());
  EXPECT_EQ(response.outcome.bytes, response.text.size() - 5);
  EXPECT_EQ(response.head.status, 200);
  EXPECT_EQ(response.head.reason, "OK");
  EXPECT_EQ(response.head.framing, Framing::length);
  EXPECT_TRUE(response.head.keep_alive);
  EXPECT_EQ(response.head.fields.size(), 3U);
}

TEST(ResponseParser, framing_depends_on_request_and_status) {
  EXPECT_EQ(ParsedResponse("HTTP/1.1 200 \r\n\r\n").head.framing, Framing::until_close);
  EXPECT_FALSE(ParsedResponse("HTTP/1.1 200 \r\n\r\n").head.keep_alive);
  const ParsedResponse to_head("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", Method::head);
  EXPECT_EQ(to_head.head.framing, Framing::none);
  EXPECT_EQ(to_head.head.content_length, 7U);
  EXPECT_TRUE(to_head.head.keep_alive);
  EXPECT_EQ(ParsedResponse("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n").head.framing,
            Framing::none);
  EXPECT_EQ(ParsedResponse("HTTP/1.1 204 No Content\r\n\r\n").head.framing, Framing::none);
  EXPECT_FALSE(ParsedResponse("HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n").head.keep_alive)
      << "in doubt";
  EXPECT_FALSE(ParsedResponse("HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n").head.keep_alive)
      << "in doubt";
  EXPECT_EQ(ParsedResponse("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").head.framing,
            Framing::chunked);
  EXPECT_TRUE(ParsedResponse("HTTP/1.1 103 Early Hints\r\n\r\n").head.is_interim());
  EXPECT_FALSE(ParsedResponse("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n").head.keep_alive);
}

TEST(ResponseParser, upgrade_is_of_a_101_only) {
  constexpr std::string_view fields = "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
  EXPECT_EQ(ParsedResponse(concat("HTTP/1.1 101 Switching Protocols\r\n", fields)).head.upgrade,
            Upgrade::websocket);
  EXPECT_EQ(ParsedResponse(concat("HTTP/1.1 200 OK\r\n", fields)).head.upgrade, Upgrade::none);
  EXPECT_EQ(ParsedResponse("HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n").head.upgrade,
            Upgrade::none);
}

TEST(ResponseParser, refusals) {
  EXPECT_EQ(fault_of("HTTP/2.0 200 OK\r\n\r\n"), ParseFault::version_unsupported);
  EXPECT_EQ(fault_of("ICY 200 OK whatever\r\n\r\n"), ParseFault::version_malformed);
  EXPECT_EQ(fault_of("HTTP/1.1 20 OK\r\n\r\n"), ParseFault::status_line);
  EXPECT_EQ(fault_of("HTTP/1.1 2000 OK\r\n\r\n"), ParseFault::status_line);
  EXPECT_EQ(fault_of("HTTP/1.1 099 OK\r\n\r\n"), ParseFault::status_line);
  EXPECT_EQ(fault_of("HTTP/1.1 600 OK\r\n\r\n"), ParseFault::status_line);
  EXPECT_EQ(fault_of("HTTP/1.1 200\r\nX: y\r\n\r\n"), ParseFault::status_line);
  EXPECT_EQ(fault_of("HTTP/1.1 200 O\x01K\r\n\r\n"), ParseFault::status_line);
  EXPECT_EQ(fault_of("HTTP/1.1 200 OK\nX: y\r\n\r\n"), ParseFault::line_ending);
  EXPECT_EQ(fault_of("HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n"), ParseFault::folded_line);
  EXPECT_EQ(fault_of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n"),
            ParseFault::field_repeated);
  EXPECT_EQ(fault_of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
            ParseFault::length_and_coding);
  EXPECT_EQ(fault_of("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), ParseFault::coding_in_http10);
  EXPECT_EQ(fault_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
            ParseFault::coding_unknown);
}

TEST(ResponseParser, every_prefix_waits) {
  const std::string whole =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_TRUE(ParsedResponse(whole.substr(0, size)).outcome.need_more()) << size;
  }
}

}  // namespace
}  // namespace sallyport
