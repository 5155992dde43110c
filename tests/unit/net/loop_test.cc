// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/loop.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "sallyport/env/posix/system.h"
#include "sallyport/net/testing/test_loop.h"

namespace sallyport {
namespace {

using std::chrono::seconds;

TEST(Loop, runs_what_many_threads_post_each_once_and_in_the_order_of_each) {
  constexpr int kThreads = 4;
  constexpr int kPosts = 5000;
  SystemMonotonicClock clock;
  Loop loop(clock);
  std::vector<int> last(kThreads, -1);
  int ran = 0;
  bool in_order = true;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kPosts; ++i) {
        loop.post([&, t, i] {
          in_order = in_order && last[static_cast<std::size_t>(t)] == i - 1;
          last[static_cast<std::size_t>(t)] = i;
          if (++ran == kThreads * kPosts) loop.stop();
        });
      }
    });
  }
  loop.run();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ran, kThreads * kPosts);
  EXPECT_TRUE(in_order);
}

TEST(Loop, stop_from_another_thread_wakes_a_loop_that_sleeps) {
  SystemMonotonicClock clock;
  Loop loop(clock);
  std::thread other([&loop] { loop.stop(); });
  loop.run();
  other.join();
}

TEST(Loop, can_run_again_after_a_stop) {
  SystemMonotonicClock clock;
  Loop loop(clock);
  int ran = 0;
  for (int i = 0; i < 3; ++i) {
    loop.post([&] {
      ++ran;
      loop.stop();
    });
    loop.run();
  }
  EXPECT_EQ(ran, 3);
}

TEST(Loop, a_post_from_a_post_runs_too) {
  TestLoop test;
  int ran = 0;
  test.loop.post([&] { test.loop.post([&] { ++ran; }); });
  test.settle();
  EXPECT_EQ(ran, 1);
}

TEST(Loop, posts_that_never_ran_die_with_it) {
  auto held = std::make_shared<int>(0);
  {
    TestLoop test;
    test.loop.post([held] {});
  }
  EXPECT_EQ(held.use_count(), 1);
}

Task<void> sleep_and_note(Loop& loop, MonotonicTime until, std::vector<int>& notes, int note) {
  co_await loop.sleep_until(until);
  notes.push_back(note);
}

TEST(Loop, sleepers_wake_in_the_order_of_their_times) {
  TestLoop test;
  std::vector<int> notes;
  const MonotonicTime now = test.loop.now();
  test.start(sleep_and_note(test.loop, now + seconds(3), notes, 3));
  test.start(sleep_and_note(test.loop, now + seconds(1), notes, 1));
  test.start(sleep_and_note(test.loop, now + seconds(2), notes, 2));
  EXPECT_TRUE(notes.empty());
  test.advance(seconds(1));
  EXPECT_EQ(notes, (std::vector<int>{1}));
  test.advance(seconds(10));
  EXPECT_EQ(notes, (std::vector<int>{1, 2, 3}));
}

TEST(Loop, sleeps_for_real_until_a_deadline) {
  SystemMonotonicClock clock;
  Loop loop(clock);
  const MonotonicTime until = loop.now() + std::chrono::milliseconds(120);
  auto sleeper = [](Loop& on, MonotonicTime when) -> Task<void> {
    co_await on.sleep_until(when);
    on.stop();
  };
  loop.spawn(sleeper(loop, until));
  loop.run();
  EXPECT_GE(clock.now(), until);
  EXPECT_LT(loop.counters().turns, 10U);
}

TEST(Loop, drop_tasks_destroys_every_task_where_it_waits) {
  TestLoop test;
  std::vector<int> notes;
  for (int i = 0; i < 10; ++i) test.start(sleep_and_note(test.loop, kNever, notes, i));
  EXPECT_EQ(test.loop.tasks(), 10U);
  test.loop.drop_tasks();
  EXPECT_EQ(test.loop.tasks(), 0U);
  test.advance(seconds(1));
  EXPECT_TRUE(notes.empty());
}

Task<void> wait_and_keep(Signal& signal, MonotonicTime deadline, std::vector<WaitResult>& results) {
  const WaitResult result = co_await signal.wait(deadline);
  results.push_back(result);
}

TEST(Signal, notify_one_wakes_the_first_and_notify_all_the_rest) {
  TestLoop test;
  Signal signal(test.loop.scheduler());
  std::vector<WaitResult> results;
  for (int i = 0; i < 3; ++i) test.start(wait_and_keep(signal, kNever, results));
  signal.notify_one();
  EXPECT_TRUE(results.empty());  // never inside the call
  test.settle();
  EXPECT_EQ(results.size(), 1U);
  signal.notify_all();
  test.settle();
  EXPECT_EQ(results, (std::vector<WaitResult>{WaitResult::ready, WaitResult::ready, WaitResult::ready}));
}

TEST(Signal, a_wait_ends_at_its_deadline) {
  TestLoop test;
  Signal signal(test.loop.scheduler());
  std::vector<WaitResult> results;
  test.start(wait_and_keep(signal, test.loop.now() + seconds(1), results));
  test.advance(seconds(2));
  EXPECT_EQ(results, (std::vector<WaitResult>{WaitResult::deadline}));
}

TEST(Signal, a_notice_is_not_lost_to_a_deadline_in_the_same_turn) {
  TestLoop test;
  Signal signal(test.loop.scheduler());
  std::vector<WaitResult> results;
  test.start(wait_and_keep(signal, test.loop.now() + seconds(1), results));
  signal.notify_one();
  test.advance(seconds(2));
  EXPECT_EQ(results, (std::vector<WaitResult>{WaitResult::ready}));
}

TEST(Signal, waiters_of_one_that_dies_are_cancelled) {
  TestLoop test;
  auto signal = std::make_unique<Signal>(test.loop.scheduler());
  std::vector<WaitResult> results;
  test.start(wait_and_keep(*signal, kNever, results));
  signal.reset();
  test.settle();
  EXPECT_EQ(results, (std::vector<WaitResult>{WaitResult::cancelled}));
}

Task<void> watch_and_count(Watch& watch, int fd, int& seen) {
  while (true) {
    const WaitResult result = co_await watch.readable();
    if (result != WaitResult::ready) co_return;
    std::uint64_t value = 0;
    if (::read(fd, &value, sizeof value) == static_cast<ssize_t>(sizeof value)) {
      ++seen;
    } else {
      watch.drained();
    }
  }
}

TEST(Watch, tells_of_a_descriptor_until_cancelled) {
  TestLoop test;
  const Descriptor event(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  Watch watch(test.loop, event.get());
  ASSERT_TRUE(watch.ok());
  int seen = 0;
  test.start(watch_and_count(watch, event.get(), seen));
  for (int i = 1; i <= 3; ++i) {
    const std::uint64_t one = 1;
    ASSERT_EQ(::write(event.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
    test.settle();
    EXPECT_EQ(seen, i);
  }
  watch.cancel();
  test.settle();
  EXPECT_EQ(test.loop.tasks(), 0U);
}

TEST(Watch, of_a_bad_descriptor_is_not_ok_and_its_waits_are_cancelled) {
  TestLoop test;
  Watch watch(test.loop, -1);
  EXPECT_FALSE(watch.ok());
  auto wait = [](Watch& on) -> Task<WaitResult> {
    const WaitResult result = co_await on.readable();
    co_return result;
  };
  EXPECT_EQ(test.finish(wait(watch)), WaitResult::cancelled);
}

/// One event of a batch destroys the object that a later event of the same batch names.
TEST(Loop, a_descriptor_closed_in_the_middle_of_a_batch_is_not_reported) {
  TestLoop test;
  constexpr std::size_t kCount = 8;
  std::vector<Descriptor> events;
  std::vector<std::unique_ptr<Watch>> watches;
  for (std::size_t i = 0; i < kCount; ++i) {
    events.emplace_back(::eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC));
    watches.push_back(std::make_unique<Watch>(test.loop, events.back().get()));
  }
  int resumed = 0;
  auto kill_others = [](Watch& mine, std::vector<std::unique_ptr<Watch>>& all, int& count) -> Task<void> {
    const WaitResult result = co_await mine.readable();
    if (result != WaitResult::ready) co_return;
    ++count;
    for (auto& watch : all) {
      if (watch.get() != &mine) watch.reset();
    }
  };
  for (auto& watch : watches) test.loop.spawn(kill_others(*watch, watches, resumed));
  test.settle();
  EXPECT_EQ(resumed, 1);
  EXPECT_EQ(test.loop.tasks(), 0U);
}

}  // namespace
}  // namespace sallyport
