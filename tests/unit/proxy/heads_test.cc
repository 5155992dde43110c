// SPDX-License-Identifier: Apache-2.0
// Question: what of a client's head reaches the backend, and of a backend's head the client?
#include <gmock/gmock.h>

#include <array>
#include <string>

#include "sallyport/base/text.h"
#include "sallyport/http/parser.h"
#include "sallyport/proxy/request_head.h"
#include "sallyport/proxy/response_head.h"

namespace sallyport {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::string_view kOwnCookies[] = {"__Host-sallyport"};

ConnectionFacts client_facts() {
  ConnectionFacts facts;
  facts.peer = SocketAddress::tcp(IpAddress::v4({192, 0, 2, 7}), 40000);
  return facts;
}

std::string forwarded(std::string_view text, const ForwardPlan& plan,
                      UpgradeForward upgrade = UpgradeForward::no) {
  RequestHead head;
  EXPECT_TRUE(parse_request_head(text, head).complete()) << text;
  std::array<char, 8192> room;
  HeadWriter out(room);
  EXPECT_TRUE(write_request_head(head, plan, client_facts(), "id-1", upgrade, out));
  return std::string(out.view());
}

ForwardPlan plain_plan() {
  ForwardPlan plan;
  plan.injected_lines = "X-Session-Token: inner\r\nX-Forwarded-User: alice\r\n";
  plan.hygiene.cookies = kOwnCookies;
  return plan;
}

TEST(RequestHeadForward, an_ordinary_head_keeps_its_fields_and_gains_ours) {
  EXPECT_EQ(
      forwarded(
          "GET /a?b=1 HTTP/1.1\r\nHost: tool.localhost:8080\r\nAccept:  */*  \r\nX-Custom_Name: v\r\n\r\n",
          plain_plan()),
      "GET /a?b=1 HTTP/1.1\r\nHost: tool.localhost:8080\r\nAccept: */*\r\nX-Custom_Name: v\r\n"
      "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: tool.localhost:8080\r\n"
      "X-Request-ID: id-1\r\nX-Session-Token: inner\r\nX-Forwarded-User: alice\r\n\r\n");
}

TEST(RequestHeadForward, no_client_spelling_of_ours_gets_through) {
  for (const std::string_view name :
       {"X-Session-Token", "x-session-token", "X_Session_Token", "X.Session.Token", "X-Session_Id",
        "X-Forwarded-User", "X_Forwarded_User", "X-Forwarded-For", "X-Forwarded_For", "Forwarded",
        "X-Real-IP", "X-Request-Id", "Proxy", "Proxy-Authorization", "X-Forwarded-Groups",
        "X-Auth-Request-User", "Remote-User", "X-Original-URL"}) {
    const std::string head =
        forwarded(concat("GET / HTTP/1.1\r\nHost: a\r\n", name, ": forged\r\n\r\n"), plain_plan());
    EXPECT_THAT(head, Not(HasSubstr("forged"))) << name;
    EXPECT_THAT(head, HasSubstr("X-Session-Token: inner\r\n"));
  }
}

TEST(RequestHeadForward, a_connection_field_cannot_remove_what_we_add) {
  const std::string head = forwarded(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Forwarded-User, X-Session-Token, x-forwarded-for, "
      "X-Mine\r\n"
      "X-Mine: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\nUpgrade: h2c\r\nTrailer: a\r\n\r\n",
      plain_plan());
  EXPECT_THAT(head, HasSubstr("X-Forwarded-User: alice\r\n"));
  EXPECT_THAT(head, HasSubstr("X-Session-Token: inner\r\n"));
  EXPECT_THAT(head, HasSubstr("X-Forwarded-For: 192.0.2.7\r\n"));
  for (const std::string_view gone : {"X-Mine", "Keep-Alive", "TE:", "Upgrade", "Connection", "Trailer"}) {
    EXPECT_THAT(head, Not(HasSubstr(gone)));
  }
}

TEST(RequestHeadForward, authorization_is_the_plans_business) {
  ForwardPlan plan = plain_plan();
  const std::string_view text = "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer theirs\r\n\r\n";
  EXPECT_THAT(forwarded(text, plan), Not(HasSubstr("theirs"))) << "removed unless the plan says otherwise";
  plan.hygiene.authorization = ClientAuthorization::pass;
  EXPECT_THAT(forwarded(text, plan), HasSubstr("Authorization: Bearer theirs\r\n"));
}

TEST(RequestHeadForward, reserved_names_are_taken_out_in_every_spelling) {
  constexpr std::string_view reserved[] = {"x-tool-secret"};
  ForwardPlan plan = plain_plan();
  plan.hygiene.reserved_names = reserved;
  plan.injected_lines = "X-Tool-Secret: ours\r\n";
  const std::string head = forwarded("GET / HTTP/1.1\r\nHost: a\r\nX_Tool.secret: theirs\r\n\r\n", plan);
  EXPECT_THAT(head, Not(HasSubstr("theirs")));
  EXPECT_THAT(head, HasSubstr("ours"));
}

TEST(RequestHeadForward, our_cookie_is_taken_out_and_the_others_keep_their_bytes) {
  const std::string head = forwarded(
      "GET / HTTP/1.1\r\nHost: a\r\nCookie: a=\"x y\"; __Host-sallyport=spc_1; b=2=3\r\n"
      "Cookie: __Host-sallyport=again; c=3\r\n\r\n",
      plain_plan());
  EXPECT_THAT(head, HasSubstr("Cookie: a=\"x y\"; b=2=3; c=3\r\n"));
  EXPECT_THAT(forwarded("GET / HTTP/1.1\r\nHost: a\r\nCookie: __Host-sallyport=spc_1\r\n\r\n", plain_plan()),
              Not(HasSubstr("Cookie")));
}

TEST(RequestHeadForward, framing_is_written_anew) {
  EXPECT_THAT(forwarded("POST / HTTP/1.1\r\nHost: a\r\ncontent-length: 007\r\n\r\n", plain_plan()),
              HasSubstr("\r\nContent-Length: 7\r\n"));
  const std::string chunked =
      forwarded("POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: Chunked\r\nExpect: 100-continue\r\n\r\n",
                plain_plan());
  EXPECT_THAT(chunked, HasSubstr("\r\nTransfer-Encoding: chunked\r\n"));
  EXPECT_THAT(chunked, Not(HasSubstr("Expect")));
}

TEST(RequestHeadForward, WT_03_tickets_are_scrubbed_from_query_and_subprotocols) {
  const std::string upgrade = forwarded(
      "GET /ws?a=1&tick%65t=spt_x&b HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
      "Sec-WebSocket-Protocol: chat, sallyport.ticket.spt_y, other\r\n\r\n",
      plain_plan(), UpgradeForward::websocket);
  EXPECT_THAT(upgrade, StartsWith("GET /ws?a=1&b HTTP/1.1\r\n"));
  EXPECT_THAT(upgrade, HasSubstr("\r\nSec-WebSocket-Protocol: chat, other\r\n"));
  EXPECT_THAT(upgrade, HasSubstr("\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"));
  EXPECT_THAT(upgrade, Not(HasSubstr("spt_")));
  EXPECT_THAT(forwarded("GET /?ticket=spt_x HTTP/1.1\r\nHost: a\r\n\r\n", plain_plan()),
              StartsWith("GET / HTTP/1.1\r\n"));
  EXPECT_THAT(forwarded("GET /cas?ticket=ST-1 HTTP/1.1\r\nHost: a\r\n\r\n", plain_plan()),
              StartsWith("GET /cas?ticket=ST-1 HTTP/1.1\r\n"))
      << "a tool's own parameter";
}

TEST(RequestHeadForward, prefix_and_cut_change_the_path_only) {
  ForwardPlan plan = plain_plan();
  plan.path_bytes_cut = 5;
  EXPECT_THAT(forwarded("GET /tool/a%20b?x HTTP/1.1\r\nHost: a\r\n\r\n", plan),
              StartsWith("GET /a%20b?x HTTP/1.1"));
  EXPECT_THAT(forwarded("GET /tool HTTP/1.1\r\nHost: a\r\n\r\n", plan), StartsWith("GET / HTTP/1.1"));
  plan.path_prefix = "/base";
  EXPECT_THAT(forwarded("GET /tool?q HTTP/1.1\r\nHost: a\r\n\r\n", plan),
              StartsWith("GET /base/?q HTTP/1.1"));
  EXPECT_THAT(forwarded("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", plan), StartsWith("OPTIONS * HTTP/1.1"));
  plan.host = "127.0.0.1:9";
  const std::string head = forwarded("GET / HTTP/1.1\r\nHost: outer\r\n\r\n", plan);
  EXPECT_THAT(head, HasSubstr("\r\nHost: 127.0.0.1:9\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\nX-Forwarded-Host: outer\r\n"));
}

TEST(RequestHeadForward, a_head_that_does_not_fit_is_refused) {
  RequestHead head;
  ASSERT_TRUE(parse_request_head("GET /a HTTP/1.1\r\nHost: a\r\n\r\n", head).complete());
  const std::string whole = forwarded("GET /a HTTP/1.1\r\nHost: a\r\n\r\n", plain_plan());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    std::string room(size, '\0');
    HeadWriter out(room);
    EXPECT_FALSE(write_request_head(head, plain_plan(), client_facts(), "id-1", UpgradeForward::no, out))
        << size;
  }
}

std::string answered(std::string_view text, Version client, AfterAnswer wanted, Method asked = Method::get) {
  ResponseHead head;
  EXPECT_TRUE(parse_response_head(text, asked, head).complete()) << text;
  std::array<char, 8192> room;
  HeadWriter out(room);
  EXPECT_TRUE(write_response_head(head, shape_answer(head, client, wanted), client, kOwnCookies, out));
  return std::string(out.view());
}

TEST(ResponseHeadForward, hop_fields_stay_on_their_hop) {
  EXPECT_EQ(
      answered(
          "HTTP/1.1 200 Fine\r\nServer: s\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\n"
          "Content-Length: 3\r\n\r\n",
          Version::http11, AfterAnswer::keep),
      "HTTP/1.1 200 Fine\r\nServer: s\r\nContent-Length: 3\r\n\r\n");
}

TEST(ResponseHeadForward, an_unknown_length_is_chunked_for_http11_and_until_close_for_http10) {
  for (const std::string_view text :
       {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"}) {
    EXPECT_EQ(answered(text, Version::http11, AfterAnswer::keep),
              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    EXPECT_EQ(answered(text, Version::http10, AfterAnswer::keep),
              "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
  }
}

TEST(ResponseHeadForward, head_and_304_keep_the_length_that_was_named) {
  EXPECT_THAT(answered("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", Version::http11, AfterAnswer::keep,
                       Method::head),
              HasSubstr("Content-Length: 99\r\n"));
  EXPECT_THAT(
      answered("HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", Version::http11, AfterAnswer::keep),
      HasSubstr("Content-Length: 99\r\n"));
  EXPECT_THAT(answered("HTTP/1.1 204 No Content\r\n\r\n", Version::http11, AfterAnswer::keep),
              Not(HasSubstr("Content-Length")));
}

TEST(ResponseHeadForward, a_backend_cannot_plant_our_cookie) {
  const std::string head = answered(
      "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: __Host-sallyport=evil; Path=/\r\n"
      "Set-Cookie: __HOST-Sallyport =evil\r\nContent-Length: 0\r\n\r\n",
      Version::http11, AfterAnswer::keep);
  EXPECT_THAT(head, HasSubstr("Set-Cookie: a=1\r\n"));
  EXPECT_THAT(head, Not(HasSubstr("evil")));
}

}  // namespace
}  // namespace sallyport
