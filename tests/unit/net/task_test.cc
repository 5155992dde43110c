// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/task.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sallyport/net/testing/test_loop.h"

namespace sallyport {
namespace {

Task<int> twice(int number) { co_return 2 * number; }

Task<int> twice_later(Loop& loop, int number) {
  co_await loop.yield();
  co_return 2 * number;
}

TEST(Task, is_lazy_and_gives_its_value_once_awaited) {
  TestLoop test;
  bool started = false;
  auto body = [](bool& flag) -> Task<int> {
    flag = true;
    co_return 7;
  };
  Task<int> task = body(started);
  EXPECT_FALSE(started);
  EXPECT_EQ(test.finish(std::move(task)), 7);
  EXPECT_TRUE(started);
}

TEST(Task, a_million_calls_that_never_wait_run_in_constant_stack) {
  TestLoop test;
  auto sum = []() -> Task<long> {
    long total = 0;
    for (int i = 0; i < 1'000'000; ++i) {
      const int doubled = co_await twice(i);
      total += doubled;
    }
    co_return total;
  };
  EXPECT_EQ(test.finish(sum()), 999'999'000'000L);
}

TEST(Task, many_calls_that_do_wait_run_in_constant_stack) {
  TestLoop test;
  auto sum = [](Loop& loop) -> Task<long> {
    long total = 0;
    for (int i = 0; i < 100'000; ++i) {
      const int doubled = co_await twice_later(loop, i);
      total += doubled;
      const int again = co_await twice(1);
      total += again;
    }
    co_return total;
  };
  EXPECT_EQ(test.finish(sum(test.loop)), 9'999'900'000L + 200'000L);
}

TEST(Task, carries_values_that_only_move) {
  TestLoop test;
  auto make = []() -> Task<std::unique_ptr<std::string>> {
    co_return std::make_unique<std::string>("moved");
  };
  const auto made = test.finish(make());
  ASSERT_TRUE(made.has_value());
  EXPECT_EQ(**made, "moved");
}

TEST(Task, a_chain_that_waits_is_destroyed_whole_with_its_loop) {
  auto alive = std::make_shared<int>(0);
  auto inner = [](Loop& loop, std::shared_ptr<int> held) -> Task<int> {
    co_await loop.sleep_until(kNever);
    co_return *held;
  };
  auto outer = [inner](Loop& loop, std::shared_ptr<int> held) -> Task<void> { co_await inner(loop, held); };
  {
    TestLoop test;
    test.start(outer(test.loop, alive));
    EXPECT_EQ(test.loop.tasks(), 1U);
    EXPECT_GT(alive.use_count(), 1);
  }
  EXPECT_EQ(alive.use_count(), 1);
}

Task<void> note_after(Loop& loop, int turns, std::vector<int>& notes, int note) {
  for (int i = 0; i < turns; ++i) co_await loop.yield();
  notes.push_back(note);
}

std::vector<int> both_with(int first_turns, int second_turns) {
  TestLoop test;
  std::vector<int> notes;
  auto run = [](Loop& loop, std::vector<int>& out, int a, int b) -> Task<void> {
    co_await both(note_after(loop, a, out, 1), note_after(loop, b, out, 2));
    out.push_back(3);
  };
  test.start(run(test.loop, notes, first_turns, second_turns));
  EXPECT_EQ(test.loop.tasks(), 0U);
  return notes;
}

TEST(Both, goes_on_after_the_second_end_whichever_that_is) {
  EXPECT_EQ(both_with(0, 0), (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(both_with(0, 2), (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(both_with(2, 0), (std::vector<int>{2, 1, 3}));
  EXPECT_EQ(both_with(1, 3), (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(both_with(3, 1), (std::vector<int>{2, 1, 3}));
  EXPECT_EQ(both_with(2, 2), (std::vector<int>{1, 2, 3}));
}

TEST(Both, is_destroyed_while_one_waits_and_the_other_has_ended) {
  auto alive = std::make_shared<int>(0);
  {
    TestLoop test;
    auto hold = [](Loop& loop, std::shared_ptr<int>, MonotonicTime until) -> Task<void> {
      co_await loop.sleep_until(until);
    };
    auto run = [hold](Loop& loop, std::shared_ptr<int> held) -> Task<void> {
      co_await both(hold(loop, held, loop.now()), hold(loop, held, kNever));
    };
    test.start(run(test.loop, alive));
    test.advance(std::chrono::seconds(1));
    EXPECT_EQ(test.loop.tasks(), 1U);
  }
  EXPECT_EQ(alive.use_count(), 1);
}

#ifndef __SANITIZE_ADDRESS__
TEST(FramePool, gives_a_freed_frame_out_again_to_the_same_size_class) {
  void* const first = FramePool::take(100);
  FramePool::give(first, 100);
  void* const second = FramePool::take(128);  // 65 to 128 bytes are one class
  EXPECT_EQ(second, first);
  void* const other = FramePool::take(129);
  EXPECT_NE(other, first);
  FramePool::give(second, 128);
  FramePool::give(other, 129);
}
#endif

TEST(FramePool, takes_frames_larger_than_its_classes) {
  void* const large = FramePool::take(100'000);
  FramePool::give(large, 100'000);
}

}  // namespace
}  // namespace sallyport
