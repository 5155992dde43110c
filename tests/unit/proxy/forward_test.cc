// SPDX-License-Identifier: Apache-2.0
// Question: does every kind of request and answer come through whole, and does the next one find a usable
// connection?
#include "sallyport/proxy/transfer.h"
#include "tests/unit/proxy/forward_fixture.h"

namespace sallyport {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::string_view kGet = "GET /p HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

TEST_F(ForwardTest, a_small_request_and_its_answer) {
  Peer client = connect();
  client.send(kGet);
  EXPECT_THAT(backend().said(), StartsWith("GET /p HTTP/1.1\r\nHost: a\r\n"));
  backend().send(kOk);
  EXPECT_EQ(client.said(), kOk);
  EXPECT_TRUE(client.open());
  EXPECT_EQ(last_end(), ForwardEnd::answered);
  EXPECT_EQ(outcomes_[0].status, 200);
  EXPECT_EQ(outcomes_[0].bytes_down, 2U);
  EXPECT_EQ(traffic_.bytes_down, 2U);
  EXPECT_EQ(loop_.loop.buffers().lent(), 0U);
}

TEST_F(ForwardTest, a_backend_connection_is_used_again_last_in_first_out) {
  Peer client = connect();
  for (int i = 0; i < 3; ++i) {
    client.send(kGet);
    backend().said();
    backend().send(kOk);
    EXPECT_EQ(client.said(), kOk);
  }
  EXPECT_EQ(backends_.size(), 1U);
  EXPECT_EQ(forwarder_.counters().reused, 2U);
  EXPECT_EQ(forwarder_.pool().idle(), 1U);
  loop_.advance(61s);
  loop_.advance(2s);
  EXPECT_EQ(forwarder_.pool().idle(), 0U) << "too old";
}

TEST_F(ForwardTest, a_pooled_connection_that_spoke_or_hung_up_is_not_used) {
  Peer client = connect();
  for (const bool speaks : {true, false}) {
    client.send(kGet);
    backend().said();
    backend().send(kOk);
    EXPECT_EQ(client.said(), kOk);
    if (speaks) {
      backend().send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    } else {
      backend().close();
    }
  }
  client.send(kGet);
  EXPECT_EQ(backends_.size(), 3U);
  backend().said();
  backend().send(kOk);
  EXPECT_EQ(client.said(), kOk);
}

TEST_F(ForwardTest, bytes_behind_an_answer_end_the_backend_connection) {
  Peer client = connect();
  client.send(kGet);
  backend().send(concat(kOk, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"));
  EXPECT_EQ(client.said(), kOk);
  EXPECT_EQ(forwarder_.pool().idle(), 0U);
}

TEST_F(ForwardTest, forgetting_a_backend_closes_its_idle_connections) {
  Peer client = connect();
  client.send(kGet);
  backend().send(kOk);
  client.said();
  EXPECT_EQ(forwarder_.pool().idle(), 1U);
  forwarder_.pool().forget(kBackendAddress);
  EXPECT_EQ(forwarder_.pool().idle(), 0U);
  EXPECT_FALSE(backend().open());
}

TEST_F(ForwardTest, a_megabyte_goes_up_and_down_with_a_length) {
  network_.rules.capacity_bytes = 7000;
  const std::string megabyte(1 << 20, 'm');
  Peer client = connect();
  std::string request =
      concat("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ", megabyte.size(), "\r\n\r\n", megabyte);
  std::string got;
  for (std::size_t sent = 0; sent < request.size();) {
    sent += client.send(std::string_view(request).substr(sent));
    got += backend().said();
  }
  EXPECT_EQ(body_of(got), megabyte);
  const std::string answer =
      concat("HTTP/1.1 200 OK\r\nContent-Length: ", megabyte.size(), "\r\n\r\n", megabyte);
  std::string came;
  for (std::size_t sent = 0; sent < answer.size();) {
    sent += backend().send(std::string_view(answer).substr(sent));
    came += client.said();
  }
  EXPECT_EQ(came, answer);
  EXPECT_TRUE(client.open());
  EXPECT_EQ(last_end(), ForwardEnd::answered);
  EXPECT_EQ(outcomes_[0].bytes_up, megabyte.size());
  EXPECT_EQ(forwarder_.pool().idle(), 1U);
}

TEST_F(ForwardTest, a_chunked_upload_is_framed_anew_without_extensions_and_trailers) {
  Peer client = connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=1\r\nhello\r\n");
  const std::string first = backend().said();
  EXPECT_THAT(first, EndsWith("\r\n\r\n5\r\nhello\r\n"));
  client.send("1\r\n \r\n5\r\nworld\r\n0\r\nX-Evil: 1\r\n\r\n");
  EXPECT_EQ(backend().said(), "6\r\n world\r\n0\r\n\r\n");
  backend().send(kOk);
  EXPECT_EQ(client.said(), kOk);
  EXPECT_TRUE(client.open());
}

TEST_F(ForwardTest, a_chunked_upload_in_one_piece_leaves_in_one_piece) {
  Peer client = connect();
  client.send(
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n");
  EXPECT_THAT(backend().said(), EndsWith("\r\n\r\n3\r\nabc\r\n0\r\n\r\n"));
}

TEST_F(ForwardTest, expect_is_settled_by_us_once_the_backend_is_there) {
  Peer client = connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.said(), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_THAT(backend().said(), Not(HasSubstr("Expect")));
  backend().send("HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(client.said(), "") << "one is enough";
  client.send("hi");
  EXPECT_EQ(backend().said(), "hi");
  backend().send(kOk);
  EXPECT_EQ(client.said(), kOk);
}

TEST_F(ForwardTest, expect_is_not_settled_where_no_backend_is) {
  network_.unlisten(kBackendAddress);
  Peer client = connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  const std::string answer = client.said();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 502 "));
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
}

TEST_F(ForwardTest, chunks_come_down_as_they_are_sent_with_pauses) {
  Peer client = connect();
  client.send(kGet);
  backend().send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_THAT(client.said(), HasSubstr("Transfer-Encoding: chunked\r\n"));
  for (int i = 0; i < 5; ++i) {
    loop_.advance(60s);
    backend().send("5\r\ntick\n\r\n");
    EXPECT_EQ(client.said(), "5\r\ntick\n\r\n") << "at once";
    EXPECT_EQ(loop_.loop.buffers().lent(), 0U) << "a waiting stream holds no buffer";
  }
  backend().send("0\r\nTrailer: x\r\n\r\n");
  EXPECT_EQ(client.said(), "0\r\n\r\n");
  EXPECT_TRUE(client.open());
  client.send(kGet);
  EXPECT_EQ(backends_.size(), 1U) << "the backend connection is reused";
}

TEST_F(ForwardTest, chunks_to_http10_come_until_close) {
  Peer client = connect();
  client.send("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
  backend().send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n");
  const std::string answer = client.said();
  EXPECT_THAT(answer, Not(HasSubstr("chunked")));
  EXPECT_EQ(body_of(answer), "onetwo");
  EXPECT_TRUE(client.ended());
}

TEST_F(ForwardTest, an_answer_until_close_goes_on_in_chunks) {
  Peer client = connect();
  client.send(kGet);
  backend().send("HTTP/1.0 200 OK\r\n\r\nsome");
  backend().send(" text");
  backend().close();
  EXPECT_EQ(body_of(client.said()), "4\r\nsome\r\n5\r\n text\r\n0\r\n\r\n");
  EXPECT_TRUE(client.open());
  EXPECT_EQ(forwarder_.pool().idle(), 0U);
}

TEST_F(ForwardTest, head_204_and_304_end_with_their_heads) {
  Peer client = connect();
  for (const auto& [request, answer] :
       {std::pair<std::string_view, std::string_view>{"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
                                                      "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"},
        {kGet, "HTTP/1.1 204 No Content\r\n\r\n"},
        {kGet, "HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n"}}) {
    client.send(request);
    backend().said();
    backend().send(answer);
    EXPECT_EQ(client.said(), answer);
    EXPECT_EQ(last_end(), ForwardEnd::answered);
  }
  EXPECT_EQ(backends_.size(), 1U);
  EXPECT_TRUE(client.open());
}

TEST_F(ForwardTest, interim_answers_pass_but_for_100) {
  Peer client = connect();
  client.send(kGet);
  backend().send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(client.said(), "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  backend().send(kOk);
  EXPECT_EQ(client.said(), kOk);
}

TEST_F(ForwardTest, SA_05_an_interim_answer_plants_no_cookie_of_ours) {
  Peer client = connect();
  client.send(kGet);
  std::string hints = "HTTP/1.1 103 Early Hints\r\n";
  for (const std::string_view ours :
       {"__Host-sallyport=spc_x; Path=/", "__hOST-Sallyport=x", " sallyport-7070 =x", "SALLYPORT-7071=x",
        "__Host-sallyport-form=x", "sallyport-7070-Form=x", "__Host-sallyport", "sallyport-7070;"}) {
    hints += concat("Set-Cookie: ", ours, "\r\nset-COOKIE:\t", ours, "\r\n");
  }
  backend().send(concat(hints, "Set-Cookie: mine=1\r\n\r\n"));
  EXPECT_EQ(client.said(), "HTTP/1.1 103 Early Hints\r\nSet-Cookie: mine=1\r\n\r\n");
}

TEST_F(ForwardTest, interim_answers_without_end_are_garbage) {
  Peer client = connect();
  client.send(kGet);
  for (int i = 0; i <= kInterimAnswersMax; ++i) backend().send("HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_THAT(client.said(), StartsWith("HTTP/1.1 502 "));
}

TEST_F(ForwardTest, pipelined_requests_are_forwarded_one_after_the_other) {
  Peer client = connect();
  client.send(
      "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /3 "
      "HTTP/1.1\r\n"
      "Host: a\r\n\r\n");
  for (int i = 1; i <= 3; ++i) {
    const std::string request = backend().said();
    EXPECT_THAT(request, HasSubstr(concat(" /", i, " HTTP/1.1\r\n")));
    EXPECT_THAT(request, Not(HasSubstr(concat(" /", i + 1, " "))));
    if (i == 2) {
      EXPECT_THAT(request, EndsWith("\r\n\r\nabc"));
    }
    backend().send(concat("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", i));
    EXPECT_THAT(client.said(), EndsWith(concat(i)));
  }
}

TEST_F(ForwardTest, both_directions_move_at_once) {
  Peer client = connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
  EXPECT_THAT(backend().said(), EndsWith("1\r\na\r\n"));
  backend().send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nA\r\n");
  EXPECT_THAT(client.said(), EndsWith("1\r\nA\r\n"));
  client.send("1\r\nb\r\n");
  EXPECT_EQ(backend().said(), "1\r\nb\r\n");
  backend().send("1\r\nB\r\n");
  EXPECT_EQ(client.said(), "1\r\nB\r\n");
  client.send("0\r\n\r\n");
  EXPECT_EQ(backend().said(), "0\r\n\r\n");
  backend().send("0\r\n\r\n");
  EXPECT_EQ(client.said(), "0\r\n\r\n");
  EXPECT_TRUE(client.open());
  EXPECT_EQ(forwarder_.pool().idle(), 1U);
}

TEST_F(ForwardTest, an_early_answer_stops_the_upload_and_is_still_read) {
  Peer client = connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nsome");
  backend().said();
  backend().send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig");
  EXPECT_THAT(client.said(), EndsWith("\r\n\r\nbig"));
  EXPECT_EQ(last_end(), ForwardEnd::answered);
  EXPECT_FALSE(backend().open());
  EXPECT_EQ(client.send(std::string(50'000, 'x')), 50'000U) << "what is on its way is read and dropped";
  EXPECT_TRUE(client.ended());
  EXPECT_FALSE(client.broken());
  loop_.advance(3s);
  EXPECT_EQ(server_.counters().open, 0U);
}

TEST_F(ForwardTest, what_a_side_does_not_take_is_not_read_from_the_other) {
  network_.rules.capacity_bytes = 32 * 1024;
  Peer client = connect();
  client.send(kGet);
  backend().said();
  backend().send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
  const std::size_t taken = backend().send(std::string(10'000'000, 'x'));
  EXPECT_LE(taken, 3 * kBufferBytes) << "bounded by the ways and one buffer";
  EXPECT_LE(loop_.loop.buffers().lent(), 3U);
  client.close();
}

TEST_F(ForwardTest, an_upload_waits_for_its_backend) {
  network_.rules.capacity_bytes = 32 * 1024;
  Peer client = connect();
  client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n");
  const std::size_t taken = client.send(std::string(10'000'000, 'x'));
  EXPECT_LE(taken, 3 * kBufferBytes);
  client.close();
  loop_.advance(121s);
  EXPECT_EQ(server_.counters().open, 0U) << "nothing moves, so it ends";
}

TEST_F(ForwardTest, small_reads_and_writes_change_nothing) {
  network_.rules.read_bytes_max = 3;
  network_.rules.write_bytes_max = 2;
  Peer client = connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
  std::string body;
  const std::string request = backend().said();
  EXPECT_THAT(request, HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_THAT(request, EndsWith("0\r\n\r\n"));
  backend().send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
  const std::string answer = client.said();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"));
  EXPECT_THAT(answer, EndsWith("0\r\n\r\n"));
  EXPECT_TRUE(client.open());
}

}  // namespace
}  // namespace sallyport
