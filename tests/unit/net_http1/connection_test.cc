// SPDX-License-Identifier: Apache-2.0
// Question: does a connection carry requests in order, end when it should, and give each phase its time and
// no more?
#include <gmock/gmock.h>

#include "tests/unit/net_http1/server_fixture.h"

namespace sallyport {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class Connection : public Http1ServerTest {
 protected:
  Connection() { handler_.script = hello; }
};

TEST_F(Connection, two_requests_share_one_connection) {
  serve();
  Peer client = connect();
  client.send("GET /one HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string first = client.said();
  EXPECT_THAT(first, StartsWith("HTTP/1.1 200 OK\r\nDate: "));
  EXPECT_THAT(first, HasSubstr("\r\nContent-Length: 4\r\n"));
  EXPECT_THAT(first, Not(HasSubstr("Connection:")));
  EXPECT_THAT(first, EndsWith("\r\n\r\n/one"));
  client.send("GET /two HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(client.said(), EndsWith("/two"));
  EXPECT_TRUE(client.open());
  EXPECT_EQ(server_->counters().requests, 2U);
  EXPECT_EQ(server_->counters().open, 1U);
}

TEST_F(Connection, pipelined_requests_are_answered_in_order) {
  serve();
  Peer client = connect();
  std::string many;
  for (int i = 0; i < 3000; ++i) many += concat("GET /", i, " HTTP/1.1\r\nHost: a\r\n\r\n");
  std::size_t sent = 0;
  std::string all;
  while (sent < many.size()) {
    sent += client.send(std::string_view(many).substr(sent));
    all += client.said();
  }
  std::size_t at = 0;
  for (int i = 0; i < 3000; ++i) {
    const std::size_t found = all.find(concat("\r\n\r\n/", i, i + 1 < 3000 ? "HTTP" : ""), at);
    ASSERT_NE(found, std::string::npos) << i;
    at = found;
  }
}

TEST_F(Connection, a_head_may_come_byte_by_byte_while_time_allows) {
  serve();
  Peer client = connect();
  for (const char c : std::string_view("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")) client.send({&c, 1});
  EXPECT_THAT(client.said(), EndsWith("/slow"));
}

TEST_F(Connection, a_slow_head_gets_408_and_an_end) {
  serve();
  Peer client = connect();
  client.send("GET / HTTP/1.1\r\nHost");
  loop_.advance(9s);
  client.send(": a");  // progress does not buy time: the limit is for the whole head
  EXPECT_EQ(client.said(), "");
  loop_.advance(2s);
  EXPECT_THAT(client.said(), StartsWith("HTTP/1.1 408 Request Timeout\r\n"));
  EXPECT_TRUE(client.ended());
  EXPECT_THAT(handler_.refusals, testing::ElementsAre(std::pair(Refusal::slow_head, ParseFault::none)));
  loop_.advance(3s);
  EXPECT_EQ(server_->counters().open, 0U);
}

TEST_F(Connection, a_silent_connection_is_closed_without_a_word) {
  serve();
  Peer client = connect();
  loop_.advance(11s);
  EXPECT_EQ(client.said(), "");
  EXPECT_FALSE(client.open());
  EXPECT_TRUE(handler_.refusals.empty());
}

TEST_F(Connection, an_idle_connection_is_kept_for_its_time_only) {
  serve();
  Peer client = connect();
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_NE(client.said(), "");
  loop_.advance(70s);
  EXPECT_TRUE(client.open());
  loop_.advance(10s);
  EXPECT_FALSE(client.open());
  EXPECT_EQ(server_->counters().open, 0U);
}

TEST_F(Connection, an_idle_connection_holds_no_buffer) {
  serve();
  Peer client = connect();
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_NE(client.said(), "");
  EXPECT_EQ(loop_.loop.buffers().lent(), 0U);
  client.send("GET / HT");
  EXPECT_EQ(loop_.loop.buffers().lent(), 1U);
}

struct Malformed {
  std::string_view bytes;
  std::string_view status;
};
class Refused : public Http1ServerTest, public testing::WithParamInterface<Malformed> {};

TEST_P(Refused, with_a_fixed_answer_and_an_end) {
  serve();
  handler_.script = hello;
  Peer client = connect();
  client.send(GetParam().bytes);
  const std::string answer = client.said();
  EXPECT_THAT(answer, StartsWith(concat("HTTP/1.1 ", GetParam().status, " ")));
  EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_TRUE(client.ended()) << "the answer ends in order, so that it is read";
  EXPECT_EQ(server_->counters().requests, 0U);
  EXPECT_EQ(handler_.refusals.size(), 1U);
}

INSTANTIATE_TEST_SUITE_P(
    HY, Refused,
    testing::Values(
        Malformed{"GET / HTTP/1.1\nHost: a\n\n", "400"},
        Malformed{"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "400"},
        Malformed{"GET / HTTP/1.1\r\n\r\n", "400"},
        Malformed{"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", "400"},
        Malformed{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                  "400"},
        Malformed{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", "400"},
        Malformed{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", "400"},
        Malformed{"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "501"},
        Malformed{"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "505"},
        Malformed{"GET /%2e%2e/ HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
        Malformed{"\x16\x03\x01\x02\x01\r\n\r\n", "400"}));

TEST_F(Connection, too_large_a_head_and_too_long_a_target_have_their_own_answers) {
  serve();
  Peer first = connect();
  first.send(concat("GET / HTTP/1.1\r\nHost: a\r\nX: ", std::string(60'000, 'x')));
  EXPECT_THAT(first.said(), StartsWith("HTTP/1.1 431 "));
  Peer second = connect();
  second.send(concat("GET /", std::string(20'000, 'x'), " HTTP/1.1\r\nHost: a\r\n\r\n"));
  EXPECT_THAT(second.said(), StartsWith("HTTP/1.1 414 "));
}

TEST_F(Connection, http10_closes_unless_asked_to_keep) {
  serve();
  Peer plain = connect();
  plain.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
  EXPECT_THAT(plain.said(), HasSubstr("Connection: close\r\n"));
  EXPECT_FALSE(plain.open());
  Peer keeping = connect();
  keeping.send("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_THAT(keeping.said(), HasSubstr("Connection: keep-alive\r\n"));
  EXPECT_TRUE(keeping.open());
}

TEST_F(Connection, connection_close_is_honoured) {
  serve();
  Peer client = connect();
  client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.said(), HasSubstr("Connection: close\r\n"));
  EXPECT_FALSE(client.open());
}

TEST_F(Connection, the_number_of_connections_is_capped) {
  ServerLimits limits;
  limits.connections_max = 1;
  serve(limits);
  Peer first = connect();
  Peer second = connect();
  EXPECT_FALSE(second.open());
  EXPECT_TRUE(first.open());
  EXPECT_THAT(handler_.refusals,
              testing::ElementsAre(std::pair(Refusal::too_many_connections, ParseFault::none)));
}

TEST_F(Connection, requests_on_one_connection_are_capped) {
  ServerLimits limits;
  limits.requests_per_connection_max = 2;
  serve(limits);
  Peer client = connect();
  client.send(
      "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: "
      "a\r\n\r\n");
  const std::string all = client.said();
  EXPECT_THAT(all, EndsWith("/2"));
  EXPECT_THAT(all, HasSubstr("Connection: close"));
  EXPECT_FALSE(client.open());
}

TEST_F(Connection, request_ids_differ_and_are_plain) {
  std::vector<std::string> ids;
  handler_.script = [&ids](Exchange& exchange) -> Task<void> {
    ids.emplace_back(exchange.request_id());
    return hello(exchange);
  };
  serve();
  Peer client = connect();
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_EQ(ids.size(), 2U);
  EXPECT_NE(ids[0], ids[1]);
  EXPECT_EQ(ids[0].substr(0, 8), ids[1].substr(0, 8));
  EXPECT_EQ(ids[0].size(), kRequestIdBytes);
}

}  // namespace
}  // namespace sallyport
