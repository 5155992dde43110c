// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/blocking.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <latch>
#include <numeric>
#include <thread>

#include "sallyport/env/posix/system.h"
#include "sallyport/net/signals.h"
#include "sallyport/net/testing/test_loop.h"

namespace sallyport {
namespace {

Task<void> square_on_side(Loop& loop, BlockingPool& pool, int number, std::vector<int>& results,
                          std::size_t expected) {
  auto square = [number, held = std::make_unique<int>(number)] { return number * *held; };
  auto result = co_await pool.run(loop, std::move(square));
  results.push_back(result ? *result : -1);
  if (results.size() == expected) loop.stop();
}

TEST(BlockingPool, gives_each_result_to_the_coroutine_that_waits_for_it) {
  SystemMonotonicClock clock;
  Loop loop(clock);
  BlockingPool pool(3);
  std::vector<int> results;
  for (int i = 0; i < 100; ++i) loop.spawn(square_on_side(loop, pool, i, results, 100));
  loop.run();
  ASSERT_EQ(results.size(), 100U);
  EXPECT_EQ(std::accumulate(results.begin(), results.end(), 0), 328350);
}

TEST(BlockingPool, runs_beside_the_loop_and_not_on_it) {
  SystemMonotonicClock clock;
  Loop loop(clock);
  BlockingPool pool(1);
  std::thread::id where;
  auto ask = [](Loop& on, BlockingPool& with, std::thread::id& out) -> Task<void> {
    auto which = [] { return std::this_thread::get_id(); };
    auto result = co_await with.run(on, std::move(which));
    out = *result;
    on.stop();
  };
  loop.spawn(ask(loop, pool, where));
  loop.run();
  EXPECT_NE(where, std::this_thread::get_id());
}

TEST(BlockingPool, refuses_when_too_many_wait_and_drops_what_has_not_begun) {
  TestLoop test;
  std::latch begun(1);
  std::latch go(1);
  std::vector<int> results;
  {
    BlockingPool pool(1);
    auto hold = [](Loop& loop, BlockingPool& with, std::latch& started, std::latch& wait) -> Task<void> {
      auto block = [&started, &wait] {
        started.count_down();
        wait.wait();
        return 0;
      };
      co_await with.run(loop, std::move(block));
    };
    test.start(hold(test.loop, pool, begun, go));
    begun.wait();
    for (std::size_t i = 0; i < kBlockingJobsMax + 1; ++i)
      test.start(square_on_side(test.loop, pool, 1, results, 0));
    EXPECT_EQ(results, (std::vector<int>{-1}));
    test.loop.drop_tasks();  // while one of them runs
    go.count_down();
  }
  test.settle();
  EXPECT_EQ(results.size(), 1U);
}

TEST(SignalWatch, gives_signals_until_cancelled) {
  ASSERT_TRUE(block_signals({SIGUSR1, SIGUSR2}));
  TestLoop test;
  auto opened = SignalWatch::open(test.loop, {SIGUSR1, SIGUSR2});
  ASSERT_TRUE(opened);
  SignalWatch& watch = **opened;
  std::vector<int> seen;
  auto collect = [](SignalWatch& from, std::vector<int>& into) -> Task<void> {
    while (true) {
      const std::optional<int> number = co_await from.next();
      if (!number.has_value()) co_return;
      into.push_back(*number);
    }
  };
  test.start(collect(watch, seen));
  ::raise(SIGUSR1);
  test.settle();
  ::raise(SIGUSR2);
  test.settle();
  EXPECT_EQ(seen, (std::vector<int>{SIGUSR1, SIGUSR2}));
  watch.cancel();
  test.settle();
  EXPECT_EQ(test.loop.tasks(), 0U);
}

}  // namespace
}  // namespace sallyport
