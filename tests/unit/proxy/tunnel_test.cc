// SPDX-License-Identifier: Apache-2.0
// Question: does a tunnel open only on the backend's own word, carry bytes both ways, and end cleanly from
// every side?
#include "sallyport/http/websocket_frame.h"
#include "tests/unit/proxy/forward_fixture.h"

namespace sallyport {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::string_view kHandshake =
    "GET /ws?ticket=spt_x HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
constexpr std::string_view kSwitch =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

class TunnelTest : public ForwardTest {
 protected:
  Peer open() {
    Peer client = connect();
    client.send(kHandshake);
    EXPECT_THAT(backend().said(), StartsWith("GET /ws HTTP/1.1\r\n"));
    backend().send(kSwitch);
    EXPECT_THAT(client.said(), StartsWith("HTTP/1.1 101 Switching Protocols\r\n"));
    EXPECT_EQ(traffic_.tunnels, 1U);
    return client;
  }
};

TEST_F(TunnelTest, bytes_flow_both_ways_after_the_101) {
  Peer client = open();
  EXPECT_EQ(loop_.loop.buffers().lent(), 0U) << "an idle tunnel holds no buffer";
  client.send("up");
  EXPECT_EQ(backend().said(), "up");
  backend().send("down");
  EXPECT_EQ(client.said(), "down");
  EXPECT_EQ(traffic_.bytes_up, 2U);
  EXPECT_EQ(traffic_.bytes_down, 4U);
}

TEST_F(TunnelTest, R11_early_client_bytes_are_held_back_until_the_101) {
  Peer client = connect();
  client.send(concat(kHandshake, "early"));
  EXPECT_THAT(backend().said(), Not(HasSubstr("early")));
  client.send(" more");
  EXPECT_EQ(backend().said(), "");
  backend().send(concat(kSwitch, "hello"));
  EXPECT_EQ(backend().said(), "early more");
  EXPECT_THAT(client.said(), EndsWith("\r\n\r\nhello"));
}

TEST_F(TunnelTest, R11_another_answer_is_relayed_and_ends_the_connection) {
  Peer client = connect();
  client.send(concat(kHandshake, "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"));
  backend().said();
  backend().send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
  const std::string answer = client.said();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 403 Forbidden\r\n"));
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(answer, EndsWith("no"));
  EXPECT_FALSE(client.open());
  EXPECT_EQ(server_.counters().requests, 1U) << "what followed is no request";
  EXPECT_EQ(last_end(), ForwardEnd::answered);
}

TEST_F(TunnelTest, R11_a_101_that_does_not_answer_the_key_is_502) {
  for (const std::string_view lie :
       {"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Accept: AAAALMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"}) {
    Peer client = connect();
    client.send(kHandshake);
    backend().said();
    backend().send(lie);
    EXPECT_THAT(client.said(), StartsWith("HTTP/1.1 502 ")) << lie;
    EXPECT_FALSE(client.open());
    EXPECT_FALSE(backend().open());
  }
  EXPECT_EQ(traffic_.tunnels, 0U);
}

TEST_F(TunnelTest, R11_a_broken_handshake_never_reaches_the_backend) {
  for (const std::string_view bad :
       {"POST /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
        "13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nContent-Length: 0\r\n\r\n",
        "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
        "8\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
        "13\r\n"
        "Sec-WebSocket-Key: short\r\n\r\n",
        "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
        "13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nContent-Length: 3\r\n\r\nabc"}) {
    Peer client = connect();
    client.send(bad);
    EXPECT_THAT(client.said(), StartsWith("HTTP/1.1 400 ")) << bad;
    EXPECT_FALSE(client.open());
  }
  EXPECT_TRUE(backends_.empty());
}

TEST_F(TunnelTest, another_upgrade_is_an_ordinary_request) {
  Peer client = connect();
  client.send(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: "
      "AA\r\n\r\n");
  const std::string request = backend().said();
  EXPECT_THAT(request, Not(HasSubstr("pgrade")));
  EXPECT_THAT(request, Not(HasSubstr("HTTP2")));
}

TEST_F(TunnelTest, the_subprotocol_is_the_backends_choice) {
  Peer client = connect();
  client.send(
      "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
      "13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
      "Sec-WebSocket-Protocol: sallyport.ticket.spt_y, chat\r\n\r\n");
  EXPECT_THAT(backend().said(), HasSubstr("Sec-WebSocket-Protocol: chat\r\n"));
  backend().send(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n");
  const std::string answer = client.said();
  EXPECT_THAT(answer, HasSubstr("Sec-WebSocket-Protocol: chat\r\n"));
  EXPECT_THAT(answer, Not(HasSubstr("ticket")));
}

TEST_F(TunnelTest, each_side_may_end_its_half_first) {
  {
    Peer client = open();
    client.send("last");
    client.end_sending();
    EXPECT_EQ(backend().said(), "last");
    EXPECT_TRUE(backend().ended());
    backend().send("answer");
    EXPECT_EQ(client.said(), "answer");
    backend().close();
    EXPECT_TRUE(client.ended());
    EXPECT_EQ(last_end(), ForwardEnd::tunnel_closed);
  }
  {
    Peer client = open();
    backend().send("bye");
    backend().end_sending();
    EXPECT_EQ(client.said(), "bye");
    EXPECT_TRUE(client.ended());
    client.send("ok");
    EXPECT_EQ(backend().said(), "ok");
    client.close();
    EXPECT_FALSE(backend().open());
  }
  EXPECT_EQ(traffic_.tunnels, 0U);
  loop_.advance(3s);
  EXPECT_EQ(server_.counters().open, 0U);
}

TEST_F(TunnelTest, half_a_tunnel_has_less_time) {
  Peer client = open();
  client.end_sending();
  loop_.advance(31s);
  EXPECT_FALSE(client.open());
  EXPECT_FALSE(backend().open());
}

TEST_F(TunnelTest, an_idle_tunnel_ends_a_moving_one_does_not) {
  Peer client = open();
  for (int i = 0; i < 3; ++i) {
    loop_.advance(50min);
    backend().send("ping");
    EXPECT_EQ(client.said(), "ping");
  }
  loop_.advance(61min);
  EXPECT_FALSE(client.open());
  EXPECT_FALSE(backend().open());
}

TEST_F(TunnelTest, a_reset_passes_through) {
  Peer client = open();
  backend().reset();
  EXPECT_TRUE(client.broken());
  EXPECT_EQ(last_end(), ForwardEnd::tunnel_closed);
  EXPECT_EQ(server_.counters().open, 0U);
}

TEST_F(TunnelTest, what_a_side_does_not_take_is_not_read_from_the_other) {
  network_.rules.capacity_bytes = 32 * 1024;
  Peer client = open();
  EXPECT_LE(backend().send(std::string(1'000'000, 'x')), 3 * kBufferBytes);
  EXPECT_LE(client.send(std::string(1'000'000, 'x')), 3 * kBufferBytes);
  loop_.advance(61s);
  EXPECT_FALSE(backend().open()) << "a client that takes nothing is let go";
}

TEST_F(TunnelTest, BY_02_a_cut_sends_a_close_frame_between_two_frames) {
  for (const auto& [reason, code] : {std::pair{CutReason::revoked, kClosePolicyViolation},
                                     std::pair{CutReason::shutting_down, kCloseGoingAway}}) {
    Peer client = open();
    const std::string frame = concat("\x81\x05", "hello");
    backend().send(frame);
    EXPECT_EQ(client.said(), frame);
    EXPECT_EQ(cut_all(reason), 1U);
    EXPECT_EQ(client.said(), close_frame(code, name_of(reason)));
    EXPECT_TRUE(client.ended()) << "in order: the frame must arrive";
    EXPECT_FALSE(backend().open());
    EXPECT_EQ(last_end(), ForwardEnd::cut);
  }
}

TEST_F(TunnelTest, BY_02_a_cut_inside_a_frame_breaks_the_connection) {
  Peer client = open();
  backend().send("\x81\x05hel");
  EXPECT_EQ(client.said(), "\x81\x05hel");
  EXPECT_EQ(cut_all(CutReason::revoked), 1U);
  EXPECT_EQ(client.said(), "");
  EXPECT_TRUE(client.broken());
}

TEST_F(TunnelTest, a_cut_before_the_101_ends_the_handshake) {
  Peer client = connect();
  client.send(kHandshake);
  EXPECT_EQ(cut_all(CutReason::revoked), 1U);
  EXPECT_TRUE(client.broken());
  EXPECT_FALSE(backend().open());
}

}  // namespace
}  // namespace sallyport
