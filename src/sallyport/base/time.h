// SPDX-License-Identifier: Apache-2.0
// Two clocks, two types: lifetimes are measured on MonotonicTime, certificates and logs on WallTime. Neither
// type reads a clock; env does.
#pragma once

#include <chrono>

namespace sallyport {

using Duration = std::chrono::nanoseconds;

struct BootClock {  // CLOCK_BOOTTIME: goes on while the machine sleeps, never jumps
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;
};

/// MonotonicTime is a point on the boot-time clock, in nanoseconds. For lifetimes and deadlines.
using MonotonicTime = std::chrono::time_point<BootClock, Duration>;
/// WallTime is UTC in nanoseconds since 1970. For certificates, logs and what people read.
using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;

/// kNever is a deadline that no clock reaches.
inline constexpr MonotonicTime kNever = MonotonicTime::max();

/// after returns now + life, kNever where that would overflow.
constexpr MonotonicTime after(MonotonicTime now, Duration life) noexcept {
  return life >= kNever - now ? kNever : now + life;
}

}  // namespace sallyport
