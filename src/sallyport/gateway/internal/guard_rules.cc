// SPDX-License-Identifier: Apache-2.0
// Guard::Core, the rules beyond credentials: lock-out, rate limits, the policy.
#include "sallyport/config/policy_file.h"
#include "sallyport/gateway/internal/guard_core.h"

namespace sallyport {

/// open_throttles makes the lock-out in any case: passwords are never without it.
void Guard::Core::open_throttles() {
  const auto new_key = [this] {
    return ShortHashKey::filled_by([this](std::span<std::byte> out) { powers.entropy.fill(out); });
  };
  lockout = std::make_unique<Lockout>(new_key(), settings.lockout.value_or(LockoutLimits{}));
  if (settings.lockout) lockout_step = std::make_unique<LockoutStep>(*lockout);
  if (settings.rate_limits.empty()) return;
  rate_limiter = std::make_unique<RateLimiter>(new_key(), settings.rate_limits);
  rate_step = std::make_unique<RateStep>(*rate_limiter);
}

Status Guard::Core::open_policy() {
  if (settings.policy.empty()) return ok();
  auto text = powers.files.read_text(settings.policy, FilePrivacy::any);
  if (!text)
    return fail(Code::invalid_argument, text.error().what);  // wrong usage, whatever the disk's reason
  const LoadedPolicy loaded = load_policy({settings.policy, *text});
  SALLYPORT_CHECK(loaded.status());
  policy_text = *std::move(text);
  auto owner_of = [this](const SessionId& id) {
    if (!serves_many()) return owner->id;
    const auto entry = directory.find(id);
    return entry == nullptr ? std::string() : entry->owner;
  };
  policy_step = std::make_unique<PolicyStep>(loaded.policy, owner_of, serves_many() ? &directory : nullptr);
  return ok();
}

/// renew_policy adopts a changed file where it is good, and else keeps what is in force.
Status Guard::Core::renew_policy() {
  if (policy_step == nullptr) return ok();
  SALLYPORT_TRY(text, powers.files.read_text(settings.policy, FilePrivacy::any));
  if (text == policy_text) return ok();
  const LoadedPolicy loaded = load_policy({settings.policy, text});
  SALLYPORT_CHECK(loaded.status());
  policy_step->adopt(loaded.policy);
  policy_text = std::move(text);
  AuditEvent event;
  event.kind = AuditKind::service;
  event.outcome = Outcome::allowed;
  event.detail = "another policy is in force";
  powers.audit.record(event);
  return ok();
}

/// proxy_rules are for listeners that a proxy reaches over TCP; a Unix socket has its mode.
ProxyRules Guard::Core::proxy_rules(const BoundDoor& door) {
  if (settings.proxy_protocol.empty() || door.address.is_unix()) return {};
  auto on_refused = [this](const ConnectionFacts& facts, const Error& error) {
    const bool unlisted = error.code == Code::permission_denied;
    AuditEvent event;
    event.door = Door::http;
    event.denial = unlisted ? Denial::network_not_allowed : Denial::malformed_request;
    event.step = name_of(unlisted ? GateStep::network : GateStep::target);
    event.peer = &facts.peer;
    event.detail = error.what;
    powers.audit.record(event);
  };
  return {settings.proxy_protocol, on_refused};
}

GateParts Guard::Core::gate_parts() {
  GateParts parts{store, tickets, powers.monotonic, powers.audit};
  parts.lockout = lockout_step.get();
  parts.rate = rate_step.get();
  if (serves_many()) parts.permissions = &directory;
  if (policy_step != nullptr) parts.permissions = policy_step.get();  // which asks the directory as well
  return parts;
}

}  // namespace sallyport
