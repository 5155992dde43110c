// SPDX-License-Identifier: Apache-2.0
// Logins, login links and internal credentials: do they begin anew, end on time, and stay apart?
#include "sallyport/credential/logins.h"

#include <gtest/gtest.h>

#include <barrier>
#include <thread>

#include "sallyport/credential/internal_credentials.h"
#include "tests/unit/credential/support.h"

namespace sallyport {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

class Login : public testing::Test {
 protected:
  std::string begin(std::string user, std::string_view before = "", MonotonicTime now = kStart) {
    auto minted = logins_.begin(person(std::move(user)), before, now);
    EXPECT_TRUE(minted);
    return std::string(minted->text.expose());
  }

  House house_;
  Logins logins_{house_.store, house_.entropy, LoginPolicy{hours(1), hours(10), 3}};
};

TEST_F(Login, AT_10_resumes_by_its_cookie) {
  const std::string cookie = begin("alice");
  EXPECT_TRUE(cookie.starts_with("spc_"));
  const Admission admission = logins_.resume(cookie, kStart);
  ASSERT_TRUE(admission);
  EXPECT_EQ(admission.grant()->principal->id, "alice");
  EXPECT_EQ(logins_.resume("", kStart).denial(), Denial::malformed_credential);
  EXPECT_EQ(logins_.resume(stranger(CredentialKind::login, house_.entropy), kStart).denial(),
            Denial::unknown_credential);
  EXPECT_EQ(logins_.resume(stranger(CredentialKind::login_link, house_.entropy), kStart).denial(),
            Denial::wrong_kind);
}

TEST_F(Login, AT_10_a_cookie_planted_before_the_login_is_worth_nothing_after_it) {
  const std::string planted = begin("mallory");
  const std::string cookie = begin("alice", planted);
  EXPECT_NE(cookie, planted);
  EXPECT_FALSE(logins_.resume(planted, kStart));
  EXPECT_EQ(logins_.resume(cookie, kStart).grant()->principal->id, "alice");
}

TEST_F(Login, a_cookie_that_is_no_login_does_not_hinder_one) {
  const std::string unknown = stranger(CredentialKind::login, house_.entropy);
  for (const std::string_view before : {std::string_view("garbage"), std::string_view(unknown)}) {
    EXPECT_TRUE(logins_.resume(begin("alice", before), kStart));
  }
}

TEST_F(Login, AT_10_ends_when_idle_and_lives_on_when_used) {
  const std::string used = begin("alice");
  const std::string idle = begin("alice");
  EXPECT_TRUE(logins_.resume(used, kStart + minutes(59)));
  EXPECT_TRUE(logins_.resume(idle, kStart + seconds(0)));
  EXPECT_EQ(logins_.resume(idle, kStart + hours(1)).denial(), Denial::expired);
  EXPECT_TRUE(logins_.resume(used, kStart + hours(1) + minutes(58)));
}

TEST_F(Login, AT_10_ends_at_its_absolute_lifetime_however_busy) {
  const std::string cookie = begin("alice");
  for (int i = 0; i < 10 * 60; i += 30) EXPECT_TRUE(logins_.resume(cookie, kStart + minutes(i))) << i;
  EXPECT_TRUE(logins_.resume(cookie, kStart + hours(10) - Duration(1)));
  EXPECT_EQ(logins_.resume(cookie, kStart + hours(10)).denial(), Denial::expired);
}

TEST_F(Login, AT_10_listed_for_their_user_the_oldest_first) {
  begin("alice", "", kStart);
  begin("alice", "", kStart + seconds(2));
  begin("bob");
  const auto logins = logins_.list("alice", kStart + seconds(2));
  ASSERT_EQ(logins.size(), 2U);
  EXPECT_LT(logins[0]->issued, logins[1]->issued);
  EXPECT_TRUE(logins_.list("alice", kStart + hours(20)).empty());
  EXPECT_TRUE(logins_.list("nobody", kStart).empty());
}

TEST_F(Login, AT_10_a_user_ends_one_or_all_others_of_their_own_only) {
  const std::string one = begin("alice");
  const std::string two = begin("alice");
  const std::string bobs = begin("bob");
  EXPECT_EQ(logins_.end("alice", read_token(bobs)->digest), 0U) << "not hers";
  EXPECT_TRUE(logins_.resume(bobs, kStart));
  EXPECT_EQ(logins_.end_others("alice", read_token(one)->digest), 1U);
  EXPECT_TRUE(logins_.resume(one, kStart));
  EXPECT_FALSE(logins_.resume(two, kStart));
  EXPECT_EQ(logins_.end("alice", read_token(one)->digest), 1U);
  EXPECT_FALSE(logins_.resume(one, kStart));
  EXPECT_EQ(logins_.end_all("bob"), 1U);
  EXPECT_EQ(house_.store.count(), 0U);
}

TEST_F(Login, the_oldest_goes_when_a_user_has_too_many) {
  std::vector<std::string> cookies;
  for (int i = 0; i < 5; ++i) cookies.push_back(begin("alice", "", kStart + seconds(i)));
  const std::string bobs = begin("bob");
  const MonotonicTime now = kStart + seconds(5);
  EXPECT_FALSE(logins_.resume(cookies[0], now));
  EXPECT_FALSE(logins_.resume(cookies[1], now));
  for (std::size_t i = 2; i < 5; ++i) EXPECT_TRUE(logins_.resume(cookies[i], now));
  EXPECT_TRUE(logins_.resume(bobs, now));
}

TEST_F(Login, BY_02_ending_is_told_to_observers) {
  std::size_t told = 0;
  house_.store.subscribe([&told](const Grant&, Removal) { ++told; });
  const std::string one = begin("alice");
  begin("alice", one);
  EXPECT_EQ(told, 1U);
  logins_.end_all("alice");
  EXPECT_EQ(told, 2U);
}

TEST_F(Login, nobody_cannot_log_in) {
  EXPECT_EQ(logins_.begin(nullptr, "", kStart).error().code, Code::invalid_argument);
}

TEST(LoginLink, BY_03_opens_once_and_in_time) {
  House house;
  LoginLinks links(house.store, house.entropy);
  const auto link = links.mint({person("alice"), minutes(10)}, kStart);
  const auto late = links.mint({person("alice"), minutes(10)}, kStart);
  ASSERT_TRUE(link);
  const Admission admission = links.redeem(link->text.expose(), kStart + minutes(10) - Duration(1));
  ASSERT_TRUE(admission);
  EXPECT_EQ(admission.grant()->principal->id, "alice");
  EXPECT_EQ(links.redeem(link->text.expose(), kStart).denial(), Denial::unknown_credential);
  EXPECT_EQ(links.redeem(late->text.expose(), kStart + minutes(10)).denial(), Denial::expired);
  EXPECT_EQ(house.store.count(), 0U);
}

TEST(LoginLink, BY_03_racing_visitors_log_in_once) {
  House house;
  LoginLinks links(house.store, house.entropy);
  const auto link = links.mint({person("alice"), minutes(10)}, kStart);
  std::atomic<int> wins{0};
  std::barrier gun(16);
  {
    std::vector<std::jthread> visitors;
    for (int i = 0; i < 16; ++i) {
      visitors.emplace_back([&] {
        gun.arrive_and_wait();
        if (links.redeem(link->text.expose(), kStart)) ++wins;
      });
    }
  }
  EXPECT_EQ(wins.load(), 1);
}

TEST(LoginLink, BY_03_bad_lives_and_foreign_tokens_are_refused) {
  House house;
  LoginLinks links(house.store, house.entropy);
  EXPECT_FALSE(links.mint({person("alice"), Duration::zero()}, kStart));
  EXPECT_FALSE(links.mint({person("alice"), hours(2)}, kStart));
  EXPECT_FALSE(links.mint({nullptr, minutes(1)}, kStart));
  EXPECT_EQ(links.redeem("", kStart).denial(), Denial::malformed_credential);
  EXPECT_EQ(links.redeem(stranger(CredentialKind::ticket, house.entropy), kStart).denial(),
            Denial::wrong_kind);
}

class Internal : public testing::Test {
 protected:
  std::string mint_for(std::string_view child) {
    auto minted = credentials_.mint_for(SessionId(std::string(child)), {"/api/ws", "/api/pub"}, kStart);
    EXPECT_TRUE(minted);
    return std::string(minted->text.expose());
  }

  House house_;
  InternalCredentials credentials_{house_.store, house_.entropy};
};

TEST_F(Internal, WT_08_is_multi_use_without_expiry_under_its_own_identity) {
  const std::string text = mint_for("one");
  for (int day = 0; day < 400; day += 100) {
    const Admission admission =
        credentials_.admit(text, {"/api/ws", Route::loopback}, kStart + hours(24 * day));
    ASSERT_TRUE(admission);
    EXPECT_EQ(admission.grant()->principal->id, "server-internal");
    EXPECT_EQ(admission.grant()->principal->kind, PrincipalKind::internal);
  }
  EXPECT_TRUE(credentials_.admit(text, {"/api/pub", Route::unix_socket}, kStart));
}

TEST_F(Internal, WT_08_only_on_loopback_or_unix_sockets_and_named_endpoints) {
  const std::string text = mint_for("one");
  EXPECT_EQ(credentials_.admit(text, {"/api/ws", Route::elsewhere}, kStart).denial(),
            Denial::network_not_allowed);
  EXPECT_EQ(credentials_.admit(text, InternalUse{"/api/ws"}, kStart).denial(), Denial::network_not_allowed);
  for (const std::string_view path : {"/", "", "/api", "/api/ws/", "/api/ws/x", "/API/WS", "/api/ws?x"}) {
    EXPECT_EQ(credentials_.admit(text, {path, Route::loopback}, kStart).denial(), Denial::wrong_path) << path;
  }
}

TEST_F(Internal, WT_08_one_per_child_revocable_and_apart) {
  const std::string first = mint_for("one");
  const std::string other = mint_for("two");
  const std::string again = mint_for("one");
  const InternalUse use{"/api/ws", Route::loopback};
  EXPECT_EQ(credentials_.admit(first, use, kStart).denial(), Denial::unknown_credential);
  EXPECT_TRUE(credentials_.admit(again, use, kStart));
  EXPECT_EQ(credentials_.revoke(SessionId("one")), 1U);
  EXPECT_FALSE(credentials_.admit(again, use, kStart));
  EXPECT_TRUE(credentials_.admit(other, use, kStart));
}

TEST_F(Internal, WT_09_unminted_empty_and_wrong_values_are_refused) {
  const InternalUse use{"/api/ws", Route::loopback};
  EXPECT_EQ(credentials_.admit("", use, kStart).denial(), Denial::malformed_credential);
  EXPECT_EQ(
      credentials_.admit(stranger(CredentialKind::internal_credential, house_.entropy), use, kStart).denial(),
      Denial::unknown_credential);
  EXPECT_EQ(credentials_.admit("spi_\xff\xfe", use, kStart).denial(), Denial::malformed_credential);
  EXPECT_EQ(credentials_.admit(stranger(CredentialKind::ticket, house_.entropy), use, kStart).denial(),
            Denial::wrong_kind);
}

TEST_F(Internal, WT_08_needs_a_child_and_exact_endpoints) {
  const SessionId child("one");
  EXPECT_FALSE(credentials_.mint_for(SessionId(), {"/a"}, kStart));
  EXPECT_FALSE(credentials_.mint_for(child, {}, kStart));
  for (const std::string bad : {"", "a", "/*", "/a b", "/a?b", "/a#b"}) {
    EXPECT_FALSE(credentials_.mint_for(child, {"/ok", bad}, kStart)) << bad;
  }
  EXPECT_FALSE(
      credentials_.mint_for(child, std::vector<std::string>(kInternalEndpointsMax + 1, "/a"), kStart));
}

}  // namespace
}  // namespace sallyport
