// SPDX-License-Identifier: Apache-2.0
// Wheel: thousands of coarse deadlines for the price of a comparison each. One sweep per tick instead of a
// timer per operation; moving a deadline later, which every request does, touches one word.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "sallyport/base/time.h"
#include "sallyport/net/link.h"

namespace sallyport {

/// A deadline is seen at most this much after it has passed, and never before.
inline constexpr Duration kDeadlineTick = std::chrono::milliseconds(100);
inline constexpr std::size_t kWheelSlots = 512;

/// Timer is one deadline; `expired` is called by the sweep that finds it passed. `expired` may arm timers,
/// and must not destroy any: wake somebody who does. Lives where its owner puts it; its destruction disarms
/// it.
class Timer : protected Link {
 public:
  using Expired = void (*)(Timer&) noexcept;
  explicit Timer(Expired expired) noexcept : expired_(expired) {}
  [[nodiscard]] MonotonicTime when() const noexcept { return when_; }

 private:
  friend class Wheel;
  MonotonicTime when_ = kNever;
  std::int64_t tick_ = 0;  ///< where it hangs; not later than when_
  Expired expired_;
};

/// Wheel is a hashed wheel of Timers. One thread.
class Wheel {
 public:
  explicit Wheel(MonotonicTime now) noexcept;

  /// set moves `timer` to `when`; kNever disarms it.
  void set(Timer& timer, MonotonicTime when) noexcept {
    timer.when_ = when;
    if (!timer.alone() && (when == kNever || tick_of(when) >= timer.tick_)) return;  // the sweep moves it on
    if (when != kNever) hang(timer);
  }
  /// sweep calls `expired` of each timer that has passed at `now`, and returns their number.
  std::size_t sweep(MonotonicTime now) noexcept;
  /// next is when to sweep next: kNever where no timer hangs, else not later than any deadline's tick.
  [[nodiscard]] MonotonicTime next() const noexcept;

 private:
  static std::int64_t tick_of(MonotonicTime when) noexcept {  // rounded up: never early
    const std::int64_t count = when.time_since_epoch().count();
    return count / kDeadlineTick.count() + (count % kDeadlineTick.count() > 0 ? 1 : 0);
  }
  void hang(Timer& timer) noexcept;
  std::size_t sweep_slot(std::size_t slot, MonotonicTime now) noexcept;

  std::int64_t swept_;                                      ///< the last tick that was swept
  std::array<std::uint64_t, kWheelSlots / 64> occupied_{};  ///< a set bit may be stale, a clear one is not
  std::array<Link, kWheelSlots> slots_;
};

}  // namespace sallyport
