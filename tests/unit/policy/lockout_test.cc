// SPDX-License-Identifier: Apache-2.0
// Lock-out: whom it hits, whom it must not hit, and that its memory is bounded.
#include "sallyport/policy/lockout.h"

#include <gtest/gtest.h>

#include <thread>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

IpAddress ip(std::string_view text) { return *IpAddress::parse(text); }
ShortHashKey test_key() {
  return ShortHashKey::filled_by(
      [](std::span<std::byte> out) { std::fill(out.begin(), out.end(), std::byte{7}); });
}
NetworkKey numbered(std::uint32_t i) {
  return NetworkKey::of(IpAddress::v4({static_cast<std::uint8_t>(i >> 24), static_cast<std::uint8_t>(i >> 16),
                                       static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)}));
}

class LockoutTest : public testing::Test {
 protected:
  Lockout table_{test_key()};
  MonotonicTime now_{std::chrono::hours(1)};
  NetworkKey here_ = NetworkKey::of(ip("192.0.2.1"));
  LockoutSubject alice_here_{LockoutLane::password, here_, "alice"};
  LockoutSubject tokens_here_{LockoutLane::token, here_, {}};
  std::uint64_t next_value_ = 1;

  Duration fail(int times, const LockoutSubject& subject) {
    Duration delay{};
    for (int i = 0; i < times; ++i) delay = table_.note_failure(subject, 0, now_).delay;
    return delay;
  }
};

TEST_F(LockoutTest, SG_11_the_delay_grows_and_is_bounded) {
  EXPECT_EQ(fail(4, alice_here_), Duration::zero());
  EXPECT_EQ(fail(1, alice_here_), seconds(2));
  EXPECT_EQ(fail(1, alice_here_), seconds(4));
  EXPECT_EQ(fail(1, alice_here_), seconds(8));
  EXPECT_EQ(fail(1000, alice_here_), minutes(15));
  EXPECT_EQ(table_.wait_left(alice_here_, now_), minutes(15));
  EXPECT_EQ(table_.wait_left(alice_here_, now_ + minutes(15)), Duration::zero());
}

TEST_F(LockoutTest, SG_11_nobody_locks_out_somebody_elsewhere_or_somebody_else) {
  fail(100, alice_here_);
  EXPECT_EQ(table_.wait_left({LockoutLane::password, NetworkKey::of(ip("192.0.2.2")), "alice"}, now_),
            Duration::zero())
      << "counted for the name alone, which a stranger chooses";
  EXPECT_EQ(table_.wait_left({LockoutLane::password, here_, "bob"}, now_), Duration::zero());
  EXPECT_EQ(table_.wait_left({LockoutLane::password, NetworkKey::of_local(1000), "alice"}, now_),
            Duration::zero());
  EXPECT_EQ(table_.wait_left(tokens_here_, now_), Duration::zero()) << "another way in";
}

TEST_F(LockoutTest, SG_11_the_addresses_of_one_v6_network_count_together) {
  fail(10, {LockoutLane::token, NetworkKey::of(ip("2001:db8:0:1::1")), {}});
  EXPECT_GT(table_.wait_left({LockoutLane::token, NetworkKey::of(ip("2001:db8:0:1:ffff::9")), {}}, now_),
            Duration::zero());
  EXPECT_EQ(table_.wait_left({LockoutLane::token, NetworkKey::of(ip("2001:db8:0:2::1")), {}}, now_),
            Duration::zero());
}

TEST_F(LockoutTest, SG_11_a_quiet_window_or_a_success_forgets) {
  fail(5, alice_here_);
  now_ += minutes(5) + seconds(2);
  EXPECT_EQ(fail(1, alice_here_), Duration::zero());
  fail(5, alice_here_);
  table_.note_success(alice_here_);
  EXPECT_EQ(table_.wait_left(alice_here_, now_), Duration::zero());
  EXPECT_EQ(fail(4, alice_here_), Duration::zero());
  table_.note_success({LockoutLane::password, NetworkKey::of(ip("192.0.2.9")), "nobody"});
}

TEST_F(LockoutTest, SG_11_a_try_taken_back_leaves_the_others_counted) {
  fail(4, alice_here_);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(fail(1, alice_here_), seconds(2));
    table_.take_back(alice_here_);
    EXPECT_EQ(table_.wait_left(alice_here_, now_), Duration::zero());
  }
  EXPECT_EQ(fail(2, alice_here_), seconds(4));
  table_.take_back({LockoutLane::password, NetworkKey::of(ip("192.0.2.9")), "nobody"});
}

TEST_F(LockoutTest, SG_11_waiting_out_the_delay_does_not_forget) {
  Duration delay = fail(8, alice_here_);
  for (int i = 0; i < 5; ++i) {
    now_ += delay;
    const Duration next = fail(1, alice_here_);
    EXPECT_GE(next, delay);
    delay = next;
  }
}

TEST_F(LockoutTest, SG_11_the_same_wrong_token_again_and_again_brings_one_short_wait) {
  for (int i = 0; i < 5; ++i) (void)table_.note_failure(tokens_here_, 77, now_);
  EXPECT_EQ(table_.wait_left(tokens_here_, now_), seconds(2));
  for (int i = 0; i < 100; ++i) {
    now_ += seconds(2);
    EXPECT_EQ(table_.note_failure(tokens_here_, 77, now_).delay, Duration::zero()) << i;
  }
  EXPECT_EQ(table_.note_failure(tokens_here_, 78, now_).delay, seconds(4)) << "another one is a guess";
}

TEST_F(LockoutTest, SG_11_a_browsers_stale_cookie_counts_once_and_many_cookies_are_guesses) {
  const LockoutSubject cookies{LockoutLane::cookie, here_, {}};
  for (int i = 0; i < 100; ++i) (void)table_.note_failure(cookies, 5, now_);
  EXPECT_EQ(table_.wait_left(cookies, now_), Duration::zero());
  for (std::uint64_t i = 0; i < 19; ++i) (void)table_.note_failure(cookies, 100 + i, now_);
  EXPECT_EQ(table_.wait_left(cookies, now_), seconds(2));
}

TEST_F(LockoutTest, SG_11_the_table_is_bounded_and_the_busy_stay) {
  fail(6, alice_here_);
  for (std::uint32_t i = 0; i < 60'000; ++i) {
    (void)table_.note_failure({LockoutLane::token, numbered(i), {}}, 0, now_);
    if (i % 500 == 0) (void)table_.note_failure(alice_here_, 0, now_);
  }
  EXPECT_LE(table_.size(), LockoutLimits{}.entries_max);
  EXPECT_GT(table_.wait_left(alice_here_, now_), Duration::zero());
}

TEST_F(LockoutTest, SG_11_many_networks_that_fail_are_an_alert_and_lock_nobody_out) {
  int alerts = 0;
  for (std::uint32_t i = 0; i < 200; ++i) {
    const auto counted = table_.note_failure({LockoutLane::password, numbered(i), "alice"}, 0, now_);
    alerts += counted.alert == Lockout::Counted::Alert::widespread ? 1 : 0;
    EXPECT_EQ(counted.delay, Duration::zero());
  }
  EXPECT_EQ(alerts, 1) << "once in a window";
  EXPECT_EQ(table_.wait_left(alice_here_, now_), Duration::zero());
}

TEST_F(LockoutTest, SG_11_tries_that_turn_out_well_raise_no_alert) {
  for (std::uint32_t i = 0; i < 200; ++i) {
    const LockoutSubject subject{LockoutLane::password, numbered(i), "alice"};
    EXPECT_EQ(table_.note_try(subject, 0, now_).alert, Lockout::Counted::Alert::none);
    table_.note_success(subject);
  }
  int alerts = 0;
  for (int i = 0; i < 50; ++i) alerts += table_.confirm(now_) == Lockout::Counted::Alert::widespread ? 1 : 0;
  EXPECT_EQ(alerts, 1) << "the fiftieth that failed indeed";
}

TEST_F(LockoutTest, SG_11_lists_and_releases) {
  fail(6, alice_here_);
  fail(5, {LockoutLane::token, NetworkKey::of(ip("2001:db8::1")), {}});
  fail(1, {LockoutLane::password, here_, "bob"});
  const auto all = table_.list(now_);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].network, "192.0.2.1");
  EXPECT_EQ(all[0].principal, "alice");
  EXPECT_EQ(all[0].failures, 6U);
  EXPECT_EQ(all[0].wait_left, seconds(4));
  EXPECT_EQ(all[1].network, "2001:db8::/64");
  EXPECT_EQ(NetworkKey::parse(all[1].network), NetworkKey::of(ip("2001:db8::9")));
  EXPECT_EQ(table_.release(here_, "carol"), 0U);
  EXPECT_EQ(table_.release(here_, "alice"), 1U);
  EXPECT_EQ(table_.wait_left(alice_here_, now_), Duration::zero());
  EXPECT_EQ(table_.release(std::nullopt, {}), 2U);
  EXPECT_TRUE(table_.list(now_).empty());
}

TEST_F(LockoutTest, SG_11_many_threads_count_every_failure) {
  LockoutLimits limits;
  limits.failures = 100'000;
  Lockout table(test_key(), limits);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) (void)table.note_failure(alice_here_, 0, now_);
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(table.note_failure(alice_here_, 0, now_).failures, 4001U);
}

TEST(NetworkKeyTest, SG_11_names_networks_and_reads_them_back) {
  for (const char* text : {"192.0.2.1", "2001:db8:1:2::/64", "uid:1000", "uid:0"}) {
    const auto key = NetworkKey::parse(text);
    ASSERT_TRUE(key) << text;
    EXPECT_EQ(key->str(), text);
  }
  for (const char* text :
       {"", "uid:", "uid:-1", "uid:4294967296", "192.0.2.1/64", "192.0.2", "all", "2001:db8::/63"})
    EXPECT_FALSE(NetworkKey::parse(text)) << text;
}

TEST(LockoutLimitsTest, SG_11_reads_failures_and_time) {
  const auto limits = LockoutLimits::parse("3/10m");
  ASSERT_TRUE(limits);
  EXPECT_EQ(limits->failures, 3U);
  EXPECT_EQ(limits->window, minutes(10));
  for (const char* text : {"", "5", "/5m", "0/5m", "5/", "5/5", "-5/5m", "5/5w", "1001/5m", "5/2d", "5/5m/1"})
    EXPECT_FALSE(LockoutLimits::parse(text)) << text;
}

}  // namespace
}  // namespace sallyport
