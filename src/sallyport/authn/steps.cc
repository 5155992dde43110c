// SPDX-License-Identifier: Apache-2.0
// The steps that need no credential to be worth anything.
#include "sallyport/authn/internal/judgement.h"
#include "sallyport/http/forwarded.h"
#include "sallyport/http/sec_fetch.h"
#include "sallyport/http/websocket.h"

namespace sallyport::internal {
namespace {

bool is_listed(const Judgement& judgement) {
  const std::string_view origin = judgement.evidence.head.fields.value_of(HeaderId::origin);
  if (judgement.domain != nullptr)
    return judgement.domain->is_origin_of(judgement.evidence.session.view(), origin);
  return judgement.rules.origins.judge(origin) == OriginVerdict::listed;
}

bool is_ambient(const Judgement& judgement) noexcept { return judgement.presented.count == 0; }

/// check_upgrade_origin is rule R3: exact, and missing only beside something that a browser does not send by
/// itself.
Refusal check_upgrade_origin(const Judgement& judgement) {
  const auto& fields = judgement.evidence.head.fields;
  if (fields.has(HeaderId::origin)) {
    if (!is_listed(judgement)) return Denial::origin_not_allowed;
  } else if (is_ambient(judgement) && fields.has(HeaderId::cookie)) {
    return Denial::origin_not_allowed;  // a local peer without Origin is no local peer, see local_trust.cc
  }
  if (judge_sec_fetch(SecFetch::read(fields), judgement.evidence.head.method) == SecFetchVerdict::foreign)
    return Denial::sec_fetch_not_allowed;
  return std::nullopt;
}

/// wait_at notes how long the client has to wait; zero lets it pass.
Refusal wait_at(Duration wait, Judgement& judgement, Denial denial) {
  if (wait <= Duration::zero()) return std::nullopt;
  judgement.verdict.retry_after = wait;
  return denial;
}

}  // namespace

Refusal check_target(Judgement& judgement) {
  const RequestHead& head = judgement.evidence.head;
  const bool is_method =
      head.method != Method::connect && !(head.method == Method::other && head.method_text.empty());
  if (!is_method || head.target.path.empty() || head.target.path.front() != '/')
    return Denial::malformed_request;
  if (judgement.upgrading == Upgrading::yes) {
    if (check_websocket_handshake(head) != WebSocketFault::none) return Denial::malformed_request;
  }
  judgement.presented = read_explicit(head, judgement.upgrading);
  return std::nullopt;
}

Refusal check_host(Judgement& judgement) {
  const auto& fields = judgement.evidence.head.fields;
  if (!fields.has(HeaderId::host)) return Denial::host_not_allowed;
  const std::string_view host = fields.value_of(HeaderId::host);
  for (const SessionDomain& domain : judgement.rules.session_domains) {
    const std::string_view label = domain.label_in(host);
    if (label.empty()) continue;
    if (label != judgement.evidence.session.view()) return Denial::host_not_allowed;
    judgement.domain = &domain;
    judgement.verdict.reached = domain.reached();
    return std::nullopt;
  }
  const auto reached = judgement.rules.hosts.find(host);
  if (!reached) return Denial::host_not_allowed;
  judgement.verdict.reached = *reached;
  return std::nullopt;
}

Refusal check_origin(Judgement& judgement) {
  if (judgement.upgrading == Upgrading::yes) return check_upgrade_origin(judgement);
  if (!is_ambient(judgement)) return std::nullopt;
  const auto& fields = judgement.evidence.head.fields;
  if (fields.has(HeaderId::origin) && !is_listed(judgement)) {
    return Denial::origin_not_allowed;
  }
  // A page elsewhere may lead here by a link, and do nothing else with what a browser sends by itself.
  const RequestHead& head = judgement.evidence.head;
  if (judge_sec_fetch(SecFetch::read(fields), head.method) == SecFetchVerdict::foreign)
    return Denial::sec_fetch_not_allowed;
  return std::nullopt;
}

Refusal check_network(Judgement& judgement) {
  const ConnectionFacts& facts = judgement.evidence.facts;
  const GateRules& rules = judgement.rules;
  if (facts.peer.is_unix()) {
    if (!rules.networks.judges_peers()) return std::nullopt;
    const auto process = facts.process ? facts.process : judgement.evidence.peer();
    if (!rules.networks.admits_local(process)) return Denial::network_not_allowed;
    return std::nullopt;
  }
  const auto client = client_address(facts.peer.ip, judgement.evidence.head.fields, rules.trusted_proxies);
  if (!client) return Denial::malformed_request;
  judgement.verdict.client = *client;
  if (!rules.networks.admits(judgement.verdict.client)) return Denial::network_not_allowed;
  return std::nullopt;
}

Refusal check_lockout(Judgement& judgement) {
  Throttle* lockout = judgement.parts.lockout;
  if (lockout == nullptr) return std::nullopt;
  return wait_at(lockout->wait(judgement.knock()), judgement, Denial::locked_out);
}

Refusal check_rate(Judgement& judgement) {
  Throttle* rate = judgement.parts.rate;
  if (rate == nullptr) return std::nullopt;
  return wait_at(rate->wait(judgement.knock()), judgement, Denial::rate_limited);
}

Refusal check_rate_of_principal(Judgement& judgement) {
  Throttle* rate = judgement.parts.rate;
  const Principal* who = judgement.verdict.principal();
  if (rate == nullptr || who == nullptr) return std::nullopt;
  return wait_at(rate->wait_of(*who, judgement.knock()), judgement, Denial::rate_limited);
}

Refusal check_permission(Judgement& judgement) {
  PermissionRule* rule = judgement.parts.permissions;
  if (rule == nullptr || judgement.verdict.kind == Verdict::Kind::anonymous) return std::nullopt;
  const Principal* who = judgement.verdict.principal();
  if (who == nullptr || !rule->permits(*who, judgement.evidence)) return Denial::not_permitted;
  return std::nullopt;
}

Refusal check_audit(Judgement& judgement) {
  if (judgement.parts.audit.must_refuse()) return Denial::store_unavailable;
  return std::nullopt;
}

}  // namespace sallyport::internal
