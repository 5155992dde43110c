// SPDX-License-Identifier: Apache-2.0
// What a good request reads as.
#include <gtest/gtest.h>

#include "tests/unit/http/heads.h"

namespace sallyport {
namespace {

TEST(RequestParser, reads_a_browser_request) {
  const ParsedRequest request(
      "GET /a/b.js?v=1&x[]=2 HTTP/1.1\r\nHost: LocalHost:7070\r\nUser-Agent:  Mozilla/5.0 "
      "\t\r\nAccept:*/*\r\n"
      "X-Empty:\r\ncookie: a=b\r\nX-Name: gr\xfc\xdf\r\n\r\nrest");
  ASSERT_TRUE(request.outcome.complete()) << name_of(request.fault());
  EXPECT_EQ(request.outcome.bytes, request.text.size() - 4);
  const RequestHead& head = request.head;
  EXPECT_EQ(head.method, Method::get);
  EXPECT_EQ(head.method_text, "GET");
  EXPECT_EQ(head.target.raw, "/a/b.js?v=1&x[]=2");
  EXPECT_EQ(head.target.path, "/a/b.js");
  EXPECT_EQ(head.target.query_raw, "v=1&x[]=2");
  EXPECT_EQ(head.version, Version::http11);
  EXPECT_EQ(head.framing, Framing::none);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_FALSE(head.expects_continue);
  ASSERT_EQ(head.fields.size(), 6U);
  EXPECT_EQ(head.fields.value_of(HeaderId::host), "LocalHost:7070");
  EXPECT_EQ(head.fields.value_of(HeaderId::user_agent), "Mozilla/5.0");
  EXPECT_EQ(head.fields.value_of(HeaderId::accept), "*/*");
  EXPECT_EQ(head.fields.value_of(HeaderId::cookie), "a=b");
  EXPECT_EQ(head.fields.all()[3].name(), "X-Empty");
  EXPECT_EQ(head.fields.all()[3].value(), "");
  EXPECT_EQ(head.fields.all()[5].value(), "gr\xfc\xdf") << "obs-text stays as it is";
}

TEST(RequestParser, empty_value_is_not_absent) {
  const ParsedRequest request(get_with("Origin:\r\n"));
  ASSERT_TRUE(request.outcome.complete());
  EXPECT_TRUE(request.head.fields.has(HeaderId::origin));
  EXPECT_EQ(request.head.fields.value_of(HeaderId::origin), "");
  EXPECT_FALSE(request.head.fields.has(HeaderId::referer));
}

TEST(RequestParser, every_prefix_waits_and_says_so) {
  const std::string whole = "POST http://a/x%20y HTTP/1.1\r\nHost: a\r\nX_y: 1\r\nContent-Length: 3\r\n\r\n";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const ParsedRequest request(whole.substr(0, size));
    EXPECT_TRUE(request.outcome.need_more()) << size << ": " << name_of(request.fault());
  }
  EXPECT_TRUE(ParsedRequest(whole).outcome.complete());
}

TEST(RequestParser, seen_bytes_are_waited_out_and_then_parsed) {
  const std::string whole = get_with("X: y\r\n");
  RequestHead head;
  for (std::size_t size = 1; size < whole.size(); ++size) {
    EXPECT_TRUE(parse_request_head(std::string_view(whole).substr(0, size), head, {}, size - 1).need_more())
        << size;
  }
  EXPECT_TRUE(parse_request_head(whole, head, {}, whole.size() - 1).complete());
  EXPECT_TRUE(parse_request_head(std::string(kHeadBytesMax, 'A'), head, {}, 5).refused())
      << "the limit holds";
}

TEST(RequestParser, head_is_reused) {
  RequestHead head;
  const std::string first =
      "POST /a%41?q HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
  ASSERT_TRUE(parse_request_head(first, head).complete());
  const std::string second = "GET /b HTTP/1.1\r\nHost: a\r\n\r\n";
  ASSERT_TRUE(parse_request_head(second, head).complete());
  EXPECT_EQ(head.target.path, "/b");
  EXPECT_FALSE(head.target.has_query);
  EXPECT_EQ(head.framing, Framing::none);
  EXPECT_EQ(head.content_length, 0U);
  EXPECT_FALSE(head.expects_continue);
  EXPECT_FALSE(head.fields.has(HeaderId::expect));
}

TEST(RequestParser, framing) {
  const ParsedRequest length("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0042\r\n\r\n");
  EXPECT_EQ(length.head.framing, Framing::length);
  EXPECT_EQ(length.head.content_length, 42U);
  const ParsedRequest chunked("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\n\r\n");
  ASSERT_TRUE(chunked.outcome.complete());
  EXPECT_EQ(chunked.head.framing, Framing::chunked);
}

struct KeepAlive {
  std::string_view text;
  bool keep_alive;
};
TEST(RequestParser, keep_alive) {
  for (const KeepAlive& row :
       {KeepAlive{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
        KeepAlive{"GET / HTTP/1.1\r\nHost: a\r\nConnection: foo, Close\r\n\r\n", false},
        KeepAlive{"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n", false},
        KeepAlive{"GET / HTTP/1.0\r\nHost: a\r\n\r\n", false},
        KeepAlive{"GET / HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive\r\n\r\n", true},
        KeepAlive{"GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive, close\r\n\r\n", false}}) {
    const ParsedRequest request(row.text);
    ASSERT_TRUE(request.outcome.complete()) << row.text;
    EXPECT_EQ(request.head.keep_alive, row.keep_alive) << row.text;
  }
}

TEST(RequestParser, upgrade_needs_option_and_version) {
  auto upgrade = [](std::string_view text) { return ParsedRequest(text).head.upgrade; };
  EXPECT_EQ(upgrade(get_with("Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n")),
            Upgrade::websocket);
  EXPECT_EQ(upgrade(get_with("Upgrade: websocket\r\n")), Upgrade::none);
  EXPECT_EQ(upgrade(get_with("Connection: upgrade\r\n")), Upgrade::none);
  EXPECT_EQ(upgrade(get_with("Upgrade: h2c\r\nConnection: upgrade, http2-settings\r\n")), Upgrade::other);
  EXPECT_EQ(upgrade(get_with("Upgrade: websocket, h2c\r\nConnection: upgrade\r\n")), Upgrade::other);
  EXPECT_EQ(upgrade("GET / HTTP/1.0\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"),
            Upgrade::none);
}

TEST(RequestParser, absolute_form_forwards_the_path) {
  const ParsedRequest request("GET HTTP://A:80/x?y HTTP/1.1\r\nHost: a:80\r\n\r\n");
  ASSERT_TRUE(request.outcome.complete()) << name_of(request.fault());
  EXPECT_EQ(request.head.target.form, TargetForm::absolute);
  EXPECT_EQ(request.head.target.raw, "/x?y");
  const ParsedRequest bare("GET http://a HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(bare.outcome.complete());
  EXPECT_EQ(bare.head.target.raw, "/");
}

TEST(RequestParser, options_asterisk_and_foreign_methods) {
  EXPECT_EQ(ParsedRequest("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").head.target.form, TargetForm::asterisk);
  const ParsedRequest propfind("PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(propfind.outcome.complete());
  EXPECT_EQ(propfind.head.method, Method::other);
  EXPECT_EQ(propfind.head.method_text, "PROPFIND");
  EXPECT_EQ(ParsedRequest("get / HTTP/1.1\r\nHost: a\r\n\r\n").head.method, Method::other)
      << "methods are case-sensitive";
}

TEST(RequestParser, connection_listed_fields_are_marked_in_every_spelling) {
  const ParsedRequest request(
      get_with("X-Thing: 1\r\nX_Thing: 2\r\nX-Other: 3\r\nConnection: x-thing,, close\r\n"));
  ASSERT_TRUE(request.outcome.complete());
  EXPECT_TRUE(request.head.fields.all()[1].has(FieldFlag::connection_listed));
  EXPECT_TRUE(request.head.fields.all()[2].has(FieldFlag::connection_listed));
  EXPECT_FALSE(request.head.fields.all()[3].has(FieldFlag::connection_listed));
  EXPECT_TRUE(request.head.fields.has_flag(FieldFlag::connection_listed));
}

}  // namespace
}  // namespace sallyport
