// SPDX-License-Identifier: Apache-2.0
// What the admin API says of lock-outs: GET /lockouts, POST /lockouts/release.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sallyport/base/result.h"
#include "sallyport/net/http1_types.h"
#include "sallyport/policy/lockout.h"

namespace sallyport {

/// lockouts_answer lists who waits now, the longest wait first; `lockout` may be null.
Response lockouts_answer(const Lockout* lockout, MonotonicTime now);

/// LockoutRelease is what to forget: a network, a principal, both together, or all.
struct LockoutRelease {
  std::optional<NetworkKey> network;
  std::string principal;

  /// parse takes {"network": "192.0.2.1"}, {"principal": "alice"}, both, or {"all": true}. Error:
  /// invalid_argument, with what is expected.
  static Result<LockoutRelease> parse(std::string_view json);
  [[nodiscard]] std::string str() const;
};

}  // namespace sallyport
