// SPDX-License-Identifier: Apache-2.0
#include "sallyport/launch/stop.h"

#include <gtest/gtest.h>

namespace sallyport {
namespace {

using std::chrono::seconds;

const MonotonicTime kStart{seconds(100)};

TEST(StopLadder, climbs_int_term_kill_each_after_its_wait) {
  StopLadder ladder({seconds(1), seconds(2), seconds(3)});
  EXPECT_EQ(ladder.deadline(), kNever);
  EXPECT_FALSE(ladder.tick(kStart));
  EXPECT_EQ(ladder.begin(kStart), StopSignal::interrupt);
  EXPECT_FALSE(ladder.begin(kStart));
  EXPECT_FALSE(ladder.tick(kStart + seconds(1) - Duration(1)));
  EXPECT_EQ(ladder.tick(kStart + seconds(1)), StopSignal::terminate);
  EXPECT_EQ(ladder.deadline(), kStart + seconds(3));
  EXPECT_EQ(ladder.tick(kStart + seconds(3)), StopSignal::kill);
  EXPECT_FALSE(ladder.lost(kStart + seconds(5)));
  EXPECT_TRUE(ladder.lost(kStart + seconds(6)));
  EXPECT_FALSE(ladder.tick(kStart + seconds(6)));
}

TEST(StopLadder, skips_steps_without_a_wait) {
  StopLadder ladder({Duration::zero(), seconds(2), seconds(3)});
  EXPECT_EQ(ladder.begin(kStart), StopSignal::terminate);
  StopLadder at_once({Duration::zero(), Duration::zero(), Duration::zero()});
  EXPECT_EQ(at_once.begin(kStart), StopSignal::kill);
  EXPECT_TRUE(at_once.lost(kStart));
}

TEST(StopLadder, hurries_to_kill_once) {
  StopLadder ladder;
  EXPECT_EQ(ladder.begin(kStart), StopSignal::interrupt);
  EXPECT_EQ(ladder.hurry(kStart), StopSignal::kill);
  EXPECT_FALSE(ladder.hurry(kStart));
  EXPECT_FALSE(ladder.tick(kStart + seconds(60)));
}

}  // namespace
}  // namespace sallyport
