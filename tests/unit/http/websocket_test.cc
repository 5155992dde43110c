// SPDX-License-Identifier: Apache-2.0
#include "sallyport/http/websocket.h"

#include <gtest/gtest.h>

#include "sallyport/http/internal/sha1.h"
#include "sallyport/http/websocket_frame.h"
#include "tests/unit/http/heads.h"

namespace sallyport {
namespace {

constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";  // RFC 6455 section 1.3
constexpr std::string_view kHandshake =
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: "
    "dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string result(text);
  return result.replace(result.find(from), from.size(), to);
}
WebSocketFault check(std::string_view text) {
  const ParsedRequest request(text);
  EXPECT_TRUE(request.outcome.complete()) << text;
  return check_websocket_handshake(request.head);
}

TEST(Sha1, vectors_of_fips_180) {
  EXPECT_EQ(to_hex(sha1("abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(to_hex(sha1("")), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(to_hex(sha1("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  EXPECT_EQ(to_hex(sha1(std::string(64, 'a'))), "0098ba824b5c16427bd7a1122a5a442a25ec644d");
}

TEST(WebSocketHandshake, AT_06_good_and_bad) {
  const std::string good = get_with(kHandshake);
  EXPECT_EQ(check(good), WebSocketFault::none);
  EXPECT_EQ(check(replaced(good, "GET", "POST")), WebSocketFault::method);
  EXPECT_EQ(check(replaced(good, ": 13", ": 8")), WebSocketFault::version);
  EXPECT_EQ(check(replaced(good, "-Version: 13", "-Versions: 13")), WebSocketFault::version);
  EXPECT_EQ(check(replaced(good, kKey, "dGhlIHNhbXBsZSBub25jZQ=")), WebSocketFault::key);
  EXPECT_EQ(check(replaced(good, kKey, "dGhlIHNhbXBsZSBub25j")), WebSocketFault::key);
  EXPECT_EQ(check(replaced(good, kKey, "")), WebSocketFault::key);
  EXPECT_EQ(check(replaced(good, "Upgrade: websocket", "Upgrade: h2c")), WebSocketFault::not_an_upgrade);
  EXPECT_EQ(check(replaced(good, "Connection: Upgrade", "Connection: close")),
            WebSocketFault::not_an_upgrade);
  EXPECT_EQ(check(get_with(concat(kHandshake, "Content-Length: 5\r\n"))), WebSocketFault::body);
  EXPECT_EQ(check(get_with(concat(kHandshake, "Transfer-Encoding: chunked\r\n"))), WebSocketFault::body);
  EXPECT_EQ(check(get_with(concat(kHandshake, "Content-Length: 0\r\n"))), WebSocketFault::none);
}

TEST(WebSocketHandshake, only_the_right_accept_value_answers) {
  const WebSocketAccept accept = websocket_accept(kKey);
  EXPECT_EQ(std::string_view(accept.data(), accept.size()), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  const std::string good =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
      "Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
  EXPECT_TRUE(answers_websocket(ParsedResponse(good).head, kKey));
  EXPECT_FALSE(answers_websocket(ParsedResponse(good).head, "eGhlIHNhbXBsZSBub25jZQ=="));
  EXPECT_FALSE(answers_websocket(ParsedResponse(replaced(good, "101", "200")).head, kKey));
  EXPECT_FALSE(answers_websocket(ParsedResponse(replaced(good, "xOo=", "xOo")).head, kKey));
  EXPECT_FALSE(
      answers_websocket(ParsedResponse(replaced(good, "Upgrade: websocket", "Upgrade: h2c")).head, kKey));
}

TEST(Subprotocol, WT_03_tickets_are_found_and_never_forwarded) {
  const ParsedRequest request(
      get_with("Sec-WebSocket-Protocol: chat, sallyport.ticket.spt_abc\r\nSec-WebSocket-Protocol: "
               "v2,,Sallyport.Ticket.x\r\n"));
  const TicketOffer offer = find_ticket_protocol(request.head.fields);
  EXPECT_EQ(offer.count, 2U);
  EXPECT_EQ(offer.ticket, "x");
  EXPECT_EQ(protocols_without_ticket(request.head.fields), "chat, v2");
  const ParsedRequest plain(get_with("Sec-WebSocket-Protocol: sallyport.ticket\r\n"));
  EXPECT_EQ(find_ticket_protocol(plain.head.fields).count, 0U);
  EXPECT_EQ(protocols_without_ticket(ParsedRequest(get_with("")).head.fields), "");
}

std::string frame(unsigned opcode, std::size_t size, bool masked) {
  std::string text{static_cast<char>(0x80U | opcode)};
  const char mask_bit = masked ? static_cast<char>(0x80) : '\0';
  if (size < 126) {
    text.push_back(static_cast<char>(mask_bit | static_cast<char>(size)));
  } else if (size < 65536) {
    text.push_back(static_cast<char>(mask_bit | 126));
    for (int shift = 8; shift >= 0; shift -= 8) text.push_back(static_cast<char>(size >> shift));
  } else {
    text.push_back(static_cast<char>(mask_bit | 127));
    for (int shift = 56; shift >= 0; shift -= 8) text.push_back(static_cast<char>(size >> shift));
  }
  if (masked) text += "mask";
  return text + std::string(size, '\x88');
}

TEST(FrameTracker, BY_02_knows_the_boundaries_in_any_pieces) {
  std::string stream;
  std::vector<bool> boundary{true};
  for (const std::size_t size : {0U, 1U, 125U, 126U, 65535U, 65536U}) {
    for (const bool masked : {false, true}) {
      stream += frame(size == 1 ? 9 : 2, size, masked);
      boundary.resize(stream.size() + 1, false);
      boundary[stream.size()] = true;
    }
  }
  FrameTracker tracker;
  for (std::size_t i = 0; i < stream.size(); ++i) {
    ASSERT_EQ(tracker.at_boundary(), boundary[i]) << i;
    tracker.feed({&stream[i], 1});
  }
  EXPECT_TRUE(tracker.at_boundary());
  EXPECT_EQ(tracker.data_frames(), 10U) << "pings are no data";
  FrameTracker whole;
  whole.feed(stream);
  EXPECT_TRUE(whole.at_boundary());
}

TEST(FrameTracker, after_a_close_frame_or_nonsense_nothing_may_follow) {
  FrameTracker closed;
  closed.feed(close_frame(kClosePolicyViolation, "revoked"));
  EXPECT_TRUE(closed.closed());
  EXPECT_FALSE(closed.at_boundary());
  FrameTracker negative;
  negative.feed(std::string("\x82\x7f\xff\0\0\0\0\0\0\0", 10));
  EXPECT_TRUE(negative.broken());
  EXPECT_FALSE(negative.at_boundary());
  FrameTracker fragmented_ping;
  fragmented_ping.feed(std::string("\x09\0", 2));
  EXPECT_TRUE(fragmented_ping.broken());
}

TEST(CloseFrame, holds_code_and_reason) {
  EXPECT_EQ(close_frame(1008, "no"), std::string("\x88\x04\x03\xf0no", 6));
  EXPECT_EQ(close_frame(1008, std::string(200, 'x')).size(), 127U);
}

}  // namespace
}  // namespace sallyport
