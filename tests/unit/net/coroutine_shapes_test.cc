// SPDX-License-Identifier: Apache-2.0
// What may stand in a co_await expression: g++ 12.2 destroys some temporaries there twice. The shapes that we
// use are shown to be right here, on every compiler; unnamed lambdas, unnamed aggregates and designated
// initialisers in such an expression are not used.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>

#include "sallyport/net/testing/test_loop.h"

namespace sallyport {
namespace {

/// Counted counts how often one was made and how often one was destroyed.
struct Counted {
  static inline int made = 0;
  static inline int destroyed = 0;
  Counted() { ++made; }
  Counted(const Counted&) { ++made; }
  Counted(Counted&&) noexcept { ++made; }
  Counted& operator=(const Counted&) = default;
  ~Counted() { ++destroyed; }
};

struct Aggregate {
  Counted counted;
  int number = 0;
};

/// Options has a constructor, so it is no aggregate and may be a temporary.
struct Options {
  explicit Options(int value) : number(value) {}
  Counted counted;
  int number;
};

Task<int> by_value(Loop& loop, Counted) {
  co_await loop.yield();
  co_return 1;
}
Task<int> by_reference(Loop& loop, const Counted&) {
  co_await loop.yield();
  co_return 2;
}
Task<int> with_aggregate(Loop& loop, Aggregate aggregate) {
  co_await loop.yield();
  co_return aggregate.number;
}
Task<int> with_options(Loop& loop, Options options) {
  co_await loop.yield();
  co_return options.number;
}
Task<int> with_function(Loop& loop, std::function<int()> function) {
  co_await loop.yield();
  co_return function();
}
template <class F>
Task<int> with_callable(Loop& loop, F callable) {
  co_await loop.yield();
  co_return callable();
}
Task<std::pair<int, Counted>> a_pair(Loop& loop) {
  co_await loop.yield();
  std::pair<int, Counted> made(3, Counted{});
  co_return made;
}

class CoroutineShapes : public ::testing::Test {
 protected:
  void SetUp() override { Counted::made = Counted::destroyed = 0; }
  template <class F>
  void expect(int value, F&& shape) {
    TestLoop test;
    EXPECT_EQ(test.finish(shape(test.loop)), value);
    EXPECT_GT(Counted::made, 0);
    EXPECT_EQ(Counted::made, Counted::destroyed);
  }
};

TEST_F(CoroutineShapes, temporary_with_constructor) {
  expect(1, [](Loop& loop) -> Task<int> {
    const int got = co_await by_value(loop, Counted{});
    co_return got;
  });
}

TEST_F(CoroutineShapes, temporary_bound_to_a_reference) {
  expect(2, [](Loop& loop) -> Task<int> {
    const int got = co_await by_reference(loop, Counted{});
    co_return got;
  });
}

TEST_F(CoroutineShapes, options_with_constructor_as_temporary) {
  expect(5, [](Loop& loop) -> Task<int> {
    const int got = co_await with_options(loop, Options(5));
    co_return got;
  });
}

TEST_F(CoroutineShapes, named_aggregate_moved_in) {
  expect(4, [](Loop& loop) -> Task<int> {
    Aggregate aggregate{Counted{}, 4};
    const int got = co_await with_aggregate(loop, std::move(aggregate));
    co_return got;
  });
}

TEST_F(CoroutineShapes, named_lambda_moved_into_a_function) {
  expect(6, [](Loop& loop) -> Task<int> {
    auto six = [counted = Counted{}] { return 6; };
    const int got = co_await with_function(loop, std::move(six));
    co_return got;
  });
}

TEST_F(CoroutineShapes, named_lambda_moved_into_a_template) {
  expect(7, [](Loop& loop) -> Task<int> {
    auto seven = [counted = Counted{}] { return 7; };
    const int got = co_await with_callable(loop, std::move(seven));
    co_return got;
  });
}

TEST_F(CoroutineShapes, structured_binding_of_a_result) {
  expect(3, [](Loop& loop) -> Task<int> {
    auto [number, counted] = co_await a_pair(loop);
    co_return number;
  });
}

TEST_F(CoroutineShapes, awaitables_with_constructors_as_temporaries) {
  expect(8, [](Loop& loop) -> Task<int> {
    const Counted held;
    Signal signal(loop.scheduler());
    auto notify = [](Loop& on, Signal& to) -> Task<void> {
      co_await on.yield();
      to.notify_one();
    };
    loop.spawn(notify(loop, signal));
    const WaitResult told = co_await signal.wait();
    co_return told == WaitResult::ready ? 8 : 0;
  });
}

}  // namespace
}  // namespace sallyport
