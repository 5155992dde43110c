// SPDX-License-Identifier: Apache-2.0
// Question: is every answer framed as its request allows, and every body read as far as somebody wants it?
#include <gmock/gmock.h>

#include "tests/unit/net_http1/server_fixture.h"

namespace sallyport {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// echo answers with the body, or with the error's name as a 4xx.
Task<void> echo_up_to(Exchange& exchange, std::size_t bytes_max) {
  const Result<std::string> body = co_await exchange.read_body(bytes_max);
  const int status = body ? 200 : body.error().code == Code::exhausted ? 413 : 400;
  const Response response(status, "text/plain", body ? *body : std::string(name_of(body.error().code)));
  [[maybe_unused]] const Status sent = co_await exchange.respond(response);
}

class ExchangeTest : public Http1ServerTest {
 protected:
  ExchangeTest() {
    handler_.script = [](Exchange& exchange) { return echo_up_to(exchange, 1000); };
  }
  void answer_with(Response response) {
    handler_.script = [response = std::move(response)](Exchange& exchange) {
      return send(exchange, response);
    };
  }
  static Task<void> send(Exchange& exchange, const Response& response) {
    [[maybe_unused]] const Status sent = co_await exchange.respond(response);
  }
};

TEST_F(ExchangeTest, bodies_are_read_in_both_framings_and_leave_the_connection_usable) {
  serve();
  Peer client = connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_THAT(client.said(), EndsWith("\r\n\r\nhello"));
  client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel");
  client.send("\r\n2;ext=1\r\nlo\r\n0\r\nTrailer: x\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string both = client.said();
  EXPECT_THAT(both, HasSubstr("\r\n\r\nhelloHTTP/1.1 200"));
  EXPECT_TRUE(client.open());
}

TEST_F(ExchangeTest, too_large_a_body_is_413_and_an_end) {
  serve();
  Peer client = connect();
  client.send(concat("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n", std::string(1500, 'x')));
  const std::string answer = client.said();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(client.ended()) << "in order: the client can read the answer";
}

TEST_F(ExchangeTest, broken_chunks_are_400_and_an_end) {
  serve();
  for (const std::string_view chunk :
       {"zz\r\n", "3\r\nhello\r\n", "3\nhel\r\n", "-1\r\n", "10000000000000000\r\n"}) {
    Peer client = connect();
    client.send(concat("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", chunk));
    EXPECT_THAT(client.said(), StartsWith("HTTP/1.1 400 ")) << chunk;
    EXPECT_FALSE(client.open());
  }
}

TEST_F(ExchangeTest, a_slow_body_runs_into_its_deadline) {
  serve();
  Peer client = connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel");
  loop_.advance(25s);
  EXPECT_EQ(client.said(), "");
  loop_.advance(10s);
  EXPECT_THAT(client.said(), HasSubstr("deadline_exceeded"));
}

TEST_F(ExchangeTest, the_100_is_sent_only_when_the_body_is_wanted) {
  serve();
  Peer client = connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.said(), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("ok");
  EXPECT_THAT(client.said(), EndsWith("ok"));

  handler_.script = hello;
  client.send("POST /no HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  const std::string refused = client.said();
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(refused, HasSubstr("Connection: close\r\n")) << "nobody knows whether the body will come";
  EXPECT_FALSE(client.open());
}

TEST_F(ExchangeTest, an_unread_body_that_is_here_is_skipped_one_that_is_not_ends_the_connection) {
  handler_.script = hello;
  serve();
  Peer client = connect();
  client.send(
      "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nGETGET /b HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(client.said(), EndsWith("/b"));
  client.send("POST /c HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\nGET /evil HTTP/1.1\r\n");
  const std::string answer = client.said();
  EXPECT_THAT(answer, EndsWith("/c"));
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_EQ(server_->counters().requests, 3U);
}

TEST_F(ExchangeTest, head_204_and_304_have_no_body) {
  answer_with(Response(200, "text/plain", "twelve bytes"));
  serve();
  Peer client = connect();
  client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string head = client.said();
  EXPECT_THAT(head, HasSubstr("Content-Length: 12\r\n"));
  EXPECT_EQ(body_of(head), "");
  for (const int status : {204, 304}) {
    Response response;
    response.status = status;
    answer_with(response);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const std::string answer = client.said();
    EXPECT_THAT(answer, Not(HasSubstr("Content-Length")));
    EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
  }
}

TEST_F(ExchangeTest, an_answer_that_would_split_becomes_a_500) {
  Response evil(302, "text/plain", "");
  evil.add("Location", "/\r\nSet-Cookie: a=b");
  answer_with(evil);
  serve();
  Peer client = connect();
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string answer = client.said();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(answer, Not(HasSubstr("Set-Cookie")));
}

TEST_F(ExchangeTest, no_answer_becomes_a_500) {
  handler_.script = [](Exchange&) -> Task<void> { co_return; };
  serve();
  Peer client = connect();
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(client.said(), StartsWith("HTTP/1.1 500 "));
}

Task<void> stream_three(Exchange& exchange) {
  Response head;
  head.status = 200;
  [[maybe_unused]] Status done = co_await exchange.start_stream(head);
  for (const std::string_view text : {"one", "two", ""}) done = co_await exchange.write(text);
  done = co_await exchange.finish();
}

TEST_F(ExchangeTest, a_stream_goes_out_in_chunks_and_to_http10_until_close) {
  handler_.script = stream_three;
  serve();
  Peer client = connect();
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string chunked = client.said();
  EXPECT_THAT(chunked, HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_EQ(body_of(chunked), "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n");
  EXPECT_TRUE(client.open());
  Peer old = connect();
  old.send("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(body_of(old.said()), "onetwo");
  EXPECT_TRUE(old.ended());
  client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(body_of(client.said()), "");
  EXPECT_TRUE(client.open());
}

TEST_F(ExchangeTest, an_unfinished_stream_breaks_the_connection) {
  handler_.script = [](Exchange& exchange) -> Task<void> {
    Response head;
    head.status = 200;
    [[maybe_unused]] const Status started = co_await exchange.start_stream(head);
  };
  serve();
  Peer client = connect();
  client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(client.broken());
}

TEST_F(ExchangeTest, answering_twice_is_refused) {
  Code second = Code::not_found;
  handler_.script = [&second](Exchange& exchange) -> Task<void> {
    const Response response(200, "text/plain", "once");
    [[maybe_unused]] const Status first = co_await exchange.respond(response);
    const Status again = co_await exchange.respond(response);
    second = again.error().code;
  };
  serve();
  Peer client = connect();
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(client.said(), EndsWith("once"));
  EXPECT_EQ(second, Code::internal);
}

TEST_F(ExchangeTest, a_client_that_takes_nothing_runs_into_its_deadline) {
  network_.rules.capacity_bytes = 1000;
  answer_with(Response(200, "text/plain", std::string(100'000, 'x')));
  serve();
  Peer client = connect();
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(server_->counters().active, 1U);
  loop_.advance(61s);
  EXPECT_EQ(server_->counters().active, 0U);
  EXPECT_EQ(server_->counters().open, 0U);
}

}  // namespace
}  // namespace sallyport
