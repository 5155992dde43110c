// SPDX-License-Identifier: Apache-2.0
// Judgement: one request on its way through the steps. The steps themselves; their order is in gate.cc.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sallyport/authn/gate.h"
#include "sallyport/authn/internal/presented.h"

namespace sallyport::internal {

/// Judgement is what the steps share. `verdict` denies until a step fills in who was admitted.
struct Judgement {
  const GateRules& rules;
  const GateParts& parts;
  const Evidence& evidence;
  const GrantRef& local_grant;
  Authentication authentication;
  MonotonicTime now;
  Upgrading upgrading = Upgrading::no;
  ExplicitCredential presented{};
  const SessionDomain* domain = nullptr;  ///< by which the session's own origin was asked for
  Verdict verdict{};
  std::string alert{};  ///< a lock-out that this request brought about, for the audit log
  /// Wrong is a credential that was looked at and was no good.
  struct Wrong {
    Offer offer = Offer::nothing;
    std::string_view text;
  } wrong{};

  [[nodiscard]] Knock knock() const noexcept {
    return {evidence, verdict.client, presented.count > 0 ? Offer::on_purpose : Offer::nothing, now};
  }
};

/// A step returns why not, or nothing.
using Refusal = std::optional<Denial>;

Refusal check_target(Judgement& judgement);
Refusal check_host(Judgement& judgement);
Refusal check_origin(Judgement& judgement);
Refusal check_network(Judgement& judgement);
Refusal check_lockout(Judgement& judgement);
Refusal check_rate(Judgement& judgement);
Refusal check_credential(Judgement& judgement);
Refusal check_rate_of_principal(Judgement& judgement);
Refusal check_permission(Judgement& judgement);
Refusal check_audit(Judgement& judgement);

/// judge_local_trust asks every condition of rule R1, the dearest, the kernel's word, last.
LocalTrustMiss judge_local_trust(const Judgement& judgement);

}  // namespace sallyport::internal
