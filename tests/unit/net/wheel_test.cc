// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/wheel.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <vector>

namespace sallyport {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr MonotonicTime kStart{seconds(1000)};

struct Probe : Timer {
  Probe() : Timer([](Timer& timer) noexcept { ++static_cast<Probe&>(timer).fired; }) {}
  int fired = 0;
};

TEST(Wheel, is_never_early_and_at_most_one_tick_late) {
  Wheel wheel(kStart);
  Probe probe;
  wheel.set(probe, kStart + milliseconds(250));
  EXPECT_EQ(wheel.sweep(kStart + milliseconds(249)), 0U);
  EXPECT_EQ(wheel.sweep(kStart + milliseconds(250) + kDeadlineTick), 1U);
  EXPECT_EQ(probe.fired, 1);
  EXPECT_EQ(wheel.sweep(kStart + seconds(500)), 0U);
}

TEST(Wheel, a_deadline_moved_later_or_earlier_or_away_fires_only_there) {
  Wheel wheel(kStart);
  Probe later;
  Probe earlier;
  Probe away;
  wheel.set(later, kStart + seconds(1));
  wheel.set(later, kStart + seconds(3));
  wheel.set(earlier, kStart + seconds(3));
  wheel.set(earlier, kStart + seconds(1));
  wheel.set(away, kStart + seconds(1));
  wheel.set(away, kNever);
  wheel.sweep(kStart + seconds(2));
  EXPECT_EQ(later.fired, 0);
  EXPECT_EQ(earlier.fired, 1);
  wheel.sweep(kStart + seconds(4));
  EXPECT_EQ(later.fired, 1);
  EXPECT_EQ(away.fired, 0);
}

TEST(Wheel, deadlines_beyond_its_width_wait_for_their_round) {
  Wheel wheel(kStart);
  Probe probe;
  const Duration width = kDeadlineTick * static_cast<int>(kWheelSlots);
  wheel.set(probe, kStart + 2 * width + seconds(1));
  for (MonotonicTime now = kStart; now < kStart + 2 * width; now += seconds(1)) wheel.sweep(now);
  EXPECT_EQ(probe.fired, 0);
  wheel.sweep(kStart + 2 * width + seconds(2));
  EXPECT_EQ(probe.fired, 1);
}

TEST(Wheel, what_is_past_already_fires_at_the_next_tick) {
  Wheel wheel(kStart);
  Probe probe;
  wheel.set(probe, kStart - seconds(5));
  wheel.sweep(kStart + kDeadlineTick);
  EXPECT_EQ(probe.fired, 1);
}

TEST(Wheel, a_clock_that_jumps_far_fires_everything_once) {
  Wheel wheel(kStart);
  std::vector<std::unique_ptr<Probe>> probes;
  for (int i = 0; i < 2000; ++i) {
    probes.push_back(std::make_unique<Probe>());
    wheel.set(*probes.back(), kStart + milliseconds(i * 61));
  }
  EXPECT_EQ(wheel.sweep(kStart + seconds(100'000)), 2000U);
  EXPECT_EQ(wheel.next(), kNever);
}

TEST(Wheel, a_timer_that_dies_leaves_it) {
  Wheel wheel(kStart);
  {
    Probe probe;
    wheel.set(probe, kStart + seconds(1));
  }
  EXPECT_EQ(wheel.sweep(kStart + seconds(10)), 0U);
}

TEST(Wheel, next_is_never_later_than_the_first_deadline) {
  std::mt19937 random(20240617);
  std::uniform_int_distribution<int> after_ms(1, 200'000);
  for (int round = 0; round < 200; ++round) {
    Wheel wheel(kStart);
    MonotonicTime now = kStart;
    Probe probe;
    const MonotonicTime when = kStart + milliseconds(after_ms(random));
    wheel.set(probe, when);
    int sweeps = 0;
    while (probe.fired == 0 && ++sweeps < 20) {  // as the loop does: sleep until next(), sweep
      const MonotonicTime next = wheel.next();
      ASSERT_LE(next, when + kDeadlineTick);
      ASSERT_GT(next, now);
      now = next;
      wheel.sweep(now);
    }
    EXPECT_EQ(probe.fired, 1);
    EXPECT_GE(now, when);
  }
}

TEST(Wheel, a_timer_may_be_set_again_from_its_own_expiry) {
  struct Again : Timer {
    explicit Again(Wheel& on)
        : Timer([](Timer& timer) noexcept {
            auto& self = static_cast<Again&>(timer);
            ++self.fired;
            self.wheel.set(self, self.when() + seconds(1));
          }),
          wheel(on) {}
    Wheel& wheel;
    int fired = 0;
  };
  Wheel wheel(kStart);
  Again again(wheel);
  wheel.set(again, kStart + seconds(1));
  for (int i = 1; i <= 10; ++i) wheel.sweep(kStart + seconds(i));
  EXPECT_EQ(again.fired, 10);
}

}  // namespace
}  // namespace sallyport
