// SPDX-License-Identifier: Apache-2.0
// Question: when a side dies, lies or falls silent, does the other see it for what it is, once, and in time?
#include "tests/unit/proxy/forward_fixture.h"

namespace sallyport {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kGet = "GET /p HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

class Faults : public ForwardTest {
 protected:
  /// warm leaves one idle backend connection in the pool.
  void warm(Peer& client) {
    client.send(kGet);
    backend().said();
    backend().send(kOk);
    EXPECT_EQ(client.said(), kOk);
  }
};

TEST_F(Faults, a_refused_connection_is_502_and_the_client_connection_lives) {
  network_.unlisten(kBackendAddress);
  Peer client = connect();
  client.send(kGet);
  EXPECT_THAT(client.said(), EndsWith("unreachable"));
  EXPECT_TRUE(client.open());
}

TEST_F(Faults, a_connection_that_does_not_come_up_is_504) {
  network_.black_hole(kBackendAddress);
  Peer client = connect();
  client.send(kGet);
  loop_.advance(4s);
  EXPECT_EQ(client.said(), "");
  loop_.advance(2s);
  EXPECT_THAT(client.said(), StartsWith("HTTP/1.1 504 "));
}

TEST_F(Faults, a_backend_that_never_answers_is_504) {
  Peer client = connect();
  client.send(kGet);
  loop_.advance(119s);
  EXPECT_EQ(client.said(), "");
  loop_.advance(2s);
  EXPECT_THAT(client.said(), StartsWith("HTTP/1.1 504 "));
  EXPECT_FALSE(backend().open());
  EXPECT_TRUE(client.open());
}

TEST_F(Faults, garbage_is_502_and_ends_the_backend_connection) {
  for (const std::string_view garbage :
       {"SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"}) {
    Peer client = connect();
    client.send(kGet);
    backend().said();
    backend().send(garbage);
    const std::string answer = client.said();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 502 ")) << garbage;
    EXPECT_TRUE(client.open());
    EXPECT_FALSE(backend().open());
    EXPECT_EQ(forwarder_.pool().idle(), 0U);
  }
}

TEST_F(Faults, death_before_the_head_on_a_fresh_connection_is_502_without_a_second_try) {
  Peer client = connect();
  client.send(kGet);
  backend().close();
  EXPECT_THAT(client.said(), StartsWith("HTTP/1.1 502 "));
  EXPECT_EQ(backends_.size(), 1U);
}

TEST_F(Faults, death_inside_the_head_is_502_without_a_second_try) {
  Peer client = connect();
  warm(client);
  client.send(kGet);
  backend().said();
  backend().send("HTTP/1.1 200");
  backend().close();
  EXPECT_THAT(client.said(), StartsWith("HTTP/1.1 502 "));
  EXPECT_EQ(backends_.size(), 1U);
}

TEST_F(Faults, a_reused_connection_that_dies_unheard_is_tried_again_once) {
  Peer client = connect();
  warm(client);
  client.send(kGet);
  EXPECT_NE(backend().said(), "");
  backend().close();
  EXPECT_EQ(backends_.size(), 2U);
  EXPECT_THAT(backend().said(), StartsWith("GET /p HTTP/1.1\r\n"));
  backend().close();
  EXPECT_THAT(client.said(), StartsWith("HTTP/1.1 502 "));
  EXPECT_EQ(backends_.size(), 2U);
  EXPECT_EQ(forwarder_.counters().retried, 1U);
}

TEST_F(Faults, a_small_put_is_tried_again_with_its_body) {
  Peer client = connect();
  warm(client);
  client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
  backend().said();
  backend().reset();
  EXPECT_THAT(backend().said(), EndsWith("\r\n\r\nbody"));
  EXPECT_EQ(backends_.size(), 2U);
  backend().send(kOk);
  EXPECT_EQ(client.said(), kOk);
}

TEST_F(Faults, a_post_is_never_sent_twice) {
  Peer client = connect();
  warm(client);
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
  EXPECT_EQ(backends_.size(), 1U) << "a connection that was just in use will do";
  EXPECT_THAT(backend().said(), EndsWith("body"));
  backend().close();
  EXPECT_THAT(client.said(), StartsWith("HTTP/1.1 502 "));
  EXPECT_EQ(backends_.size(), 1U);
}

TEST_F(Faults, a_post_takes_no_connection_that_was_idle_for_long) {
  Peer client = connect();
  warm(client);
  loop_.advance(3s);
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
  EXPECT_EQ(backends_.size(), 2U);
}

TEST_F(Faults, death_inside_a_body_breaks_the_client_connection) {
  for (const std::string_view head : {"Content-Length: 100", "Transfer-Encoding: chunked"}) {
    Peer client = connect();
    client.send(kGet);
    backend().said();
    backend().send(concat("HTTP/1.1 200 OK\r\n", head, "\r\n\r\n5\r\nhello\r\n"));
    EXPECT_THAT(client.heard(), HasSubstr("hello"));
    backend().close();
    EXPECT_TRUE(client.broken()) << head;
    EXPECT_EQ(last_end(), ForwardEnd::truncated);
  }
}

TEST_F(Faults, a_reset_inside_a_body_without_length_is_no_end) {
  Peer client = connect();
  client.send(kGet);
  backend().send("HTTP/1.1 200 OK\r\n\r\nhalf");
  EXPECT_THAT(client.heard(), EndsWith("4\r\nhalf\r\n"));
  backend().reset();
  EXPECT_TRUE(client.broken());
  EXPECT_EQ(last_end(), ForwardEnd::truncated);
}

TEST_F(Faults, broken_chunks_from_the_backend_break_the_client_connection) {
  Peer client = connect();
  client.send(kGet);
  backend().send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  client.said();
  backend().send("oops\r\n");
  EXPECT_TRUE(client.broken());
  EXPECT_EQ(last_end(), ForwardEnd::truncated);
}

TEST_F(Faults, silence_inside_a_body_is_an_end_after_its_time) {
  Peer client = connect();
  client.send(kGet);
  backend().send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome");
  client.said();
  loop_.advance(9min);
  EXPECT_TRUE(client.open());
  loop_.advance(2min);
  EXPECT_TRUE(client.broken());
  EXPECT_EQ(last_end(), ForwardEnd::truncated);
}

TEST_F(Faults, a_slow_upload_that_moves_has_all_the_time) {
  Peer client = connect();
  client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n");
  for (int i = 0; i < 10; ++i) {
    loop_.advance(50s);
    EXPECT_EQ(client.send("x"), 1U);
  }
  EXPECT_THAT(backend().said(), EndsWith("xxxxxxxxxx"));
  backend().send(kOk);
  EXPECT_EQ(client.said(), kOk);
}

TEST_F(Faults, a_client_that_stops_inside_its_body_gets_408) {
  Peer client = connect();
  client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nxxx");
  loop_.advance(61s);
  const std::string answer = client.said();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 408 "));
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_FALSE(backend().open());
}

TEST_F(Faults, a_client_that_breaks_its_chunks_gets_400) {
  for (const std::string_view chunk :
       {"zz\r\n", "3\r\nabcd\r\n", "3\nabc\r\n", "0x3\r\nabc\r\n", " 3\r\nabc\r\n"}) {
    Peer client = connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    backend().said();
    client.send(chunk);
    const std::string answer = client.said();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 ")) << chunk;
    EXPECT_FALSE(client.open());
    EXPECT_FALSE(backend().open());
  }
}

TEST_F(Faults, a_client_that_dies_inside_its_body_takes_the_backend_connection_along) {
  Peer client = connect();
  client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nxxx");
  client.close();
  EXPECT_EQ(last_end(), ForwardEnd::client_gone);
  EXPECT_FALSE(backend().open());
}

TEST_F(Faults, a_client_that_leaves_while_the_backend_thinks_is_noticed) {
  Peer client = connect();
  client.send(kGet);
  backend().said();
  client.close();
  loop_.advance(1s);
  loop_.advance(1s);
  EXPECT_EQ(last_end(), ForwardEnd::client_gone);
  EXPECT_FALSE(backend().open());
}

TEST_F(Faults, a_client_that_takes_nothing_is_let_go) {
  network_.rules.capacity_bytes = 1000;
  Peer client = connect();
  client.send(kGet);
  backend().said();
  backend().send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
  backend().send(std::string(100'000, 'x'));
  loop_.advance(61s);
  EXPECT_EQ(last_end(), ForwardEnd::client_gone);
  EXPECT_FALSE(backend().open());
  EXPECT_EQ(server_.counters().open, 0U);
}

TEST_F(Faults, a_backend_that_closes_early_may_still_say_why) {
  network_.rules.capacity_bytes = 10'000;
  Peer client = connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
  client.send(std::string(30'000, 'x'));
  backend().send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
  backend().close();
  EXPECT_THAT(client.said(), EndsWith("\r\n\r\nno"));
  EXPECT_EQ(last_end(), ForwardEnd::answered);
}

TEST_F(Faults, BY_02_a_cut_ends_a_stream_an_upload_and_a_wait) {
  Peer streaming = connect();
  streaming.send(kGet);
  backend().said();
  backend().send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
  streaming.said();
  Peer uploading = connect();
  uploading.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nxxx");
  Peer waiting = connect();
  waiting.send(kGet);
  EXPECT_EQ(cut_all(CutReason::revoked), 3U);
  for (Peer* client : {&streaming, &uploading, &waiting}) EXPECT_TRUE(client->broken());
  for (Peer& one : backends_) EXPECT_FALSE(one.open());
  ASSERT_EQ(outcomes_.size(), 3U);
  for (const ForwardOutcome& outcome : outcomes_) EXPECT_EQ(outcome.end, ForwardEnd::cut);
  EXPECT_EQ(server_.counters().open, 0U);
  EXPECT_EQ(loop_.loop.buffers().lent(), 0U);
}

TEST_F(Faults, a_cut_while_connecting_ends_when_the_connection_is_there_or_not) {
  network_.black_hole(kBackendAddress);
  Peer client = connect();
  client.send(kGet);
  EXPECT_EQ(cut_all(CutReason::expired), 1U);
  loop_.advance(6s);
  EXPECT_EQ(last_end(), ForwardEnd::cut);
  EXPECT_TRUE(client.broken());
}

}  // namespace
}  // namespace sallyport
