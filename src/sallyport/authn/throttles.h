// SPDX-License-Identifier: Apache-2.0
// LockoutStep and RateStep: policy's tables as steps of the gate.
#pragma once

#include "sallyport/authn/gate.h"
#include "sallyport/policy/lockout.h"
#include "sallyport/policy/rate_limit.h"

namespace sallyport {

/// LockoutStep counts wrong credentials for each client network. Who sent one on purpose too often has to
/// wait before another one is looked at, good or bad. A good login cookie is never made to wait: it cannot be
/// guessed, and one network stands for many people; a bad one is, see LockoutLane. Any thread.
class LockoutStep final : public Throttle {
 public:
  explicit LockoutStep(Lockout& lockout) noexcept : lockout_(lockout) {}
  [[nodiscard]] Duration wait(const Knock& knock) override;
  Noted note_wrong(const Knock& knock, std::uint64_t value) override;

 private:
  Lockout& lockout_;
};

/// RateStep asks the rules for each client before a credential is looked at, and those for each principal
/// once there is one. Any thread.
class RateStep final : public Throttle {
 public:
  explicit RateStep(RateLimiter& limiter) noexcept : limiter_(limiter) {}
  [[nodiscard]] Duration wait(const Knock& knock) override;
  [[nodiscard]] Duration wait_of(const Principal& principal, const Knock& knock) override;

 private:
  RateLimiter& limiter_;
};

/// is_shared: through a Unix socket, or from this machine's own address, a proxy or a tunnel may bring
/// everybody under one key. There what cannot be guessed is looked at before anybody waits: a wrong one
/// waits, and a right one does not, or a stranger could lock all others out.
bool is_shared(const ConnectionFacts& facts, const IpAddress& client) noexcept;

/// alert_text tells in a sentence for the audit log what a failure brought about; empty where nothing.
std::string alert_text(const LockoutSubject& subject, const Lockout::Counted& counted,
                       const LockoutLimits& limits);

}  // namespace sallyport
