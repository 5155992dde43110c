// SPDX-License-Identifier: Apache-2.0
// Loop: an edge-triggered epoll reactor on which coroutines run. One loop, one thread; nothing on it is
// locked, except the mailbox through which other threads reach it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

#include "sallyport/base/time.h"
#include "sallyport/env/clock.h"
#include "sallyport/env/posix/descriptor.h"
#include "sallyport/net/buffers.h"
#include "sallyport/net/relaxed_count.h"
#include "sallyport/net/task.h"
#include "sallyport/net/wait.h"

namespace sallyport {

/// LoopCounters are for tests and metrics: counted on the loop's thread, read on any.
struct LoopCounters {
  RelaxedCount turns;
  RelaxedCount events;
  RelaxedCount deadlines;
  RelaxedCount posts;
};

/// Loop turns: wait for events, resume who waited for them, run what was posted, expire deadlines, resume who
/// was woken. Belongs to the thread that calls run(); post() and stop() are for any thread, everything else
/// for that one (or, before run() and after it, for whoever owns the loop). It must outlive every stream,
/// watch, listener, buffer and waiting coroutine made on it. The constructor aborts where the process cannot
/// have the two descriptors that it needs.
class Loop {
 public:
  explicit Loop(const MonotonicClock& clock);
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  /// Destroys the tasks that have not ended, where they wait; then what was posted and not run.
  ~Loop();

  /// run turns until stop(); stop() before run() ends it at its first turn. May be called again.
  void run();
  /// stop ends run() after its current turn. Any thread.
  void stop() noexcept;
  /// run_until_idle turns without ever sleeping, until a turn finds nothing to do. For tests, with a manual
  /// clock.
  void run_until_idle();

  /// turn_shared turns once, sleeping `sleep_max` at most: for threads that take turns at one loop. `lock` is
  /// held by the caller, given up for as long as the thread sleeps, and held again after. Whoever holds it
  /// may use the loop and what is on it as its thread would, and calls nudge() where somebody may be asleep
  /// with an older idea of what is due.
  void turn_shared(std::unique_lock<std::mutex>& lock, Duration sleep_max);
  /// nudge ends the sleep of whoever turns. Any thread.
  void nudge() noexcept { ring(); }
  /// has_due says that there is something to do without waiting.
  [[nodiscard]] bool has_due() const noexcept { return scheduler_.has_woken(); }

  /// post runs `call` on the loop, in one of its next turns, in the order of posting. Any thread.
  void post(std::function<void()> call);
  /// spawn runs `task` by itself: at once, on the caller's stack, up to its first wait; the loop owns it from
  /// there on.
  void spawn(Task<void> task);
  /// drop_tasks destroys every spawned task where it waits. Call it before what they refer to is destroyed.
  /// Not from inside a task.
  void drop_tasks() noexcept;
  [[nodiscard]] std::size_t tasks() const noexcept { return tasks_; }

  /// now is the time at the start of this turn: read once, for all who ask.
  [[nodiscard]] MonotonicTime now() const noexcept { return now_; }
  /// sleep_until waits until `when`, at most kDeadlineTick longer; gives WaitResult::ready.
  TimedWait sleep_until(MonotonicTime when) noexcept { return {scheduler_, nullptr, when}; }
  class Yield;
  /// yield lets everybody else who is ready run first.
  Yield yield() noexcept;

  Scheduler& scheduler() noexcept { return scheduler_; }
  BufferPool& buffers() noexcept { return buffers_; }
  PipePool& pipes() noexcept { return pipes_; }
  [[nodiscard]] const LoopCounters& counters() const noexcept { return counters_; }

  /// enrol reports the readiness of `fd` to `waits` until dismiss(). One epoll_ctl in a descriptor's life.
  /// False where the kernel refuses (no memory, or a kind of file that is always ready).
  [[nodiscard]] bool enrol(int fd, WaitPair& waits) noexcept;
  /// dismiss must be called before `fd` is closed or `waits` destroyed; what this turn still had to report is
  /// dropped.
  void dismiss(int fd, const WaitPair& waits) noexcept;

 private:
  class Root;
  struct Batch;
  static Root root(Loop& loop, Task<void> task);
  std::size_t turn(int timeout_ms);
  std::size_t dispatch(Batch& batch);
  void strike_out(Batch& batch, const WaitPair& waits) noexcept;
  std::size_t run_posted();
  [[nodiscard]] int sleep_ms() const noexcept;
  void ring() noexcept;

  const MonotonicClock& clock_;
  MonotonicTime now_;
  Scheduler scheduler_;
  BufferPool buffers_;
  PipePool pipes_;
  Descriptor epoll_;
  Descriptor bell_;  ///< an eventfd; its edges are enough, it is never read
  Batch* batch_ = nullptr;
  enum class Sleep : std::uint8_t { none, shared } sleep_ = Sleep::none;
  std::vector<const WaitPair*> dismissed_;  ///< while another thread slept with events for them, perhaps
  Link roots_;
  std::size_t tasks_ = 0;
  LoopCounters counters_;
  std::atomic<bool> stopping_{false};
  std::mutex mailbox_mutex_;
  std::vector<std::function<void()>> mailbox_;  ///< guarded by mailbox_mutex_
};

class [[nodiscard]] Loop::Yield {
 public:
  explicit Yield(Scheduler& scheduler) noexcept : scheduler_(scheduler) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> coroutine) noexcept {
    waiter_.suspend(coroutine);
    scheduler_.wake(waiter_, WaitResult::ready);
  }
  void await_resume() const noexcept {}

 private:
  Scheduler& scheduler_;
  Waiter waiter_;
};

inline Loop::Yield Loop::yield() noexcept { return Yield(scheduler_); }

/// Watch waits for a descriptor that is no stream: a pidfd, an inotify or signal descriptor, a listening
/// socket. It borrows the descriptor, which must outlive it. Edge-triggered: after `ready`, use the
/// descriptor until EAGAIN, then say drained().
class Watch {
 public:
  /// Where the kernel refuses to watch `fd`, ok() is false and waits end `cancelled`.
  Watch(Loop& loop, int fd) noexcept;
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  ~Watch();
  [[nodiscard]] bool ok() const noexcept { return fd_ >= 0; }
  WaitPair::Awaiter readable() noexcept { return waits_.readable(); }
  void drained() noexcept { waits_.blocked(WaitPair::Side::read, kReadEvents); }
  void set_deadline(MonotonicTime when) noexcept { waits_.set_deadline(when); }
  void cancel() noexcept { waits_.cancel(); }

 private:
  Loop& loop_;
  int fd_;
  WaitPair waits_;
};

}  // namespace sallyport
