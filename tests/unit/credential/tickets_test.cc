// SPDX-License-Identifier: Apache-2.0
// Does a ticket open one place, once, in time, for the one who fetched it?
#include "sallyport/credential/tickets.h"

#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <thread>

#include "sallyport/base/text.h"
#include "sallyport/credential/logins.h"
#include "sallyport/credential/session_tokens.h"
#include "tests/unit/credential/support.h"

namespace sallyport {
namespace {

constexpr std::string_view kPath = "/ws";
constexpr std::string_view kOrigin = "https://gate.example:8443";
const SessionId kSession("one");

TicketUse right_use() { return TicketUse{kSession, kPath, kOrigin}; }

class Ticket : public testing::Test {
 protected:
  GrantRef log_in(std::string user) {
    const auto minted = logins_.begin(person(std::move(user)), "", kStart);
    return house_.store.find(minted->digest);
  }
  TicketOrder order(GrantRef minter) {
    return TicketOrder{std::move(minter), kSession, std::string(kPath), std::string(kOrigin)};
  }
  std::string ticket_of(const GrantRef& minter, MonotonicTime now = kStart) {
    auto minted = desk_.mint(order(minter), now);
    EXPECT_TRUE(minted) << minted.error().what;
    return std::string(minted->text.expose());
  }

  House house_;
  Logins logins_{house_.store, house_.entropy};
  TicketDesk desk_{house_.store, house_.entropy, TicketLimits{3, 5}};
};

TEST_F(Ticket, WT_01_opens_once) {
  const std::string ticket = ticket_of(log_in("alice"));
  EXPECT_TRUE(desk_.redeem(ticket, right_use(), kStart));
  EXPECT_EQ(desk_.redeem(ticket, right_use(), kStart).denial(), Denial::already_used);
}

TEST_F(Ticket, WT_01_lives_30_seconds_strictly_before_the_deadline) {
  const GrantRef alice = log_in("alice");
  const std::string in_time = ticket_of(alice);
  const std::string late = ticket_of(alice);
  EXPECT_TRUE(desk_.redeem(in_time, right_use(), kStart + std::chrono::seconds(30) - Duration(1)));
  EXPECT_EQ(desk_.redeem(late, right_use(), kStart + std::chrono::seconds(30)).denial(), Denial::expired);
  EXPECT_EQ(desk_.redeem(late, right_use(), kStart).denial(), Denial::already_used)
      << "an expired try spends it too";
}

TEST_F(Ticket, WT_01_only_its_digest_is_kept) {
  const std::string ticket = ticket_of(log_in("alice"));
  const auto presented = read_token(ticket);
  EXPECT_NE(house_.store.find(presented->digest), nullptr);
  EXPECT_EQ(house_.store.find(presented->digest)->kind, CredentialKind::ticket);
}

TEST_F(Ticket, WT_01_no_wall_clock_takes_part) {
  static_assert(!std::is_convertible_v<WallTime, MonotonicTime>);
  static_assert(!std::is_invocable_v<decltype(judge_ticket)*, const Grant&, const TicketUse&, WallTime>);
}

TEST_F(Ticket, WT_02_exactly_one_of_64_racing_consumers_wins) {
  TicketDesk roomy(house_.store, house_.entropy, TicketLimits{100, 100});
  const GrantRef alice = log_in("alice");
  std::vector<std::string> tickets;
  for (int i = 0; i < 20; ++i)
    tickets.push_back(std::string(roomy.mint(order(alice), kStart)->text.expose()));
  std::vector<std::atomic<int>> wins(tickets.size());
  std::atomic<int> replays{0};
  std::barrier gun(64);
  {
    std::vector<std::jthread> consumers;
    for (int c = 0; c < 64; ++c) {
      consumers.emplace_back([&] {
        for (std::size_t i = 0; i < tickets.size(); ++i) {
          gun.arrive_and_wait();
          const Admission admission = roomy.redeem(tickets[i], right_use(), kStart);
          if (admission) ++wins[i];
          if (admission.denial() == Denial::already_used || admission.denial() == Denial::unknown_credential)
            ++replays;
        }
      });
    }
  }
  for (const auto& each : wins) EXPECT_EQ(each.load(), 1);
  EXPECT_EQ(replays.load(), 63 * 20);
}

TEST_F(Ticket, WT_02_two_desks_over_one_store_admit_once) {
  TicketDesk other(house_.store, house_.entropy);
  const std::string ticket = ticket_of(log_in("alice"));
  EXPECT_TRUE(other.redeem(ticket, right_use(), kStart));
  EXPECT_FALSE(desk_.redeem(ticket, right_use(), kStart));
}

TEST_F(Ticket, WT_04_in_the_wrong_place_it_is_refused_and_spent) {
  const GrantRef alice = log_in("alice");
  struct Try {
    TicketUse use;
    Denial why;
  };
  const std::vector<Try> tries{
      {{SessionId("two"), kPath, kOrigin}, Denial::wrong_session},
      {{SessionId(), kPath, kOrigin}, Denial::wrong_session},
      {{kSession, "/ws/", kOrigin}, Denial::wrong_path},
      {{kSession, "/WS", kOrigin}, Denial::wrong_path},
      {{kSession, "", kOrigin}, Denial::wrong_path},
      {{kSession, kPath, "https://gate.example"}, Denial::wrong_origin},
      {{kSession, kPath, "http://gate.example:8443"}, Denial::wrong_origin},
      {{kSession, kPath, "null"}, Denial::wrong_origin},
      {{kSession, kPath, ""}, Denial::wrong_origin},
  };
  for (const Try& attempt : tries) {
    const std::string ticket = ticket_of(alice);
    const Admission wrong = desk_.redeem(ticket, attempt.use, kStart);
    EXPECT_EQ(wrong.denial(), attempt.why);
    EXPECT_EQ(wrong.suspect()->principal->id, "alice") << "the audit log knows whose ticket it was";
    EXPECT_EQ(desk_.redeem(ticket, right_use(), kStart).denial(), Denial::already_used);
  }
}

TEST_F(Ticket, WT_05_the_identity_travels_on) {
  const GrantRef alice = log_in("alice");
  const Admission admission = desk_.redeem(ticket_of(alice), right_use(), kStart);
  ASSERT_TRUE(admission);
  EXPECT_EQ(admission.grant()->principal->id, "alice");
  EXPECT_EQ(admission.grant()->session, kSession);
  EXPECT_TRUE(admission.grant()->holder().matches(alice->digest)) << "the connection ends with the login";
}

TEST_F(Ticket, WT_06_unknown_expired_used_and_malformed_have_distinct_reasons) {
  const GrantRef alice = log_in("alice");
  const std::string unminted = stranger(CredentialKind::ticket, house_.entropy);
  EXPECT_EQ(desk_.redeem(unminted, right_use(), kStart).denial(), Denial::unknown_credential);
  EXPECT_EQ(desk_.redeem("", right_use(), kStart).denial(), Denial::malformed_credential);
  EXPECT_EQ(desk_.redeem("spt_short", right_use(), kStart).denial(), Denial::malformed_credential);
  const std::string used = ticket_of(alice);
  EXPECT_TRUE(desk_.redeem(used, right_use(), kStart));
  EXPECT_EQ(desk_.redeem(used, right_use(), kStart).denial(), Denial::already_used);
  const std::string swept = ticket_of(alice);
  (void)house_.store.sweep(kStart + std::chrono::seconds(31), 100'000);
  EXPECT_EQ(desk_.redeem(swept, right_use(), kStart + std::chrono::seconds(31)).denial(), Denial::expired);
}

TEST_F(Ticket, WT_07_the_users_oldest_goes_when_there_are_too_many) {
  const GrantRef alice = log_in("alice");
  const std::string bobs = ticket_of(log_in("bob"));
  std::vector<std::string> tickets;
  for (int i = 0; i < 4; ++i) tickets.push_back(ticket_of(alice));
  EXPECT_EQ(desk_.open(), 4U);
  EXPECT_EQ(desk_.redeem(tickets[0], right_use(), kStart).denial(), Denial::unknown_credential);
  EXPECT_TRUE(desk_.redeem(bobs, right_use(), kStart))
      << "nobody can push out somebody else's below the cap of all";
  for (int i = 1; i < 4; ++i)
    EXPECT_TRUE(desk_.redeem(tickets[static_cast<std::size_t>(i)], right_use(), kStart));
}

TEST_F(Ticket, WT_07_the_cap_of_all_holds_and_the_oldest_goes) {
  std::vector<std::string> tickets;
  for (int i = 0; i < 7; ++i) tickets.push_back(ticket_of(log_in(concat("user", i))));
  EXPECT_EQ(desk_.open(), 5U);
  EXPECT_FALSE(desk_.redeem(tickets[0], right_use(), kStart));
  EXPECT_FALSE(desk_.redeem(tickets[1], right_use(), kStart));
  EXPECT_TRUE(desk_.redeem(tickets[2], right_use(), kStart));
}

TEST_F(Ticket, WT_07_expired_ones_are_collected_when_others_are_minted) {
  const GrantRef alice = log_in("alice");
  for (int i = 0; i < 3; ++i) (void)ticket_of(alice);
  const std::size_t before = house_.store.count();
  (void)ticket_of(alice, kStart + std::chrono::seconds(30));
  EXPECT_EQ(desk_.open(), 1U);
  EXPECT_EQ(house_.store.count(), before - 2);
}

TEST_F(Ticket, WT_07_spent_tickets_leave_nothing_behind_in_the_store) {
  const GrantRef alice = log_in("alice");
  for (int i = 0; i < 2000; ++i) {
    const MonotonicTime now = kStart + std::chrono::seconds(i);
    EXPECT_TRUE(desk_.redeem(ticket_of(alice, now), right_use(), now));
  }
  EXPECT_EQ(desk_.open(), 0U);
  EXPECT_EQ(house_.store.count(), 1U);
}

TEST_F(Ticket, WT_07_ends_with_its_login) {
  const GrantRef alice = log_in("alice");
  const std::string ticket = ticket_of(alice);
  EXPECT_EQ(logins_.end("alice", alice->digest), 1U);
  EXPECT_FALSE(desk_.redeem(ticket, right_use(), kStart));
  EXPECT_EQ(desk_.mint(order(alice), kStart).error().code, Code::unauthenticated)
      << "nor can a new one be had";
  EXPECT_EQ(house_.store.count(), 0U);
}

TEST_F(Ticket, WT_07_ends_with_its_session) {
  SessionTokens tokens(house_.store, house_.entropy, TokenPolicy{});
  const std::string ticket = ticket_of(log_in("alice"));
  tokens.end(kSession);
  EXPECT_FALSE(desk_.redeem(ticket, right_use(), kStart));
}

TEST_F(Ticket, WT_07_never_outlives_its_login) {
  const GrantRef alice = log_in("alice");
  const MonotonicTime last = alice->issued + std::chrono::hours(24) - std::chrono::seconds(10);
  alice->used.touch(last);
  ASSERT_TRUE(house_.store.shorten(alice->digest, last + std::chrono::seconds(5)));
  const GrantRef shortened = house_.store.find(alice->digest);
  const std::string ticket = ticket_of(shortened, last);
  EXPECT_EQ(desk_.redeem(ticket, right_use(), last + std::chrono::seconds(5)).denial(), Denial::expired);
}

TEST_F(Ticket, WT_09_other_kinds_are_refused_and_not_taken) {
  SessionTokens tokens(house_.store, house_.entropy, TokenPolicy{});
  const auto token = tokens.create(kSession, person("alice"), kStart);
  EXPECT_EQ(desk_.redeem(token->text.expose(), right_use(), kStart).denial(), Denial::wrong_kind);
  EXPECT_TRUE(tokens.validate(token->text.expose(), kSession, kStart));
}

TEST_F(Ticket, an_order_without_place_origin_or_minter_is_refused) {
  const GrantRef alice = log_in("alice");
  const auto refused = [&](auto change) {
    TicketOrder bad = order(alice);
    change(bad);
    const auto minted = desk_.mint(bad, kStart);
    return !minted && minted.error().code == Code::invalid_argument;
  };
  EXPECT_TRUE(refused([](TicketOrder& o) { o.minter = nullptr; }));
  EXPECT_TRUE(refused([](TicketOrder& o) { o.path = ""; }));
  EXPECT_TRUE(refused([](TicketOrder& o) { o.path = "ws"; }));
  EXPECT_TRUE(refused([](TicketOrder& o) { o.path = "/a b"; }));
  EXPECT_TRUE(refused([](TicketOrder& o) { o.path = "/a\r\nX: y"; }));
  EXPECT_TRUE(refused([](TicketOrder& o) { o.path = "/" + std::string(kTicketPathBytesMax, 'a'); }));
  EXPECT_TRUE(refused([](TicketOrder& o) { o.origin = ""; }));
  EXPECT_TRUE(refused([](TicketOrder& o) { o.origin = "null"; }));
  EXPECT_EQ(house_.store.count(), 1U);
}

TEST_F(Ticket, SA_02_a_session_token_cannot_mint_for_another_session) {
  SessionTokens tokens(house_.store, house_.entropy, TokenPolicy{});
  const auto token = tokens.create(SessionId("two"), person("alice"), kStart);
  const auto minted = desk_.mint(order(house_.store.find(token->digest)), kStart);
  ASSERT_FALSE(minted);
  EXPECT_EQ(minted.error().code, Code::permission_denied);
}

TEST_F(Ticket, a_local_peer_may_mint_though_no_store_keeps_it) {
  Grant local;
  local.kind = CredentialKind::local_peer;
  local.principal = person("alice");
  local.expires = kNever;
  const std::string ticket = ticket_of(std::make_shared<const Grant>(std::move(local)));
  EXPECT_TRUE(desk_.redeem(ticket, right_use(), kStart));
}

TEST_F(Ticket, a_full_store_is_an_error_not_a_ticket) {
  MemoryCredentialStore tiny(1);
  Logins logins(tiny, house_.entropy);
  TicketDesk desk(tiny, house_.entropy);
  const auto login = logins.begin(person("alice"), "", kStart);
  const auto minted = desk.mint(order(tiny.find(login->digest)), kStart);
  ASSERT_FALSE(minted);
  EXPECT_EQ(minted.error().code, Code::exhausted);
  EXPECT_EQ(desk.open(), 0U);
}

}  // namespace
}  // namespace sallyport
