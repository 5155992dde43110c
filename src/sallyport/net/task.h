// SPDX-License-Identifier: Apache-2.0
// Task<T>: a lazy coroutine that gives one T to the coroutine that awaits it; and both(), which runs two side
// by side.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdlib>
#include <optional>
#include <utility>

#include "sallyport/net/frame_pool.h"

namespace sallyport {

/// TaskPromise is the part of a task's frame that does not depend on its result.
class TaskPromise {
 public:
  static void* operator new(std::size_t bytes) { return FramePool::take(bytes); }
  static void operator delete(void* frame, std::size_t bytes) noexcept { FramePool::give(frame, bytes); }

  std::suspend_always initial_suspend() const noexcept { return {}; }
  auto final_suspend() const noexcept { return Final{}; }
  /// We throw nothing, and wrap what others throw: an exception that gets here is a broken invariant.
  [[noreturn]] void unhandled_exception() const noexcept { std::abort(); }

  /// continue_with names who goes on when this task ends. Without it the end returns to whoever resumed the
  /// task.
  void continue_with(std::coroutine_handle<> continuation) noexcept { continuation_ = continuation; }

 private:
  struct Final {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
      const TaskPromise& promise = ended.promise();
      return promise.continuation_ ? promise.continuation_ : std::noop_coroutine();
    }
    void await_resume() const noexcept {}
  };
  std::coroutine_handle<> continuation_;
};

template <class T>
class ValuePromise : public TaskPromise {
 public:
  template <class U>
  void return_value(U&& value) {
    value_.emplace(std::forward<U>(value));
  }
  T take() {
    if (!value_.has_value()) std::abort();
    return *std::move(value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class ValuePromise<void> : public TaskPromise {
 public:
  void return_void() const noexcept {}
  void take() const noexcept {}
};

/// Task is a coroutine that starts when it is awaited, and resumes the awaiting coroutine when it ends. Its
/// frame comes from the thread's FramePool. A resource: it moves, and destroying it destroys the frame,
/// wherever it is suspended (waits leave their queues by themselves). One thread. A task that ends without
/// ever waiting costs no stack: a loop that awaits a million of them runs in constant space, at every
/// optimisation level. Before `co_await` name every lambda and every aggregate argument and move it in:
/// g++ 12.2 destroys such temporaries twice (tests/unit/net/coroutine_shapes_test.cc).
template <class T = void>
class [[nodiscard]] Task {
 public:
  class promise_type final : public ValuePromise<T> {
   public:
    Task get_return_object() noexcept { return Task(Handle::from_promise(*this)); }
  };
  using Handle = std::coroutine_handle<promise_type>;

  Task() = default;
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      drop();
      handle_ = std::exchange(other.handle_, {});
    }
    return *this;
  }
  ~Task() { drop(); }

  [[nodiscard]] bool valid() const noexcept { return static_cast<bool>(handle_); }
  /// handle is for awaitables that start a task themselves, like both().
  [[nodiscard]] Handle handle() const noexcept { return handle_; }

  /// Awaiter runs the task on the caller's stack up to its first wait. Only then does the caller suspend;
  /// from there on the task's end transfers to the caller without growing the stack.
  class Awaiter {
   public:
    explicit Awaiter(Handle task) noexcept : task_(task) {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> caller) const {
      task_.resume();
      if (task_.done()) return false;
      task_.promise().continue_with(caller);
      return true;
    }
    T await_resume() const { return task_.promise().take(); }

   private:
    Handle task_;
  };
  Awaiter operator co_await() && noexcept { return Awaiter(handle_); }

 private:
  explicit Task(Handle handle) noexcept : handle_(handle) {}
  void drop() noexcept {
    if (handle_) std::exchange(handle_, {}).destroy();
  }
  Handle handle_;
};

/// JoinGate is resumed by the end of each of two tasks, and goes on with their parent at the second.
class JoinGate {
 public:
  class promise_type final : public TaskPromise {
   public:
    JoinGate get_return_object() noexcept {
      return JoinGate(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    void return_void() const noexcept {}
  };
  JoinGate() = default;
  JoinGate(JoinGate&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  JoinGate& operator=(JoinGate&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~JoinGate() {
    if (handle_) handle_.destroy();
  }
  [[nodiscard]] std::coroutine_handle<promise_type> handle() const noexcept { return handle_; }

 private:
  explicit JoinGate(std::coroutine_handle<promise_type> handle) noexcept : handle_(handle) {}
  std::coroutine_handle<promise_type> handle_;
};

inline JoinGate join_gate() { co_await std::suspend_always{}; }

/// Both is the awaitable of both().
class [[nodiscard]] Both {
 public:
  Both(Task<void> first, Task<void> second) noexcept : first_(std::move(first)), second_(std::move(second)) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> caller) {
    first_.handle().resume();
    second_.handle().resume();
    const auto first = first_.handle();
    const auto second = second_.handle();
    if (first.done() && second.done()) return false;
    if (first.done()) {
      second.promise().continue_with(caller);
    } else if (second.done()) {
      first.promise().continue_with(caller);
    } else {
      gate_ = join_gate();
      gate_.handle().promise().continue_with(caller);
      first.promise().continue_with(gate_.handle());
      second.promise().continue_with(gate_.handle());
    }
    return true;
  }
  void await_resume() const noexcept {}

 private:
  Task<void> first_;
  Task<void> second_;
  JoinGate gate_;
};

/// both runs two tasks side by side on this thread, `first` first, and goes on when both have ended: the two
/// directions of a connection. Neither is cut when the other ends; whoever ends early interrupts what the
/// other waits for.
inline Both both(Task<void> first, Task<void> second) noexcept {
  return Both(std::move(first), std::move(second));
}

}  // namespace sallyport
