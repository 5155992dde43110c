// SPDX-License-Identifier: Apache-2.0
// Http2Meter: a token bucket for what a peer may do only so often.
#pragma once

#include <algorithm>
#include <cstdint>

#include "sallyport/net/http2.h"

namespace sallyport {

/// Http2Meter counts in thousandths. One thread.
class Http2Meter {
 public:
  explicit Http2Meter(const Http2Rate& rate) noexcept : rate_(rate) { refill(); }
  void refill() noexcept { left_ = std::int64_t{rate_.burst} * 1000; }
  /// take is false where the peer has done it too often.
  [[nodiscard]] bool take(MonotonicTime now) noexcept {
    const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(now - last_);
    if (last_ == MonotonicTime{}) {
      last_ = now;
    } else if (since.count() > 0) {
      last_ += since;
      const std::int64_t capped_ms = std::min<std::int64_t>(since.count(), 3'600'000);
      left_ = std::min(left_ + capped_ms * rate_.per_second, std::int64_t{rate_.burst} * 1000);
    }
    if (left_ < 1000) return false;
    left_ -= 1000;
    return true;
  }

 private:
  Http2Rate rate_;
  std::int64_t left_ = 0;
  MonotonicTime last_{};
};

}  // namespace sallyport
