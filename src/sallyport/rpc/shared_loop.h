// SPDX-License-Identifier: Apache-2.0
// SharedLoop: a loop without a thread of its own. Whoever waits for an answer turns it, for all others too
// (leader and followers), so that an answer costs no change of threads.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "sallyport/env/clock.h"
#include "sallyport/net/link.h"
#include "sallyport/net/loop.h"

namespace sallyport {

/// After somebody waited, the background thread leaves the loop alone for this long, so that a caller in a
/// hurry finds it free.
inline constexpr Duration kSharedLoopPoliteness = std::chrono::milliseconds(2);

/// SharedLoop is a Loop, a lock, and the order among those who turn it. Any thread. What is on the loop is
/// touched by the holder of the lock only. While interest() is held by somebody, a background thread turns
/// the loop when no caller does; without it, nothing happens on the loop until somebody waits.
class SharedLoop {
 public:
  explicit SharedLoop(const MonotonicClock& clock);
  SharedLoop(const SharedLoop&) = delete;
  SharedLoop& operator=(const SharedLoop&) = delete;
  /// Nobody waits any more; ends the background thread, and drops the tasks.
  ~SharedLoop();

  /// Hold is the lock. Its end lets others know what changed, and runs what was deferred.
  class Hold {
   public:
    explicit Hold(SharedLoop& shared) : shared_(shared), lock_(shared.mutex_) {}
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    ~Hold();

   private:
    friend class SharedLoop;
    SharedLoop& shared_;
    std::unique_lock<std::mutex> lock_;
  };

  /// Turn is what a thread waits for. Lives on its stack.
  class Turn : public Link {
   public:
    [[nodiscard]] bool done() const noexcept { return done_; }

   private:
    friend class SharedLoop;
    std::condition_variable come_;
    bool done_ = false;
  };

  /// wait returns true when finish() was called for `turn`, false at `deadline`. May turn the loop meanwhile.
  bool wait(Hold& hold, Turn& turn, MonotonicTime deadline);
  /// finish ends somebody's wait(). Under the lock.
  void finish(Turn& turn) noexcept;
  /// defer runs `call` without the lock, soon, in order, on whatever thread is at hand. Under the lock.
  void defer(std::function<void()> call) { deferred_.push_back(std::move(call)); }
  /// interest adds to, or takes from, those who want the loop to turn though they do not wait. Under the
  /// lock.
  void interest(int change);
  Loop& loop() noexcept { return loop_; }
  [[nodiscard]] MonotonicTime now() const { return clock_.now(); }

 private:
  enum class Leader : std::uint8_t { none, caller, background };
  void lead(Hold& hold, Leader who, MonotonicTime until);
  void pass_on() noexcept;
  void release(std::unique_lock<std::mutex>& lock);
  void run_background();

  const MonotonicClock& clock_;
  std::mutex mutex_;
  Loop loop_;  ///< all below is guarded by mutex_
  Leader leader_ = Leader::none;
  Link followers_;
  std::uint64_t waits_ = 0;
  int interest_ = 0;
  bool closing_ = false;
  std::deque<std::function<void()>> deferred_;
  bool running_deferred_ = false;
  std::condition_variable wanted_;
  std::thread background_;
};

}  // namespace sallyport
