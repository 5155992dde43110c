// SPDX-License-Identifier: Apache-2.0
// Waiting: how a coroutine sleeps until a descriptor, a deadline or somebody on the same loop wakes it.
#pragma once

#include <coroutine>
#include <cstdint>

#include "sallyport/base/time.h"
#include "sallyport/net/link.h"
#include "sallyport/net/wheel.h"

namespace sallyport {

/// WaitResult is why a wait ended.
enum class WaitResult : std::uint8_t {
  ready,      ///< try again now
  deadline,   ///< the deadline has passed
  cancelled,  ///< cancel() was called, or what was waited for is gone
};

/// After this many waits in a row that found their stream ready, a coroutine queues behind the others.
inline constexpr std::uint8_t kReadyWaitsInRowMax = 32;

/// Waiter is one suspended coroutine. It lives in that coroutine's frame and leaves its queue when the frame
/// dies.
class Waiter : public Link {
 public:
  void suspend(std::coroutine_handle<> coroutine) noexcept { coroutine_ = coroutine; }
  void resume() { coroutine_.resume(); }
  void conclude(WaitResult result) noexcept {
    result_ = result;
    concluded_ = true;
  }
  [[nodiscard]] bool concluded() const noexcept { return concluded_; }
  [[nodiscard]] WaitResult result() const noexcept { return result_; }

 private:
  std::coroutine_handle<> coroutine_;
  WaitResult result_ = WaitResult::ready;
  bool concluded_ = false;
};

/// Scheduler is the part of a Loop that waits need: the queue of those to resume next, and the deadlines. One
/// thread.
class Scheduler {
 public:
  explicit Scheduler(MonotonicTime now) noexcept : wheel_(now) {}
  /// wake resumes `waiter` in the loop's next turn, never inside this call.
  void wake(Waiter& waiter, WaitResult result) noexcept {
    waiter.conclude(result);
    waiter.unlink();
    queue_.push_back(waiter);
  }
  void wake_all(Link& waiting, WaitResult result) noexcept {
    while (!waiting.alone()) wake(static_cast<Waiter&>(*waiting.next()), result);
  }
  [[nodiscard]] bool has_woken() const noexcept { return !queue_.alone(); }
  /// resume_woken resumes those who are in the queue now, not those who join meanwhile; returns their number.
  std::size_t resume_woken();
  Wheel& wheel() noexcept { return wheel_; }
  [[nodiscard]] const Wheel& wheel() const noexcept { return wheel_; }

 private:
  Link queue_;
  Wheel wheel_;
};

/// The readiness of a descriptor, with the values of EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP and EPOLLRDHUP.
inline constexpr std::uint32_t kEventIn = 0x001;
inline constexpr std::uint32_t kEventOut = 0x004;
inline constexpr std::uint32_t kEventHangup = 0x008 | 0x010 | 0x2000;
inline constexpr std::uint32_t kReadEvents = kEventIn | kEventHangup;
inline constexpr std::uint32_t kWriteEvents = kEventOut | 0x008 | 0x010;

/// WaitPair is the two places of a stream where a coroutine can wait: for reading and for writing, at most
/// one coroutine at each; with the stream's deadline. Readiness is remembered, so waiting for what is ready
/// costs nothing, and a wait after a short read goes straight to sleep (edge-triggered: tried again only when
/// something new came). One thread, its loop's. If it dies while somebody waits, they resume `cancelled` in
/// the next turn.
class WaitPair final : private Timer {
 public:
  enum class Side : std::uint8_t { read, write };

  explicit WaitPair(Scheduler& scheduler) noexcept
      : Timer(&WaitPair::expire), scheduler_(scheduler), read_(kReadEvents), write_(kWriteEvents) {}
  ~WaitPair() {
    scheduler_.wake_all(read_.waiting, WaitResult::cancelled);
    scheduler_.wake_all(write_.waiting, WaitResult::cancelled);
  }

  class Awaiter;
  Awaiter readable() noexcept;
  Awaiter writable() noexcept;

  /// set_deadline replaces the deadline of every wait on this pair, pending ones too; kNever: none. Hot: one
  /// store.
  void set_deadline(MonotonicTime when) noexcept {
    if (cut_ == WaitResult::deadline) cut_ = WaitResult::ready;
    scheduler_.wheel().set(*this, when);
  }
  [[nodiscard]] MonotonicTime deadline() const noexcept { return when(); }
  /// cancel ends pending waits and all later ones with `cancelled`. For good.
  void cancel() noexcept { cut(WaitResult::cancelled); }
  [[nodiscard]] bool cancelled() const noexcept { return cut_ == WaitResult::cancelled; }
  /// interrupt ends the pending wait on one side with `cancelled`, if there is one; later waits are as
  /// before.
  void interrupt(Side side) noexcept { scheduler_.wake_all(place(side).waiting, WaitResult::cancelled); }

  // The rest is for those who make streams.

  /// blocked: an operation on `side` found nothing to do; wait for `events` before the next.
  void blocked(Side side, std::uint32_t events) noexcept {
    Place& at = place(side);
    at.events = events;
    at.ready = false;
  }
  /// short_read: the source was emptied. After a hang-up it stays ready, for the end of the stream must still
  /// be read.
  void short_read() noexcept { read_.ready = hung_up_; }
  [[nodiscard]] bool is_ready(Side side) const noexcept {
    return side == Side::read ? read_.ready : write_.ready;
  }
  [[nodiscard]] bool hung_up() const noexcept { return hung_up_; }

  /// happened notes `events` and resumes, within this call, whoever waits for one of them. `this` may be gone
  /// after.
  void happened(std::uint32_t events);
  /// note is happened() for callers that must not be re-entered: whoever waits resumes in the next turn.
  void note(std::uint32_t events) noexcept;

 private:
  struct Place {
    explicit Place(std::uint32_t which) noexcept : events(which) {}
    Link waiting;
    std::uint32_t events;
    bool ready = false;
  };
  Place& place(Side side) noexcept { return side == Side::read ? read_ : write_; }
  void cut(WaitResult why) noexcept {
    cut_ = why;
    scheduler_.wake_all(read_.waiting, why);
    scheduler_.wake_all(write_.waiting, why);
  }
  static void expire(Timer& timer) noexcept {
    auto& pair = static_cast<WaitPair&>(timer);
    if (pair.cut_ != WaitResult::cancelled) pair.cut(WaitResult::deadline);
  }

  Scheduler& scheduler_;
  Place read_;
  Place write_;
  WaitResult cut_ = WaitResult::ready;
  bool hung_up_ = false;
  std::uint8_t patience_ = kReadyWaitsInRowMax;
};

/// Awaiter gives a WaitResult. Lives in the waiting coroutine's frame.
class [[nodiscard]] WaitPair::Awaiter {
 public:
  Awaiter(WaitPair& pair, Place& at) noexcept : pair_(pair), at_(at) {}

  bool await_ready() noexcept {
    if (pair_.cut_ != WaitResult::ready) {
      waiter_.conclude(pair_.cut_);
      return true;
    }
    if (!at_.ready || pair_.patience_ == 0) return false;
    --pair_.patience_;
    return true;
  }
  void await_suspend(std::coroutine_handle<> coroutine) noexcept {
    waiter_.suspend(coroutine);
    pair_.patience_ = kReadyWaitsInRowMax;
    if (at_.ready) {
      pair_.scheduler_.wake(waiter_, WaitResult::ready);
    } else {
      at_.waiting.push_back(waiter_);
    }
  }
  WaitResult await_resume() const noexcept { return waiter_.result(); }

 private:
  WaitPair& pair_;
  Place& at_;
  Waiter waiter_;
};

inline WaitPair::Awaiter WaitPair::readable() noexcept { return Awaiter(*this, read_); }
inline WaitPair::Awaiter WaitPair::writable() noexcept { return Awaiter(*this, write_); }

/// TimedWait is an awaitable that ends at a time, or when somebody wakes it from the ring that it was put
/// into.
class [[nodiscard]] TimedWait final : private Timer {
 public:
  /// `ring` may be null: a plain sleep. Then the time's coming is `ready`, not `deadline`.
  TimedWait(Scheduler& scheduler, Link* ring, MonotonicTime until) noexcept
      : Timer(&TimedWait::expire), scheduler_(scheduler), ring_(ring), until_(until) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> coroutine) noexcept {
    waiter_.suspend(coroutine);
    if (ring_ != nullptr) ring_->push_back(waiter_);
    scheduler_.wheel().set(*this, until_);
  }
  WaitResult await_resume() const noexcept { return waiter_.result(); }

 private:
  static void expire(Timer& timer) noexcept {
    auto& wait = static_cast<TimedWait&>(timer);
    if (wait.waiter_.concluded()) return;  // a notice came first, and must not be lost
    wait.scheduler_.wake(wait.waiter_, wait.ring_ == nullptr ? WaitResult::ready : WaitResult::deadline);
  }
  Scheduler& scheduler_;
  Link* ring_;
  MonotonicTime until_;
  Waiter waiter_;
};

/// Signal lets coroutines wait until another on the same loop tells them. It remembers nothing: a notice
/// without a waiter is lost, so look at the condition first, and again after the wait. Dies after its
/// waiters, or wakes them `cancelled`.
class Signal {
 public:
  explicit Signal(Scheduler& scheduler) noexcept : scheduler_(scheduler) {}
  ~Signal() { scheduler_.wake_all(waiting_, WaitResult::cancelled); }
  TimedWait wait(MonotonicTime deadline = kNever) noexcept { return {scheduler_, &waiting_, deadline}; }
  void notify_one() noexcept {
    if (!waiting_.alone()) scheduler_.wake(static_cast<Waiter&>(*waiting_.next()), WaitResult::ready);
  }
  void notify_all() noexcept { scheduler_.wake_all(waiting_, WaitResult::ready); }

 private:
  Scheduler& scheduler_;
  Link waiting_;
};

}  // namespace sallyport
