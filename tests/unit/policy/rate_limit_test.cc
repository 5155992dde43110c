// SPDX-License-Identifier: Apache-2.0
// Rate limits: the bucket's arithmetic, who shares one, rules as text, and that memory does not grow.
#include "sallyport/policy/rate_limit.h"

#include <gtest/gtest.h>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

ShortHashKey test_key() {
  return ShortHashKey::filled_by(
      [](std::span<std::byte> out) { std::fill(out.begin(), out.end(), std::byte{9}); });
}
NetworkKey net(std::string_view text) { return *NetworkKey::parse(text); }
RateRule rule(std::string_view text) { return *RateRule::parse(text); }

class RateLimitTest : public testing::Test {
 protected:
  MonotonicTime now_{std::chrono::hours(1)};
  NetworkKey here_ = net("192.0.2.1");

  int passed(RateLimiter& limiter, int tries, const NetworkKey& client, std::string_view path = "/") {
    int count = 0;
    for (int i = 0; i < tries; ++i)
      count += limiter.wait_of_client(client, path, now_) == Duration::zero() ? 1 : 0;
    return count;
  }
};

TEST_F(RateLimitTest, SG_12_a_burst_then_an_even_flow) {
  RateLimiter limiter(test_key(), {rule("60/m:10")});
  EXPECT_EQ(passed(limiter, 100, here_), 10);
  EXPECT_EQ(limiter.wait_of_client(here_, "/", now_), seconds(1));
  now_ += milliseconds(999);
  EXPECT_EQ(limiter.wait_of_client(here_, "/", now_), milliseconds(1)) << "what is refused takes nothing";
  now_ += milliseconds(1);
  EXPECT_EQ(passed(limiter, 100, here_), 1);
  now_ += minutes(10);
  EXPECT_EQ(passed(limiter, 100, here_), 10) << "no more than the burst is saved up";
}

TEST_F(RateLimitTest, SG_12_the_default_is_100_a_minute_with_room_for_a_page_of_many_pictures) {
  RateLimiter limiter(test_key(), {rule("on")});
  EXPECT_EQ(passed(limiter, 1000, here_), 200);
  now_ += minutes(1);
  EXPECT_EQ(passed(limiter, 1000, here_), 100);
}

TEST_F(RateLimitTest, SG_12_each_client_has_his_own_and_a_v6_network_is_one) {
  RateLimiter limiter(test_key(), {rule("10/m:3")});
  EXPECT_EQ(passed(limiter, 9, here_), 3);
  EXPECT_EQ(passed(limiter, 9, net("192.0.2.2")), 3);
  EXPECT_EQ(passed(limiter, 9, net("uid:1000")), 3);
  EXPECT_EQ(passed(limiter, 2, net("2001:db8::1")), 2);
  EXPECT_EQ(passed(limiter, 9, net("2001:db8::2")), 1) << "the same /64";
}

TEST_F(RateLimitTest, SG_12_routes_and_users_have_buckets_of_their_own) {
  RateLimiter limiter(test_key(), {rule("client=100/m:20"), rule("/api/*=10/m:2"), rule("user=10/m:3")});
  EXPECT_EQ(passed(limiter, 5, here_, "/api/x"), 2);
  EXPECT_EQ(passed(limiter, 5, here_, "/api"), 0) << "one bucket for the whole of it";
  EXPECT_EQ(passed(limiter, 5, here_, "/apix"), 5);
  EXPECT_EQ(limiter.wait_of_user("alice", now_), Duration::zero());
  EXPECT_EQ(limiter.wait_of_user("alice", now_), Duration::zero());
  EXPECT_EQ(limiter.wait_of_user("alice", now_), Duration::zero());
  EXPECT_EQ(limiter.wait_of_user("alice", now_), seconds(6));
  EXPECT_EQ(limiter.wait_of_user("bob", now_), Duration::zero());
}

TEST_F(RateLimitTest, SG_12_ten_million_addresses_do_not_grow_memory_and_the_limited_stay_limited) {
  RateLimiter limiter(test_key(), {rule("10/h:2")});
  const std::size_t before = limiter.buckets().bytes();
  EXPECT_EQ(passed(limiter, 5, here_), 2);
  for (std::uint32_t i = 0; i < 10'000'000; ++i) {
    NetworkKey stranger;
    stranger.bytes = {static_cast<std::uint8_t>(10 + (i >> 24)), static_cast<std::uint8_t>(i >> 16),
                      static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)};
    ASSERT_EQ(limiter.wait_of_client(stranger, "/", now_), Duration::zero())
        << "a full table turns nobody away";
  }
  EXPECT_EQ(limiter.buckets().bytes(), before);
  EXPECT_LT(before, std::size_t{2} << 20);
  EXPECT_GT(limiter.buckets().forgotten(), 0U);
  EXPECT_GT(limiter.wait_of_client(here_, "/", now_), Duration::zero())
      << "who has the fewest tokens is kept the longest";
}

TEST_F(RateLimitTest, SG_12_extreme_rates_do_not_overflow) {
  for (const char* text : {"1/d:1000000", "1000000/s:1000000", "1/24h", "1000000/d:1"}) {
    const auto read = RateRule::parse(text);
    ASSERT_TRUE(read) << text;
    RateLimiter limiter(test_key(), {*read});
    for (int i = 0; i < 1000; ++i) EXPECT_GE(limiter.wait_of_client(here_, "/", now_), Duration::zero());
  }
}

TEST(RateRuleTest, SG_12_rules_are_read_strictly) {
  EXPECT_EQ(rule("100/m").str(), "client=100/60s:200");
  EXPECT_EQ(rule("on").str(), "client=100/60s:200");
  EXPECT_EQ(rule("client=5/10s:7").str(), "client=5/10s:7");
  EXPECT_EQ(rule("user=600/h").str(), "user=600/3600s:1200");
  EXPECT_EQ(rule("/api/*=10/s:20").str(), "/api/*=10/1s:20");
  EXPECT_EQ(rule("/login=5/min:5").str(), "/login=5/60s:5");
  for (const char* text : {"",          "100",         "100/",      "/m",          "0/m",
                           "100/0s",    "100/m:",      "100/m:0",   "100/m:x",     "-1/m",
                           "1000001/m", "100/w",       "100/2d",    "someone=1/m", "api=1/m",
                           "/a*=1/m",   "/a/../b=1/m", "/a%2f=1/m", "//=1/m",      "/a/b*c/*=1/m",
                           "100/m=5",   "off",         "100 / m",   "client=",     "=100/m"})
    EXPECT_FALSE(RateRule::parse(text)) << text;
}

}  // namespace
}  // namespace sallyport
