// SPDX-License-Identifier: Apache-2.0
// DurableClock: turns moments into what records keep of them, and back after a restart (decision 13 of the
// design).
#pragma once

#include <string>
#include <utility>

#include "sallyport/env/clock.h"
#include "sallyport/store/session_records.h"

namespace sallyport {

/// DurableClock promises that no record outlives its time: within one boot the monotonic time rules; after
/// another the wall time, by the latest that was ever seen, and never for longer than the life that was
/// given. Any thread.
class DurableClock {
 public:
  /// `boot_id` empty: not known, and then no boot is the same as another.
  DurableClock(const Clock& wall, const MonotonicClock& monotonic, std::string boot_id)
      : wall_(wall), monotonic_(monotonic), boot_id_(std::move(boot_id)) {}
  /// saw takes the latest time that a store knows of. Before the clock is shared.
  void saw(WallTime latest) noexcept { latest_ = std::max(latest_, latest); }

  [[nodiscard]] WallTime wall() const { return wall_.now(); }
  [[nodiscard]] MonotonicTime now() const { return monotonic_.now(); }
  /// keep is what a record keeps of `at`.
  [[nodiscard]] DurableTime keep(MonotonicTime at) const {
    if (at == kNever) return {};
    return DurableTime{wall() + (at - now()), at, boot_id_};
  }
  /// revive returns when something ends that began at `began`; a time that is over, where that is past.
  [[nodiscard]] MonotonicTime revive(const DurableTime& end, WallTime began) const {
    if (end.monotonic == kNever || same_boot(end)) return end.monotonic;
    const Duration left = std::min(end.wall - std::max(wall(), latest_), end.wall - began);
    return left <= Duration::zero() ? MonotonicTime{} : after(now(), left);
  }
  /// revive_past returns when something began; for people to read.
  [[nodiscard]] MonotonicTime revive_past(const DurableTime& began) const {
    return same_boot(began) ? began.monotonic : now() - std::max(wall() - began.wall, Duration::zero());
  }

 private:
  [[nodiscard]] bool same_boot(const DurableTime& time) const noexcept {
    return !boot_id_.empty() && time.boot_id == boot_id_;
  }

  const Clock& wall_;
  const MonotonicClock& monotonic_;
  const std::string boot_id_;
  WallTime latest_{};
};

}  // namespace sallyport
