// SPDX-License-Identifier: Apache-2.0
#include "sallyport/session/life.h"

#include <gtest/gtest.h>

namespace sallyport {
namespace {

using std::chrono::seconds;
using E = LifeEvent;
using S = SessionState;

class Life : public testing::Test {
 protected:
  LifeRules rules;
  MonotonicTime now{seconds(1000)};
  MonotonicTime active{};
  std::optional<SessionLife> life;

  void begin() { life.emplace(rules); }
  LifeAction on(E event) { return life->on(event, now); }
  void become_ready() {
    begin();
    ASSERT_EQ(on(E::start), LifeAction::launch);
    on(E::answered);
    ASSERT_EQ(life->state(), S::ready);
  }
  void crash() {
    on(E::exited_dirty);
    EXPECT_EQ(life->state(), S::stopping);
  }
};

TEST_F(Life, SA_04_runs_from_start_to_end) {
  begin();
  EXPECT_EQ(life->state(), S::dormant);
  EXPECT_EQ(on(E::start), LifeAction::launch);
  EXPECT_EQ(on(E::start), LifeAction::none);  // shared, not doubled
  EXPECT_EQ(life->state(), S::starting);
  EXPECT_EQ(on(E::answered), LifeAction::none);
  EXPECT_EQ(life->state(), S::ready);
  EXPECT_EQ(on(E::end), LifeAction::stop);
  EXPECT_EQ(life->state(), S::stopping);
  EXPECT_EQ(on(E::exited_dirty), LifeAction::none);
  EXPECT_EQ(on(E::gone), LifeAction::none);
  EXPECT_EQ(life->state(), S::stopped);
  EXPECT_EQ(life->ending(), Ending::requested);
  EXPECT_TRUE(life->over());
}

TEST_F(Life, nothing_revives_the_stopped) {
  become_ready();
  on(E::end);
  on(E::gone);
  for (std::size_t event = 0; event < kLifeEventCount; ++event) {
    EXPECT_EQ(on(static_cast<E>(event)), LifeAction::none);
    EXPECT_EQ(life->state(), S::stopped);
  }
  EXPECT_EQ(life->due(kNever - seconds(1), active), std::nullopt);
  EXPECT_EQ(life->deadline(active), kNever);
}

TEST_F(Life, clean_exit_is_the_end_and_dirty_exit_a_failure) {
  become_ready();
  on(E::exited_clean);
  on(E::gone);
  EXPECT_EQ(life->state(), S::stopped);
  become_ready();
  crash();
  on(E::gone);
  EXPECT_EQ(life->state(), S::failed);
}

TEST_F(Life, exit_before_the_first_answer_is_a_failure_whatever_its_status) {
  begin();
  on(E::start);
  on(E::exited_clean);
  on(E::gone);
  EXPECT_EQ(life->state(), S::failed);
}

TEST_F(Life, BY_08_restarts_with_doubling_pauses_up_to_a_cap) {
  rules.restart = RestartPolicy::on_failure;
  become_ready();
  auto expected = kBackoffFirst;
  for (int round = 0; round < 10; ++round) {
    crash();
    on(E::gone);
    ASSERT_EQ(life->state(), S::waiting);
    EXPECT_EQ(life->retry_at(), now + expected);
    EXPECT_EQ(life->deadline(active), now + expected);
    EXPECT_EQ(life->due(life->retry_at() - Duration(1), active), std::nullopt);
    now = life->retry_at();
    ASSERT_EQ(life->due(now, active), E::retry_due);
    EXPECT_EQ(on(E::retry_due), LifeAction::launch);
    on(E::answered);
    expected = std::min(expected * 2, kBackoffMax);
  }
  now += kStableAfter;
  crash();
  on(E::gone);
  EXPECT_EQ(life->retry_at(), now + kBackoffFirst);
}

TEST_F(Life, BY_08_policy_decides_about_a_clean_exit) {
  rules.restart = RestartPolicy::on_failure;
  become_ready();
  on(E::exited_clean);
  on(E::gone);
  EXPECT_EQ(life->state(), S::stopped);
  rules.restart = RestartPolicy::always;
  become_ready();
  on(E::exited_clean);
  on(E::gone);
  EXPECT_EQ(life->state(), S::waiting);
}

TEST_F(Life, BY_08_idle_by_activity_and_not_by_age) {
  rules.idle_timeout = seconds(60);
  become_ready();
  EXPECT_EQ(life->due(now + seconds(60) - Duration(1), active), std::nullopt);
  EXPECT_EQ(life->due(now + seconds(60), active), E::idle);
  EXPECT_EQ(life->due(now + seconds(60), now + seconds(1)), std::nullopt);
  EXPECT_EQ(life->deadline(now + seconds(1)), now + seconds(61));
  EXPECT_EQ(on(E::idle), LifeAction::stop);
  on(E::gone);
  EXPECT_EQ(life->state(), S::stopped);
  EXPECT_EQ(life->ending(), Ending::idle);
}

TEST_F(Life, BY_08_on_demand_sleeps_and_wakes) {
  rules.start = StartMode::on_demand;
  rules.idle_timeout = seconds(60);
  begin();
  EXPECT_EQ(on(E::demand), LifeAction::launch);
  EXPECT_EQ(on(E::demand), LifeAction::none);
  on(E::answered);
  on(E::idle);
  on(E::gone);
  EXPECT_EQ(life->state(), S::dormant);
  EXPECT_EQ(on(E::demand), LifeAction::launch);
}

TEST_F(Life, BY_08_failed_on_demand_is_tried_again_after_a_pause_only) {
  rules.start = StartMode::on_demand;
  begin();
  on(E::demand);
  crash();
  on(E::gone);
  ASSERT_EQ(life->state(), S::failed);
  EXPECT_EQ(on(E::demand), LifeAction::none);
  now = life->retry_at();
  EXPECT_EQ(on(E::demand), LifeAction::launch);
}

TEST_F(Life, failed_session_that_is_not_on_demand_ignores_requests) {
  become_ready();
  crash();
  on(E::gone);
  now += seconds(3600);
  EXPECT_EQ(on(E::demand), LifeAction::none);
  EXPECT_EQ(on(E::start), LifeAction::launch);
}

TEST_F(Life, too_slow_to_answer) {
  begin();
  on(E::start);
  EXPECT_EQ(life->due(now + seconds(30) - Duration(1), active), std::nullopt);
  ASSERT_EQ(life->due(now + seconds(30), active), E::too_slow);
  EXPECT_EQ(on(E::too_slow), LifeAction::stop);
  on(E::gone);
  EXPECT_EQ(life->state(), S::failed);
  EXPECT_EQ(life->ending(), Ending::too_slow);
}

TEST_F(Life, R12_squatted_port_is_retried_a_few_times) {
  begin();
  on(E::start);
  for (int i = 1; i < kPortTriesMax; ++i) {
    EXPECT_EQ(on(E::squatted), LifeAction::stop);
    EXPECT_EQ(on(E::gone), LifeAction::launch);
  }
  on(E::squatted);
  EXPECT_EQ(on(E::gone), LifeAction::none);
  EXPECT_EQ(life->state(), S::failed);
}

TEST_F(Life, expiry_ends_every_state) {
  rules.expires = now + seconds(10);
  become_ready();
  EXPECT_EQ(life->deadline(active), rules.expires);
  now = rules.expires;
  ASSERT_EQ(life->due(now, active), E::expired);
  EXPECT_EQ(on(E::expired), LifeAction::stop);
  EXPECT_EQ(life->due(now, active), std::nullopt);
  on(E::gone);
  EXPECT_EQ(life->state(), S::stopped);
  EXPECT_EQ(life->ending(), Ending::expired);
  begin();
  on(life->due(now, active).value());
  EXPECT_EQ(life->state(), S::stopped);
}

TEST_F(Life, SA_07_relaunch_comes_back_by_itself) {
  become_ready();
  EXPECT_EQ(on(E::relaunch), LifeAction::stop);
  EXPECT_EQ(on(E::gone), LifeAction::launch);
  EXPECT_EQ(life->state(), S::starting);
  EXPECT_EQ(life->ending(), Ending::none);
}

TEST_F(Life, end_during_a_relaunch_wins) {
  become_ready();
  on(E::relaunch);
  on(E::end);
  EXPECT_EQ(on(E::gone), LifeAction::none);
  EXPECT_EQ(life->state(), S::stopped);
}

TEST_F(Life, unkillable_and_unstartable_are_failures) {
  become_ready();
  on(E::end);
  on(E::lost);
  EXPECT_EQ(life->state(), S::failed);
  EXPECT_EQ(life->ending(), Ending::lost);
  rules.restart = RestartPolicy::always;
  begin();
  on(E::start);
  on(E::not_startable);
  EXPECT_EQ(life->state(), S::failed);  // trying again cannot help
}

}  // namespace
}  // namespace sallyport
