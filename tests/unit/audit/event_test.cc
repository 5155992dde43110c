// SPDX-License-Identifier: Apache-2.0
#include "sallyport/audit/event.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

using nlohmann::ordered_json;

const Fingerprinter kNames = Fingerprinter::derived_from(SecretText("a test's key"));

std::string line_of(const AuditEvent& event) {
  std::string line;
  append_json_line(line, WallTime(std::chrono::milliseconds(1'800'000'000'042)), event, kNames);
  return line;
}

TEST(AuditEvent, keys_come_in_one_order_and_empty_ones_are_left_out) {
  AuditEvent event;
  event.door = Door::websocket;
  event.who = "alice";
  event.who_kind = PrincipalKind::user;
  event.how = CredentialKind::ticket;
  event.credential = Digest{};
  event.session = "demo";
  event.denial = Denial::wrong_path;
  event.step = "credential";
  event.status = 401;
  event.method = "GET";
  event.path = "/ws?ticket=abc";
  const auto peer = SocketAddress::tcp(IpAddress::v4({127, 0, 0, 1}), 4000);
  event.peer = &peer;
  event.peer_uid = 1000;
  event.request_id = "r1";
  event.detail = "why";
  const std::string expected = concat(
      R"({"time":"2027-01-15T08:00:00.042Z","event":"request","outcome":"denied","door":"websocket","who":"alice",)",
      R"("who_kind":"user","how":"ticket","credential":")", kNames.fingerprint(Digest{}),
      R"(","session":"demo","denial":"wrong_path","step":"credential","status":401,"method":"GET","path":"/ws",)",
      R"("peer":"127.0.0.1:4000","peer_uid":1000,"request_id":"r1","detail":"why"})", '\n');
  EXPECT_EQ(line_of(event), expected);
  EXPECT_EQ(line_of(AuditEvent{}),
            "{\"time\":\"2027-01-15T08:00:00.042Z\",\"event\":\"request\",\"outcome\":\"denied\"}\n");
}

TEST(AuditEvent, an_event_that_nobody_filled_in_is_a_denial) {
  EXPECT_EQ(AuditEvent{}.outcome, Outcome::denied);
}

TEST(AuditEvent, foreign_bytes_stay_one_line_of_json) {
  std::string every_byte;
  for (int byte = 0; byte < 256; ++byte) every_byte.push_back(static_cast<char>(byte));
  AuditEvent event;
  event.request_id = every_byte;
  const std::string line = line_of(event);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  const auto parsed = ordered_json::parse(line, nullptr, false);
  ASSERT_FALSE(parsed.is_discarded());
  EXPECT_EQ(parsed["request_id"].get<std::string>().substr(0, 128), every_byte.substr(0, 128));
}

TEST(AuditEvent, foreign_text_is_capped) {
  AuditEvent event;
  const std::string huge(1 << 20, '\x01');
  event.path = huge;
  event.method = huge;
  event.request_id = huge;
  event.who = huge;
  EXPECT_LT(line_of(event).size(), kAuditLineBytesMax);
}

TEST(AuditEvent, WT_03_a_credential_in_any_text_is_cut_to_its_prefix) {
  const std::string secret(43, 'Q');
  for (const char* prefix : {"spa_", "sps_", "spt_", "spi_", "spb_", "spl_", "spc_", "spz_"}) {
    AuditEvent event;
    const std::string text = concat("/.sallyport/link/", prefix, secret, "/more");
    event.path = text;
    event.detail = text;
    event.request_id = text;
    const std::string line = line_of(event);
    EXPECT_EQ(line.find("QQQ"), std::string::npos) << line;
    EXPECT_NE(line.find(concat("/.sallyport/link/", prefix, "[cut]/more")), std::string::npos) << line;
  }
}

TEST(AuditEvent, a_credential_at_the_cap_is_cut_as_well) {
  for (std::size_t lead = 200; lead < 270; ++lead) {
    AuditEvent event;
    const std::string text = concat("/", std::string(lead, 'a'), "/sps_", std::string(43, 'Q'));
    event.path = text;
    EXPECT_EQ(line_of(event).find("QQQ"), std::string::npos) << lead;
  }
}

TEST(AuditEvent, words_that_only_begin_like_a_prefix_stay) {
  AuditEvent event;
  event.path = "/spa_day/sp/spx_short";
  EXPECT_NE(line_of(event).find("/spa_day/sp/spx_short"), std::string::npos);
}

TEST(AuditEvent, times_before_1970_and_far_ahead_do_not_break_the_line) {
  for (const auto at : {WallTime(std::chrono::milliseconds(-1)), WallTime::max(), WallTime::min()}) {
    std::string line;
    append_json_line(line, at, AuditEvent{}, kNames);
    EXPECT_FALSE(ordered_json::parse(line, nullptr, false).is_discarded()) << line;
  }
}

}  // namespace
}  // namespace sallyport
