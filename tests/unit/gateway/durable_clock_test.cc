// SPDX-License-Identifier: Apache-2.0
// Does no record live longer than it was given, whatever clocks and boots do?
#include "sallyport/gateway/durable_clock.h"

#include <gtest/gtest.h>

#include "sallyport/env/testing/fakes.h"

namespace sallyport {
namespace {

using std::chrono::hours;

class DurableClockTest : public testing::Test {
 protected:
  DurableClockTest() {
    wall_.set(WallTime(hours(400'000)));
    monotonic_.advance(hours(10));
  }
  ManualClock wall_;
  ManualMonotonicClock monotonic_;
  DurableClock before_{wall_, monotonic_, "one"};
};

TEST_F(DurableClockTest, SA_11_within_a_boot_the_monotonic_clock_rules) {
  const auto end = before_.keep(monotonic_.now() + hours(2));
  wall_.set(WallTime(hours(1)));
  EXPECT_EQ(DurableClock(wall_, monotonic_, "one").revive(end, WallTime{}), end.monotonic);
}

TEST_F(DurableClockTest, SA_11_after_a_boot_the_wall_clock_rules) {
  const auto began = wall_.now();
  const auto end = before_.keep(monotonic_.now() + hours(2));
  wall_.advance(hours(1));
  ManualMonotonicClock fresh;
  const DurableClock now(wall_, fresh, "two");
  EXPECT_EQ(now.revive(end, began), fresh.now() + hours(1));
  wall_.advance(hours(5));
  EXPECT_LE(now.revive(end, began), fresh.now());
}

TEST_F(DurableClockTest, SA_11_a_clock_that_was_set_back_prolongs_nothing) {
  const auto began = wall_.now();
  const auto end = before_.keep(monotonic_.now() + hours(2));
  const auto last_seen = wall_.now() + hours(1);
  wall_.set(WallTime(hours(1)));
  ManualMonotonicClock fresh;
  DurableClock now(wall_, fresh, "two");
  EXPECT_EQ(now.revive(end, began), fresh.now() + hours(2)) << "at most the life that it was given";
  now.saw(last_seen);
  EXPECT_EQ(now.revive(end, began), fresh.now() + hours(1));
}

TEST_F(DurableClockTest, SA_11_never_stays_never_and_no_boot_id_is_no_boot) {
  EXPECT_EQ(before_.revive(before_.keep(kNever), WallTime{}), kNever);
  const DurableClock nameless(wall_, monotonic_, "");
  const auto end = nameless.keep(monotonic_.now() + hours(2));
  wall_.advance(hours(3));
  EXPECT_LE(nameless.revive(end, WallTime{}), monotonic_.now());
}

}  // namespace
}  // namespace sallyport
