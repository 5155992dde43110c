// SPDX-License-Identifier: Apache-2.0
#include "sallyport/authn/gate.h"

#include <array>

#include "sallyport/authn/internal/judgement.h"
#include "sallyport/base/text.h"
#include "sallyport/crypto/digest.h"

namespace sallyport {
namespace {

using internal::Judgement;
using internal::Refusal;
using internal::Upgrading;

struct Step {
  GateStep id;
  Refusal (*ask)(Judgement&);
};

/// The order of the gate, the same for every door.
constexpr std::array kSteps{
    Step{GateStep::target, internal::check_target},  // well-formed and unambiguous
    Step{GateStep::host, internal::check_host},      // before anything that depends on a name
    Step{GateStep::origin, internal::check_origin},  // before anything that a page could make a browser send
    Step{GateStep::network, internal::check_network},         //
    Step{GateStep::lockout, internal::check_lockout},         // before a credential is looked at
    Step{GateStep::rate, internal::check_rate},               //
    Step{GateStep::credential, internal::check_credential},   // in the configured order
    Step{GateStep::rate, internal::check_rate_of_principal},  // once it is known who asks
    Step{GateStep::permission, internal::check_permission},   //
    Step{GateStep::audit, internal::check_audit},  // where it cannot be written and the setting says so
};

constexpr std::array<std::string_view, 9> kStepNames{
    "target", "host", "origin", "network", "lockout", "rate", "credential", "permission", "audit"};
static_assert(kStepNames.size() == static_cast<std::size_t>(GateStep::audit) + 1);

constexpr std::array<std::string_view, 11> kMissNames{
    "switched_off",   "behind_proxy", "public_listener", "peer_elsewhere", "foreign_host", "forwarded",
    "foreign_origin", "cross_site",   "unknown_peer",    "foreign_uid",    "none"};
static_assert(kMissNames.size() == static_cast<std::size_t>(LocalTrustMiss::none) + 1);

constexpr std::string_view kLocalPeerLabel =
    "sallyport local peer";  // its digest is that of no token: tokens have prefixes

GrantRef make_local_grant(const GateRules& rules) {
  if (rules.local_principal == nullptr) return nullptr;
  auto grant = std::make_shared<Grant>();
  grant->kind = CredentialKind::local_peer;
  grant->digest = sha256(kLocalPeerLabel);
  grant->principal = rules.local_principal;
  grant->expires = kNever;
  return grant;
}

/// expectation says what came and which setting would have allowed it.
std::string expectation(std::string_view got, std::string_view allowed) {
  return concat("got ", got.empty() ? std::string_view("none") : got.substr(0, 100),
                ", expected (see --public-url) one of ", allowed);
}

}  // namespace

std::string_view name_of(GateStep step) noexcept { return kStepNames[static_cast<std::size_t>(step)]; }
std::string_view name_of(LocalTrustMiss miss) noexcept { return kMissNames[static_cast<std::size_t>(miss)]; }

std::uint16_t status_of(Denial denial) noexcept {
  switch (denial) {
    case Denial::malformed_request:
    case Denial::ambiguous_target:
    case Denial::several_credentials:
      return 400;
    case Denial::host_not_allowed:
      return 421;
    case Denial::rate_limited:
      return 429;
    case Denial::store_unavailable:
    case Denial::limit_reached:
    case Denial::shutting_down:
      return 503;
    case Denial::origin_not_allowed:
    case Denial::sec_fetch_not_allowed:
    case Denial::network_not_allowed:
    case Denial::locked_out:
    case Denial::csrf_mismatch:
    case Denial::not_permitted:
    case Denial::unspecified:
      return 403;
    case Denial::no_credential:
    case Denial::malformed_credential:
    case Denial::unknown_credential:
    case Denial::expired:
    case Denial::already_used:
    case Denial::wrong_kind:
    case Denial::wrong_session:
    case Denial::wrong_path:
    case Denial::wrong_origin:
    case Denial::wrong_password:
    case Denial::certificate_malformed:
    case Denial::certificate_unknown_authority:
    case Denial::certificate_expired:
    case Denial::certificate_not_yet_valid:
    case Denial::certificate_wrong_purpose:
    case Denial::certificate_wrong_name:
    case Denial::certificate_revoked:
    case Denial::certificate_refused:
    case Denial::forwarded_locally:
    case Denial::foreign_uid:
      return 401;
  }
  return 403;
}

Duration Throttle::wait_of(const Principal&, const Knock&) { return Duration::zero(); }
Throttle::Noted Throttle::note_wrong(const Knock&, std::uint64_t) { return {}; }

std::string PermissionRule::explain(const Principal&, const Evidence&) { return {}; }

Gate::Gate(GateRules rules, GateParts parts)
    : rules_(std::move(rules)),
      parts_(parts),
      authentication_(rules_.authentication),
      local_grant_(make_local_grant(rules_)) {}

Verdict Gate::admit(const Evidence& evidence) const {
  Judgement judgement{rules_, parts_, evidence, local_grant_, authentication(), parts_.clock.now()};
  judgement.upgrading = evidence.door == Door::websocket || evidence.head.upgrade == Upgrade::websocket
                            ? Upgrading::yes
                            : Upgrading::no;
  Verdict& verdict = judgement.verdict;
  for (const Step& step : kSteps) {
    verdict.step = step.id;
    const Refusal refusal = step.ask(judgement);
    if (!refusal) continue;
    verdict.kind = Verdict::Kind::denied;
    verdict.denial = *refusal;
    verdict.status = status_of(*refusal);
    break;
  }
  if (verdict.kind != Verdict::Kind::denied) verdict.status = 200;
  record(evidence, verdict, judgement.now);
  if (!judgement.alert.empty()) record_alert(evidence, verdict, judgement.alert);
  if (verdict.kind == Verdict::Kind::denied)
    verdict.grant = verdict.minter = nullptr;  // the log knows whose it was; nobody else need
  return std::move(verdict);
}

void Gate::record(const Evidence& evidence, const Verdict& verdict, MonotonicTime now) const {
  if (verdict.allowed() && !is_news(evidence, verdict, now)) return;
  std::string expected;
  AuditEvent event;
  event.outcome = verdict.allowed() ? Outcome::allowed : Outcome::denied;
  event.door = evidence.door;
  if (const Principal* who = verdict.principal()) {
    event.who = who->id;
    event.who_kind = who->kind;
    event.how = verdict.grant->kind;
    event.credential = verdict.grant->digest;
  }
  event.session = evidence.session.view();
  if (!verdict.allowed()) {
    event.denial = verdict.denial;
    event.step = name_of(verdict.step);
    event.status = verdict.status;
    const bool asked_locally = verdict.local_trust != LocalTrustMiss::switched_off;
    if (verdict.step == GateStep::credential && asked_locally) event.detail = name_of(verdict.local_trust);
    if (verdict.step == GateStep::host) {
      expected = expectation(evidence.head.fields.value_of(HeaderId::host), rules_.hosts.str());
    } else if (verdict.step == GateStep::origin) {
      expected = expectation(evidence.head.fields.value_of(HeaderId::origin), rules_.origins.str());
    }
    if (verdict.step == GateStep::permission && parts_.permissions != nullptr &&
        verdict.principal() != nullptr)
      expected = parts_.permissions->explain(*verdict.principal(), evidence);
    if (!expected.empty()) event.detail = expected;
  }
  event.method = evidence.head.method_text;
  event.path = evidence.head.target.path_raw;
  event.peer = &evidence.facts.peer;
  if (evidence.facts.process) event.peer_uid = evidence.facts.process->uid;
  event.request_id = evidence.request_id;
  parts_.audit.record(event);
}

void Gate::record_alert(const Evidence& evidence, const Verdict& verdict, std::string_view alert) const {
  AuditEvent event;
  event.kind = AuditKind::lockout;
  event.door = evidence.door;
  event.session = evidence.session.view();
  event.denial = verdict.allowed() ? Denial::unknown_credential : verdict.denial;
  event.step = name_of(GateStep::lockout);
  event.peer = &evidence.facts.peer;
  if (evidence.facts.process) event.peer_uid = evidence.facts.process->uid;
  event.request_id = evidence.request_id;
  event.detail = alert;
  parts_.audit.record(event);
}

/// is_news remembers, in a table that forgets by being overwritten, who was admitted in this minute. What it
/// forgets is recorded once more; what it takes for known by a clash of 64 bits is not.
bool Gate::is_news(const Evidence& evidence, const Verdict& verdict, MonotonicTime now) const {
  const bool is_upgrade = evidence.head.upgrade == Upgrade::websocket;
  if (rules_.admission_records == AdmissionRecords::each_request || is_upgrade) return true;
  constexpr std::uint64_t kMix = 0x9E3779B97F4A7C15ULL;
  const auto minute = std::chrono::floor<std::chrono::minutes>(now.time_since_epoch()).count();
  std::uint64_t key = verdict.grant ? verdict.grant->digest.slot() : 1;
  const auto mix = [&key](std::uint64_t more) { key = (key ^ more) * kMix ^ (key >> 31); };
  std::uint64_t half = 0;
  const auto& address = verdict.client.bytes();
  std::memcpy(&half, address.data(), sizeof half);
  mix(half);
  std::memcpy(&half, address.data() + sizeof half, sizeof half);
  mix(half);
  mix(std::hash<std::string_view>{}(evidence.session.view()));
  mix(static_cast<std::uint64_t>(minute));
  auto& place = recent_[key % kRecentAdmissions];
  if (place.load(std::memory_order_relaxed) == key) return false;
  place.store(key, std::memory_order_relaxed);
  return true;
}

void Gate::record_refused(Door door, const ConnectionFacts& facts, ParseFault fault,
                          std::string_view request_id) const {
  AuditEvent event;
  event.door = door;
  event.denial = Denial::malformed_request;
  event.step = name_of(GateStep::target);
  event.status = sallyport::status_of(fault);
  event.peer = &facts.peer;
  event.request_id = request_id;
  event.detail = name_of(fault);
  parts_.audit.record(event);
}

}  // namespace sallyport
