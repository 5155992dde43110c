// SPDX-License-Identifier: Apache-2.0
#include "sallyport/rpc/shared_loop.h"

#include <algorithm>
#include <utility>

namespace sallyport {
namespace {

constexpr Duration kSleepMax = std::chrono::seconds(60);

}  // namespace

SharedLoop::SharedLoop(const MonotonicClock& clock) : clock_(clock), loop_(clock) {}

SharedLoop::~SharedLoop() {
  {
    const Hold hold(*this);
    closing_ = true;
    wanted_.notify_all();
    loop_.nudge();
  }
  if (background_.joinable()) background_.join();
  loop_.drop_tasks();
}

SharedLoop::Hold::~Hold() {
  if (lock_.owns_lock()) shared_.release(lock_);
}

void SharedLoop::release(std::unique_lock<std::mutex>& lock) {
  if (leader_ != Leader::none && loop_.has_due()) loop_.nudge();
  if (deferred_.empty() || running_deferred_) return lock.unlock();
  running_deferred_ = true;
  while (!deferred_.empty()) {
    std::function<void()> call = std::move(deferred_.front());
    deferred_.pop_front();
    lock.unlock();
    call();
    call = nullptr;
    lock.lock();
  }
  running_deferred_ = false;
  if (leader_ != Leader::none && loop_.has_due()) loop_.nudge();
  lock.unlock();
}

void SharedLoop::finish(Turn& turn) noexcept {
  turn.done_ = true;
  turn.come_.notify_one();
}

void SharedLoop::pass_on() noexcept {
  if (!followers_.alone()) static_cast<Turn&>(*followers_.next()).come_.notify_one();
}

void SharedLoop::lead(Hold& hold, Leader who, MonotonicTime until) {
  leader_ = who;
  const MonotonicTime now = clock_.now();
  const Duration left =
      until == kNever ? kSleepMax : std::clamp<Duration>(until - now, Duration{}, kSleepMax);
  loop_.turn_shared(hold.lock_, left);
  leader_ = Leader::none;
}

bool SharedLoop::wait(Hold& hold, Turn& turn, MonotonicTime deadline) {
  ++waits_;
  while (!turn.done_) {
    if (deadline != kNever && clock_.now() >= deadline) break;
    if (leader_ == Leader::none) {
      lead(hold, Leader::caller, deadline);
      if (deferred_.empty() || running_deferred_) continue;
      // Somebody's callback must not wait for this caller's answer.
      release(hold.lock_);
      hold.lock_.lock();
      continue;
    }
    if (loop_.has_due()) loop_.nudge();
    followers_.push_back(turn);
    if (deadline == kNever) {
      turn.come_.wait(hold.lock_);
    } else {
      turn.come_.wait_for(hold.lock_, deadline - clock_.now());
    }
    turn.unlink();
  }
  if (leader_ == Leader::none) pass_on();
  return turn.done_;
}

void SharedLoop::interest(int change) {
  interest_ += change;
  if (interest_ <= 0) return;
  if (!background_.joinable()) background_ = std::thread(&SharedLoop::run_background, this);
  wanted_.notify_one();
}

void SharedLoop::run_background() {
  std::uint64_t seen = 0;
  Hold hold(*this);
  while (!closing_) {
    if (interest_ == 0) {
      wanted_.wait(hold.lock_);
    } else if (leader_ != Leader::none || waits_ != seen) {
      seen = waits_;
      wanted_.wait_for(hold.lock_, kSharedLoopPoliteness);
    } else {
      lead(hold, Leader::background, kNever);
      pass_on();
      if (deferred_.empty() || running_deferred_) continue;
      release(hold.lock_);
      hold.lock_.lock();
    }
  }
}

}  // namespace sallyport
