// SPDX-License-Identifier: Apache-2.0
// StopLadder: INT, then TERM, then KILL, each with its wait. Pure: it tells what to send and when to look
// again.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "sallyport/base/time.h"

namespace sallyport {

enum class StopSignal : std::uint8_t { interrupt, terminate, kill };

/// StopWaits is how long each step of the ladder is given; zero skips the step. After the wait for KILL the
/// tool is given up as lost (a process in uninterruptible sleep).
struct StopWaits {
  Duration interrupt = std::chrono::seconds(5);
  Duration terminate = std::chrono::seconds(5);
  Duration kill = std::chrono::seconds(5);
};

/// StopLadder climbs once. A value; one thread.
class StopLadder {
 public:
  explicit StopLadder(StopWaits waits = {}) : waits_{waits.interrupt, waits.terminate, waits.kill} {}

  /// begin returns the first signal to send. Calling it again changes nothing and sends nothing.
  std::optional<StopSignal> begin(MonotonicTime now);
  /// hurry jumps to KILL, unless that was sent already.
  std::optional<StopSignal> hurry(MonotonicTime now);
  /// tick returns the next signal where its time has come.
  std::optional<StopSignal> tick(MonotonicTime now);

  [[nodiscard]] bool begun() const noexcept { return step_ != 0; }
  /// lost: KILL was sent and its wait is over as well.
  [[nodiscard]] bool lost(MonotonicTime now) const noexcept {
    return step_ == waits_.size() && now >= deadline_;
  }
  /// deadline is when tick() or lost() is worth asking again; kNever before begin.
  [[nodiscard]] MonotonicTime deadline() const noexcept { return deadline_; }

 private:
  std::optional<StopSignal> climb(MonotonicTime now);
  std::array<Duration, 3> waits_;
  std::size_t step_ = 0;  ///< steps taken
  MonotonicTime deadline_ = kNever;
};

}  // namespace sallyport
