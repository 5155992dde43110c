// SPDX-License-Identifier: Apache-2.0
// Heirs: does what a token made end with it, however far down, and does what a person made outlive a logout?
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "sallyport/credential/logins.h"
#include "sallyport/credential/session_tokens.h"
#include "sallyport/credential/tickets.h"
#include "tests/unit/credential/support.h"

namespace sallyport {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

class Heirs : public testing::Test {
 protected:
  Heirs() {
    house_.store.subscribe([this](const Grant& grant, Removal) { told_.push_back(grant.digest); });
  }
  Grant access_grant(MonotonicTime expires = kNever) {
    const Minted minted = mint(CredentialKind::access_token, house_.entropy);
    Grant grant;
    grant.kind = CredentialKind::access_token;
    grant.digest = minted.digest;
    grant.principal = person("robot");
    grant.expires = expires;
    grant.family = family_of(minted.digest);
    return grant;
  }
  /// token puts an access token, made with `maker` where that is given; null where it was refused.
  GrantRef token(const Grant* maker = nullptr, MonotonicTime expires = kNever) {
    Grant grant = access_grant(expires);
    const Digest digest = grant.digest;
    if (!house_.store.put_made_with(maker, std::move(grant))) return nullptr;
    return house_.store.find(digest);
  }
  GrantRef found(const Minted& minted) { return house_.store.find(minted.digest); }
  /// login_by begins a login by a link that was made with `maker`.
  GrantRef login_by(const GrantRef& maker, std::string_view before = "", const std::string& user = "guest") {
    const auto link = links_.mint({.principal = person(user), .life = minutes(10), .maker = maker}, kStart);
    EXPECT_TRUE(link);
    const Admission spent = links_.redeem(link->text.expose(), kStart);
    EXPECT_TRUE(spent);
    const auto login = logins_.begin_from(*spent.grant(), before, kStart);
    return login ? found(*login) : nullptr;
  }
  bool lives(const GrantRef& grant) { return house_.store.find(grant->digest) != nullptr; }
  bool was_told(const GrantRef& grant) {
    return std::any_of(told_.begin(), told_.end(),
                       [&](const Digest& one) { return one.matches(grant->digest); });
  }

  House house_;
  std::vector<Digest> told_;
  Logins logins_{house_.store, house_.entropy};
  LoginLinks links_{house_.store, house_.entropy};
  TicketDesk tickets_{house_.store, house_.entropy};
  SessionTokens sessions_{house_.store, house_.entropy, {}};
};

TEST_F(Heirs, SA_02_end_with_the_root_whatever_lies_between_and_their_connections_are_told) {
  const GrantRef root = token();
  const GrantRef other = token();
  const GrantRef child = token(root.get());
  const GrantRef grandchild = token(child.get());
  const GrantRef login = login_by(grandchild);
  const GrantRef last = token(login.get());
  const auto session = sessions_.create(SessionId("one"), person("alice"), kStart, child.get());
  ASSERT_TRUE(session);
  const GrantRef session_token = found(*session);
  EXPECT_EQ(house_.store.remove_family(root->digest), 6U);
  for (const GrantRef& heir : {root, child, grandchild, login, last, session_token}) {
    EXPECT_FALSE(lives(heir)) << name_of(heir->kind);
    EXPECT_TRUE(was_told(heir)) << name_of(heir->kind);
  }
  EXPECT_TRUE(lives(other));
  EXPECT_EQ(house_.store.count(), 1U);
}

TEST_F(Heirs, SA_02_ending_one_in_the_middle_ends_what_is_below_and_nothing_above) {
  const GrantRef root = token();
  const GrantRef child = token(root.get());
  const GrantRef sister = token(root.get());
  const GrantRef grandchild = token(child.get());
  house_.store.remove_family(child->digest);
  EXPECT_FALSE(lives(child));
  EXPECT_FALSE(lives(grandchild));
  EXPECT_TRUE(lives(root));
  EXPECT_TRUE(lives(sister));
}

TEST_F(Heirs, SA_03_expire_with_their_maker_at_the_latest) {
  const GrantRef root = token(nullptr, kStart + hours(1));
  EXPECT_EQ(token(root.get())->expires, kStart + hours(1));
  EXPECT_EQ(token(root.get(), kStart + minutes(5))->expires, kStart + minutes(5));
  EXPECT_EQ(login_by(root)->expires, kStart + hours(1)) << "a login by a link that was made with it";
  const auto session = sessions_.create(SessionId("one"), person("alice"), kStart, root.get());
  EXPECT_EQ(found(*session)->expires, kStart + hours(1));
  const auto rotated = sessions_.rotate(SessionId("one"), Duration::zero(), kStart, token().get());
  EXPECT_EQ(found(*rotated)->expires, kStart + hours(24));
  const GrantRef short_lived = token(nullptr, kStart + seconds(5));
  const auto link =
      links_.mint({.principal = person("guest"), .life = minutes(10), .maker = short_lived}, kStart);
  EXPECT_EQ(found(*link)->expires, kStart + seconds(5));
}

TEST_F(Heirs, SA_02_what_is_made_with_a_token_that_ended_is_not_made) {
  const GrantRef root = token();
  const auto link = links_.mint({.principal = person("guest"), .life = minutes(10), .maker = root}, kStart);
  const Admission spent = links_.redeem(link->text.expose(), kStart);
  house_.store.remove_family(root->digest);
  EXPECT_EQ(token(root.get()), nullptr);
  EXPECT_EQ(logins_.begin_from(*spent.grant(), "", kStart).error().code, Code::unauthenticated);
  EXPECT_EQ(
      links_.mint({.principal = person("guest"), .life = minutes(10), .maker = root}, kStart).error().code,
      Code::unauthenticated);
  EXPECT_EQ(sessions_.create(SessionId("one"), person("alice"), kStart, root.get()).error().code,
            Code::unauthenticated);
  EXPECT_TRUE(sessions_.create(SessionId("one"), person("alice"), kStart))
      << "and nothing is left of the try";
  EXPECT_EQ(house_.store.count(), 1U);
}

TEST_F(Heirs, SA_02_an_unspent_link_ends_with_its_maker) {
  const GrantRef root = token();
  const auto link = links_.mint({.principal = person("guest"), .life = minutes(10), .maker = root}, kStart);
  house_.store.remove_family(root->digest);
  EXPECT_EQ(links_.redeem(link->text.expose(), kStart).denial(), Denial::unknown_credential);
}

TEST_F(Heirs, AT_10_a_persons_login_is_no_root) {
  const auto minted = logins_.begin(person("alice"), "", kStart);
  const GrantRef mine = found(*minted);
  const GrantRef for_programs = token(mine.get());
  const GrantRef telephone = login_by(mine, "", "alice");
  const auto link = links_.mint({.principal = person("alice"), .life = minutes(10), .maker = mine}, kStart);
  logins_.end("alice", mine->digest);
  EXPECT_TRUE(lives(for_programs)) << "people make tokens to last";
  EXPECT_TRUE(lives(telephone)) << "signing out here signs nobody out there";
  EXPECT_EQ(found(*link), nullptr) << "a link that nobody has used goes";
}

TEST_F(Heirs, AT_10_a_login_that_descends_from_a_token_is_a_root_of_what_it_makes) {
  const GrantRef root = token();
  const GrantRef login = login_by(root);
  const GrantRef made = token(login.get());
  const GrantRef next = login_by(login);
  house_.store.remove_family(login->digest);
  EXPECT_FALSE(lives(made));
  EXPECT_FALSE(lives(next));
  EXPECT_TRUE(lives(root));
}

TEST_F(Heirs, AT_10_opening_ones_own_link_in_the_same_browser_does_not_fail) {
  const auto minted = logins_.begin(person("alice"), "", kStart);
  const GrantRef mine = found(*minted);
  const GrantRef again = login_by(mine, minted->text.expose(), "alice");
  ASSERT_NE(again, nullptr);
  EXPECT_FALSE(lives(mine)) << "the cookie from before ends, as always";
  const auto root = token();
  const auto link = links_.mint({.principal = person("guest"), .life = minutes(10), .maker = root}, kStart);
  const Admission spent = links_.redeem(link->text.expose(), kStart);
  const auto heir = logins_.begin_from(*spent.grant(), "", kStart);
  const GrantRef next = login_by(found(*heir), heir->text.expose());
  ASSERT_NE(next, nullptr);
  EXPECT_TRUE(lives(next));
}

TEST_F(Heirs, SA_02_the_kernels_word_has_no_heirs) {
  Grant local = access_grant();
  local.kind = CredentialKind::local_peer;
  const GrantRef made = token(&local);
  ASSERT_NE(made, nullptr);
  EXPECT_EQ(made->family, family_of(made->digest));
  const auto owner = std::make_shared<const Grant>(std::move(local));
  const GrantRef login = login_by(owner);
  ASSERT_NE(login, nullptr);
  EXPECT_EQ(login->family, family_of(login->digest));
}

TEST_F(Heirs, WT_02_a_ticket_ends_with_the_token_that_minted_it_in_the_middle_of_a_line_too) {
  const GrantRef root = token();
  const GrantRef child = token(root.get());
  const auto ticket = tickets_.mint({child, SessionId("one"), "/ws", "http://one.localhost:1"}, kStart);
  ASSERT_TRUE(ticket);
  house_.store.remove_family(child->digest);
  EXPECT_EQ(found(*ticket), nullptr);
}

TEST_F(Heirs, SA_02_minting_and_revoking_at_once_leave_no_heir) {
  for (int turn = 0; turn < 200; ++turn) {
    MemoryCredentialStore store;
    Grant first = access_grant();
    const Digest digest = first.digest;
    ASSERT_TRUE(store.put(std::move(first)));
    const GrantRef root = store.find(digest);
    std::vector<Grant> waiting;
    for (int i = 0; i < 20; ++i) waiting.push_back(access_grant());
    std::atomic<bool> go{false};
    std::thread minter([&] {
      while (!go.load()) {
      }
      for (Grant& grant : waiting) (void)store.put_heir(std::move(grant), *root);
    });
    go.store(true);
    store.remove_family(root->digest);
    minter.join();
    ASSERT_EQ(store.count(), 0U) << turn;
  }
}

}  // namespace
}  // namespace sallyport
