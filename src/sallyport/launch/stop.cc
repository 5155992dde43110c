// SPDX-License-Identifier: Apache-2.0
#include "sallyport/launch/stop.h"

namespace sallyport {

std::optional<StopSignal> StopLadder::climb(MonotonicTime now) {
  const auto last = waits_.size() - 1;
  while (step_ < last && waits_[step_] <= Duration::zero()) ++step_;
  if (step_ > last) return std::nullopt;
  deadline_ = after(now, waits_[step_]);
  return static_cast<StopSignal>(step_++);
}

std::optional<StopSignal> StopLadder::begin(MonotonicTime now) {
  if (begun()) return std::nullopt;
  return climb(now);
}

std::optional<StopSignal> StopLadder::hurry(MonotonicTime now) {
  if (step_ == waits_.size()) return std::nullopt;
  step_ = waits_.size() - 1;
  return climb(now);
}

std::optional<StopSignal> StopLadder::tick(MonotonicTime now) {
  if (!begun() || now < deadline_) return std::nullopt;
  return climb(now);
}

}  // namespace sallyport
