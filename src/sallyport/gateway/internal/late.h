// SPDX-License-Identifier: Apache-2.0
// Late: a value that another thread brings to a coroutine on a loop.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "sallyport/net/http1_exchange.h"
#include "sallyport/net/loop.h"
#include "sallyport/net/task.h"

namespace sallyport::internal {

/// How often a wait for another thread looks whether its exchange was cut.
inline constexpr Duration kLateLookEvery = std::chrono::milliseconds(100);

/// Late is made on the loop and awaited there, once; its deliver() may be called from any thread, once. If
/// the awaiting coroutine is gone by then, the value is dropped; if the function that deliver() gave is
/// dropped without a call, as for a session that ended meanwhile, the wait ends. The loop must outlive both.
template <class T>
class Late {
 public:
  explicit Late(Loop& loop) : state_(std::make_shared<State>(loop)) {}

  /// deliver returns a function for the other thread; copyable, so that it fits into std::function.
  [[nodiscard]] std::function<void(T)> deliver() const {
    return [promise = std::make_shared<Promise>(state_)](T value) {
      auto held = std::make_shared<T>(std::move(value));
      promise->state->loop.post([state = promise->state, held] {
        state->value.emplace(std::move(*held));
        state->arrived.notify_all();
      });
    };
  }

  /// value waits for as long as `exchange` is live; nullopt where that was cut first, by a shutdown for
  /// instance, which must not wait for what the other thread may never bring, or where nothing will come.
  Task<std::optional<T>> value(const Exchange& exchange) {
    auto state = state_;
    while (!state->value && !state->abandoned && !exchange.cut_reason()) {
      const auto look_again = after(state->loop.now(), kLateLookEvery);
      (void)co_await state->arrived.wait(look_again);
    }
    co_return std::move(state->value);
  }

 private:
  struct State {
    explicit State(Loop& on) : loop(on), arrived(on.scheduler()) {}
    Loop& loop;
    Signal arrived;
    std::optional<T> value;
    bool abandoned = false;
  };
  /// Promise is shared by the copies of one deliver(); the last one to go says that no more will come. A
  /// value that was delivered was posted before that.
  struct Promise {
    explicit Promise(std::shared_ptr<State> to) : state(std::move(to)) {}
    Promise(const Promise&) = delete;
    Promise& operator=(const Promise&) = delete;
    ~Promise() {
      state->loop.post([state = state] {
        state->abandoned = true;
        state->arrived.notify_all();
      });
    }
    std::shared_ptr<State> state;
  };
  std::shared_ptr<State> state_;
};

}  // namespace sallyport::internal
