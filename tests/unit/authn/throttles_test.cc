// SPDX-License-Identifier: Apache-2.0
// Lock-out and rate limits as steps of the gate.
#include "sallyport/authn/throttles.h"

#include <algorithm>

#include "tests/unit/authn/gate_fixture.h"

namespace sallyport {
namespace {

using std::chrono::seconds;

ShortHashKey test_key() {
  return ShortHashKey::filled_by(
      [](std::span<std::byte> out) { std::fill(out.begin(), out.end(), std::byte{3}); });
}

class ThrottlesTest : public GateFixture {
 protected:
  ThrottlesTest() { lockout_ = &step_; }

  Asked bearer(std::string_view token) const {
    return Asked{}.with("Authorization", concat("Bearer ", token));
  }
  std::string unminted(CredentialKind kind) {
    const Minted minted = mint(kind, entropy_);
    return std::string(minted.text.expose());
  }
  Asked guess() { return bearer(unminted(CredentialKind::access_token)); }
  std::size_t alerts() const {
    const auto events = audit_.events();
    return static_cast<std::size_t>(std::count_if(
        events.begin(), events.end(), [](const auto& event) { return event.kind == AuditKind::lockout; }));
  }

  Lockout table_{test_key()};
  LockoutStep step_{table_};
};

TEST_F(ThrottlesTest, SG_11_five_wrong_tokens_lock_the_network_out_and_nobody_else) {
  const std::string good = access_token();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(admit(guess()).status, 401) << i;
  EXPECT_EQ(alerts(), 1U);
  const Verdict wrong = admit(guess());
  EXPECT_EQ(wrong.status, 403);
  EXPECT_EQ(wrong.denial, Denial::locked_out);
  EXPECT_EQ(wrong.retry_after, seconds(2));
  const Verdict right = admit(bearer(good));
  EXPECT_EQ(right.status, wrong.status) << "the answer does not tell a good one from a bad one";
  EXPECT_EQ(right.retry_after, wrong.retry_after);
  EXPECT_EQ(right.step, wrong.step);
  Asked elsewhere = bearer(good);
  elsewhere.peer = "192.0.2.8";
  EXPECT_TRUE(admit(elsewhere).allowed());
  clock_.advance(seconds(2));
  EXPECT_TRUE(admit(bearer(good)).allowed());
}

TEST_F(ThrottlesTest, SG_11_a_request_without_a_credential_is_no_failure) {
  for (int i = 0; i < 100; ++i) EXPECT_EQ(admit(Asked{}).status, 401);
  EXPECT_TRUE(admit(bearer(access_token())).allowed());
  EXPECT_EQ(table_.size(), 0U);
}

TEST_F(ThrottlesTest, SG_11_a_page_of_many_pictures_with_a_stale_cookie_locks_nobody_out) {
  const std::string good = cookie(login());
  const std::string stale = cookie(unminted(CredentialKind::login));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(admit(Asked{}.with("Cookie", stale)).status, 401);
  EXPECT_TRUE(admit(Asked{}.with("Cookie", good)).allowed());
  EXPECT_EQ(alerts(), 0U);
}

TEST_F(ThrottlesTest, SG_11_guessed_cookies_have_to_wait_and_good_ones_do_not) {
  const std::string good = cookie(login());
  for (int i = 0; i < 20; ++i) {
    const auto guessed = cookie(unminted(CredentialKind::login));
    EXPECT_EQ(admit(Asked{}.with("Cookie", guessed)).status, 401) << i;
  }
  const auto guessed = cookie(unminted(CredentialKind::login));
  const Verdict locked = admit(Asked{}.with("Cookie", guessed));
  EXPECT_EQ(locked.status, 403);
  EXPECT_EQ(locked.retry_after, seconds(2));
  EXPECT_TRUE(admit(Asked{}.with("Cookie", good)).allowed()) << "one network stands for many people";
}

TEST_F(ThrottlesTest, SG_11_another_make_of_token_counts_alone_and_not_beside_a_cookie) {
  const std::string good = cookie(login());
  for (int i = 0; i < 50; ++i) {
    const auto tools_own = Asked{}.with("Authorization", concat("Bearer tool-", i)).with("Cookie", good);
    EXPECT_TRUE(admit(tools_own).allowed());
  }
  for (int i = 0; i < 5; ++i) EXPECT_EQ(admit(bearer(concat("guess-", i))).status, 401);
  const Verdict locked = admit(bearer("guess-9"));
  EXPECT_EQ(locked.denial, Denial::locked_out);
  EXPECT_GT(locked.retry_after, Duration::zero());
}

TEST_F(ThrottlesTest, SG_11_what_stands_on_an_open_path_by_itself_is_no_try) {
  Asked open = bearer("tool-1");
  open.target = "/health";
  for (int i = 0; i < 50; ++i) {
    open.fields = concat("Authorization: Bearer tool-", i, "\r\n");
    EXPECT_TRUE(admit(open).allowed());
  }
  Asked stale = Asked{}.with("Cookie", cookie(unminted(CredentialKind::login)));
  stale.target = "/.sallyport/login";
  EXPECT_TRUE(admit(stale).allowed());
  EXPECT_EQ(table_.size(), 0U);
}

TEST_F(ThrottlesTest, SG_11_a_replayed_ticket_counts) {
  const std::string token = access_token();
  const auto use = [&](const std::string& ticket) {
    return upgrade_of(concat("/ws?ticket=", ticket)).with("Origin", "http://127.0.0.1:7070");
  };
  for (int i = 0; i < 5; ++i) {
    const std::string spent = ticket(token);
    EXPECT_TRUE(admit(use(spent)).allowed());
    EXPECT_EQ(admit(use(spent)).status, 401);
  }
  EXPECT_EQ(admit(use(ticket(token))).denial, Denial::locked_out);
}

TEST_F(ThrottlesTest, SG_11_local_trust_does_not_suffer_from_a_neighbours_guesses) {
  Asked neighbour = guess();
  neighbour.peer = "127.0.0.1";
  for (int i = 0; i < 10; ++i) (void)admit(neighbour);
  EXPECT_TRUE(admit(local_asked()).allowed());
}

TEST_F(ThrottlesTest, SG_11_behind_a_shared_address_a_wrong_token_waits_and_a_right_one_does_not) {
  const std::string good = access_token();
  for (const char* shared : {"127.0.0.1", "::1"}) {
    Asked wrong = guess();
    wrong.peer = shared;
    for (int i = 0; i < 5; ++i) {
      wrong.fields = guess().fields;
      EXPECT_EQ(admit(wrong).status, 401) << shared << ' ' << i;
    }
    wrong.fields = guess().fields;
    const Verdict locked = admit(wrong);
    EXPECT_EQ(locked.denial, Denial::locked_out) << shared;
    EXPECT_EQ(locked.retry_after, seconds(2)) << shared;
    Asked right = bearer(good);
    right.peer = shared;
    EXPECT_TRUE(admit(right).allowed()) << shared << ": a stranger behind the same proxy locks nobody out";
  }
  Asked elsewhere_on_this_machine = bearer(good);
  elsewhere_on_this_machine.peer = "127.0.0.2";
  for (int i = 0; i < 5; ++i) {
    Asked wrong = guess();
    wrong.peer = elsewhere_on_this_machine.peer;
    (void)admit(wrong);
  }
  EXPECT_EQ(admit(elsewhere_on_this_machine).denial, Denial::locked_out) << "only those two are shared";
}

TEST_F(ThrottlesTest, SG_11_a_unix_peers_wrong_tokens_wait_and_right_ones_do_not) {
  unix_peer_ = true;
  const std::string good = access_token();
  Asked wrong = guess();
  wrong.uid = kOwnUid;
  for (int i = 0; i < 5; ++i) {
    wrong.fields = guess().fields;
    EXPECT_EQ(admit(wrong).status, 401) << i;
  }
  wrong.fields = guess().fields;
  EXPECT_EQ(admit(wrong).denial, Denial::locked_out);
  Asked right = bearer(good);
  right.uid = kOwnUid;
  EXPECT_TRUE(admit(right).allowed());
}

TEST_F(ThrottlesTest, SG_12_clients_wait_before_a_credential_is_looked_at_and_users_after) {
  RateLimiter limiter(test_key(), {*RateRule::parse("client=60/m:5"), *RateRule::parse("user=60/m:3")});
  RateStep rate(limiter);
  rate_ = &rate;
  const Asked asked = bearer(access_token());
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(admit(asked).allowed());
  const Verdict user = admit(asked);
  EXPECT_EQ(user.status, 429);
  EXPECT_EQ(user.retry_after, seconds(1));
  EXPECT_EQ(admit(Asked{}).status, 401);
  EXPECT_EQ(admit(Asked{}).status, 429) << "the client's own five are gone";
  Asked elsewhere = asked;
  elsewhere.peer = "192.0.2.8";
  EXPECT_EQ(admit(elsewhere).status, 429) << "a user is the same one everywhere";
  clock_.advance(seconds(1));
  EXPECT_TRUE(admit(elsewhere).allowed());
}

TEST_F(ThrottlesTest, SG_08_a_unix_peer_of_a_foreign_group_is_refused) {
  unix_peer_ = true;
  rules_.networks.peer_gids = {4000};
  Asked asked = bearer(access_token());
  asked.uid = kOwnUid;
  EXPECT_EQ(admit(asked).denial, Denial::network_not_allowed);
  EXPECT_GT(lookups_, 0) << "the kernel was asked";
  rules_.networks.peer_uids = {kOwnUid};
  EXPECT_TRUE(admit(asked).allowed());
}

}  // namespace
}  // namespace sallyport
