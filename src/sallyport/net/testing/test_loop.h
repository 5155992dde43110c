// SPDX-License-Identifier: Apache-2.0
// TestLoop: a loop whose time a test moves, and which never sleeps.
#pragma once

#include <optional>
#include <utility>

#include "sallyport/env/testing/fakes.h"
#include "sallyport/net/loop.h"

namespace sallyport {

/// TestLoop is a Loop on a manual clock. One thread.
class TestLoop {
 public:
  ManualMonotonicClock clock;
  Loop loop{clock};

  /// settle turns until nothing is left to do.
  void settle() { loop.run_until_idle(); }
  /// advance moves the clock, then settles: deadlines that have passed are seen.
  void advance(Duration by) {
    clock.advance(by);
    settle();
  }
  /// start runs `task` on the loop up to where it waits.
  void start(Task<void> task) {
    loop.spawn(std::move(task));
    settle();
  }
  /// finish runs `task` and gives its result; none where it still waits for something, in which case it is
  /// dropped with every other task of the loop.
  template <class T>
  std::optional<T> finish(Task<T> task) {
    std::optional<T> result;
    loop.spawn(keep(std::move(task), result));
    settle();
    if (!result.has_value()) loop.drop_tasks();
    return result;
  }

 private:
  template <class T>
  static Task<void> keep(Task<T> task, std::optional<T>& result) {
    result = co_await std::move(task);
  }
};

}  // namespace sallyport
