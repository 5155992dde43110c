// SPDX-License-Identifier: Apache-2.0
// The step that asks who it is: credentials in the configured order.
#include <algorithm>
#include <functional>

#include "sallyport/authn/internal/judgement.h"
#include "sallyport/credential/internal_credentials.h"
#include "sallyport/credential/logins.h"
#include "sallyport/credential/session_tokens.h"
#include "sallyport/credential/token.h"
#include "sallyport/http/authorization.h"
#include "sallyport/http/cookie.h"
#include "sallyport/http/path_rule.h"

namespace sallyport::internal {
namespace {

/// Answer of one presentation: nothing there, good, or why not. `soft` refusals let the next presentation
/// try.
struct Answer {
  enum class Kind : std::uint8_t { absent, admitted, refused_softly, refused } kind = Kind::absent;
  Denial denial = Denial::no_credential;
};

Answer absent() { return {}; }
Answer refused(Denial why) { return {Answer::Kind::refused, why}; }

Answer admitted(Judgement& judgement, GrantRef grant, MonotonicTime expires) {
  grant->used.touch(judgement.now);
  judgement.verdict.expires = expires;
  judgement.verdict.grant = std::move(grant);
  return {Answer::Kind::admitted, Denial::unspecified};
}

Answer judged(Judgement& judgement, GrantRef grant, std::optional<Denial> why_not) {
  if (!why_not) {
    const MonotonicTime expires = grant->expires;
    return admitted(judgement, std::move(grant), expires);
  }
  judgement.verdict.grant = std::move(grant);  // for the audit log; a denied verdict does not keep it
  return refused(*why_not);
}

std::optional<Denial> judge_access_token(const Judgement& judgement, const Grant& grant) {
  if (!grant.live_at(judgement.now)) return Denial::expired;
  if (!grant.session.empty() && grant.session != judgement.evidence.session) return Denial::wrong_session;
  return std::nullopt;
}

/// judge_cookie: a login that was made for one session opens that one, and our own pages at an origin that
/// several sessions share, to sign out.
std::optional<Denial> judge_cookie(const Judgement& judgement, const Grant& grant) {
  const Evidence& evidence = judgement.evidence;
  if (const auto why_not = judge_login(grant, judgement.now)) return why_not;
  if (grant.session.empty() || grant.session == evidence.session) return std::nullopt;
  const bool shared_origin = evidence.session.empty() && evidence.door != Door::admin;
  return shared_origin && is_own_path(evidence.head.target.path) ? std::nullopt
                                                                 : std::optional(Denial::wrong_session);
}

Route route_of(const Evidence& evidence) noexcept {
  if (evidence.listener.fronting != Fronting::direct) return Route::elsewhere;
  if (evidence.facts.peer.is_unix()) return Route::unix_socket;
  const bool loops = evidence.facts.peer.ip.is_loopback() && evidence.facts.local.ip.is_loopback();
  return loops && !evidence.head.fields.has_flag(FieldFlag::forwarded) ? Route::loopback : Route::elsewhere;
}

/// kind_may_stand: a backend credential, a login or a link has no place among those that a client sends on
/// purpose.
bool kind_may_stand(CredentialKind kind, Place place) noexcept {
  switch (place) {
    case Place::bearer:
      return kind == CredentialKind::access_token || kind == CredentialKind::session_token ||
             kind == CredentialKind::internal_credential;
    case Place::session_header:
      return kind == CredentialKind::session_token;
    case Place::ticket:
      return kind == CredentialKind::ticket;
    case Place::none:
      break;
  }
  return false;
}

/// redeem_ticket binds the connection to whoever minted the ticket, as the ticket itself is over now.
Answer redeem_ticket(Judgement& judgement, const Presented& presented) {
  const Evidence& evidence = judgement.evidence;
  const TicketUse use{evidence.session, evidence.head.target.path,
                      evidence.head.fields.value_of(HeaderId::origin)};
  const Admission admission = judgement.parts.tickets.redeem(presented, use, judgement.now);
  if (!admission) {
    judgement.verdict.grant = admission.suspect();
    return refused(admission.denial());
  }
  GrantRef ticket = admission.grant();
  if (judgement.local_grant != nullptr && ticket->holder().matches(judgement.local_grant->digest)) {
    return admitted(judgement, std::move(ticket), kNever);
  }
  const CertifiedPeer* const peer = judgement.evidence.facts.certified.get();
  if (peer != nullptr && ticket->holder().matches(peer->fingerprint)) {
    if (peer->ended.load(std::memory_order_acquire)) return refused(Denial::certificate_revoked);
    return admitted(judgement, std::move(ticket), peer->expires);
  }
  const GrantRef minter = judgement.parts.store.find(ticket->holder());
  if (minter == nullptr || !minter->live_at(judgement.now)) return refused(Denial::expired);
  judgement.verdict.minter = minter;
  return admitted(judgement, std::move(ticket), minter->expires);
}

/// ask_foreign: another make of bearer token belongs to the tool. Where nothing stands beside it, it counts
/// as a try, whoever it was meant for.
Answer ask_foreign(Judgement& judgement) {
  const auto& fields = judgement.evidence.head.fields;
  const std::string_view sent = fields.value_of(HeaderId::authorization);
  if (!fields.has(HeaderId::cookie) && bearer_token(sent)) judgement.wrong = {Offer::on_purpose, sent};
  return {Answer::Kind::refused_softly, Denial::unknown_credential};
}

Answer ask_one_explicit(Judgement& judgement) {
  const ExplicitCredential& sent = judgement.presented;
  const auto presented = read_token(sent.text);
  if (!presented) return refused(Denial::malformed_credential);
  if (!kind_may_stand(presented->kind, sent.place)) return refused(Denial::wrong_kind);
  if (presented->kind == CredentialKind::ticket) return redeem_ticket(judgement, *presented);
  GrantRef grant = judgement.parts.store.find(presented->digest);
  if (grant == nullptr) return refused(Denial::unknown_credential);
  if (grant->kind != presented->kind) return refused(Denial::wrong_kind);
  std::optional<Denial> why_not = Denial::wrong_kind;
  const Evidence& evidence = judgement.evidence;
  if (grant->kind == CredentialKind::access_token) why_not = judge_access_token(judgement, *grant);
  if (grant->kind == CredentialKind::session_token) {
    why_not = judge_session_token(*grant, evidence.session, judgement.now);
  }
  if (grant->kind == CredentialKind::internal_credential) {
    why_not = judge_internal(*grant, {evidence.head.target.path, route_of(evidence)}, judgement.now);
    if (!why_not && grant->session != evidence.session) why_not = Denial::wrong_session;
  }
  return judged(judgement, std::move(grant), why_not);
}

Answer ask_explicit(Judgement& judgement) {
  const ExplicitCredential& sent = judgement.presented;
  if (sent.count == 0) {
    return sent.foreign == ExplicitCredential::Foreign::absent ? absent() : ask_foreign(judgement);
  }
  if (sent.count > 1) return refused(Denial::several_credentials);
  Answer answer = ask_one_explicit(judgement);
  if (answer.kind != Answer::Kind::admitted) judgement.wrong = {Offer::on_purpose, sent.text};
  return answer;
}

Answer ask_cookie(Judgement& judgement) {
  const RequestHead& head = judgement.evidence.head;
  if (!head.fields.has(HeaderId::cookie)) return absent();
  Answer answer;
  const CookieMatches matches = cookies_named(head.fields, login_cookie_name(judgement.verdict.reached));
  if (matches.too_many)
    return {Answer::Kind::refused_softly, Denial::malformed_credential};  // tossed by a sibling
  for (const std::string_view cookie : matches.all()) {
    const auto presented = read_token(cookie);
    answer = {Answer::Kind::refused_softly, Denial::malformed_credential};
    if (!presented) continue;
    answer.denial = Denial::wrong_kind;
    if (presented->kind != CredentialKind::login) continue;
    answer.denial = Denial::unknown_credential;
    GrantRef grant = judgement.parts.store.find(presented->digest);
    if (grant == nullptr && judgement.wrong.offer == Offer::nothing)
      judgement.wrong = {Offer::cookie, cookie};
    if (grant == nullptr) continue;
    const auto why_not = judge_cookie(judgement, *grant);
    if (!why_not) return judged(judgement, std::move(grant), std::nullopt);
    answer.denial = *why_not;
  }
  return answer;
}

/// ask_certificate: the connection proved it; a trusted proxy's own certificate speaks for none of its users.
Answer ask_certificate(Judgement& judgement) {
  const ConnectionFacts& facts = judgement.evidence.facts;
  const CertifiedPeer* const peer = facts.certified.get();
  if (peer == nullptr) return absent();
  const auto& proxies = judgement.rules.trusted_proxies;
  const bool of_proxy = std::any_of(proxies.begin(), proxies.end(), [&facts](const Cidr& network) {
    return !facts.peer.is_unix() && network.contains(facts.peer.ip);
  });
  if (of_proxy) return absent();
  auto grant = std::make_shared<Grant>();
  grant->kind = CredentialKind::client_certificate;
  grant->digest = peer->fingerprint;
  grant->principal = peer->principal;
  grant->expires = peer->expires;
  std::optional<Denial> why_not;
  if (!grant->live_at(judgement.now)) why_not = Denial::certificate_expired;
  if (peer->ended.load(std::memory_order_acquire)) why_not = Denial::certificate_revoked;
  return judged(judgement, std::move(grant), why_not);
}

Answer ask_local_peer(Judgement& judgement) {
  judgement.verdict.local_trust = judge_local_trust(judgement);
  if (judgement.verdict.local_trust != LocalTrustMiss::none) return absent();
  return admitted(judgement, judgement.local_grant, kNever);
}

Answer ask(Judgement& judgement, Presentation presentation) {
  switch (presentation) {
    case Presentation::explicit_token:
      return ask_explicit(judgement);
    case Presentation::client_certificate:
      return judgement.presented.count == 0 ? ask_certificate(judgement) : absent();
    case Presentation::login_cookie:
      return judgement.presented.count == 0 ? ask_cookie(judgement) : absent();
    case Presentation::local_peer:
      return judgement.presented.count == 0 ? ask_local_peer(judgement) : absent();
  }
  return absent();
}

/// is_public: whole paths, as decoded; never an upgrade. For the tool's paths only what reads.
bool is_public(const Judgement& judgement) noexcept {
  if (judgement.upgrading == Upgrading::yes) return false;
  const RequestHead& head = judgement.evidence.head;
  const std::string_view path = head.target.path;
  const GateRules& rules = judgement.rules;
  if (is_own_path(path)) {
    return std::any_of(rules.open_own_paths.begin(), rules.open_own_paths.end(),
                       [path](const std::string& open) { return path_is_within(path, open); });
  }
  return (head.method == Method::get || head.method == Method::head) && any_matches(rules.public_paths, path);
}

/// has_to_wait tells the lock-out of what was wrong; where the client has to wait already, that is the
/// answer.
bool has_to_wait(Judgement& judgement) {
  if (judgement.parts.lockout == nullptr || judgement.wrong.offer == Offer::nothing) return false;
  Knock knock = judgement.knock();
  knock.offer = judgement.wrong.offer;
  const std::uint64_t value = std::hash<std::string_view>{}(judgement.wrong.text) | 1;
  auto noted = judgement.parts.lockout->note_wrong(knock, value);
  judgement.alert = std::move(noted.alert);
  judgement.verdict.retry_after = noted.wait;
  return noted.wait > Duration::zero();
}

}  // namespace

Refusal check_credential(Judgement& judgement) {
  Denial first = Denial::no_credential;
  for (const Presentation presentation : judgement.rules.presentations) {
    const Answer answer = ask(judgement, presentation);
    if (answer.kind == Answer::Kind::admitted) {
      judgement.verdict.kind = Verdict::Kind::admitted;
      return std::nullopt;
    }
    if (answer.kind != Answer::Kind::absent && first == Denial::no_credential) first = answer.denial;
    if (answer.kind == Answer::Kind::refused) break;
  }
  const bool nobody_logs_in = judgement.authentication == Authentication::off;
  const bool open = nobody_logs_in || is_public(judgement);
  // What stands on an open path by itself, a stale cookie or the tool's own token, is no try.
  const bool counts = !nobody_logs_in && (judgement.presented.count > 0 || !open);
  if (counts && has_to_wait(judgement)) return Denial::locked_out;
  if (first != Denial::several_credentials && open) {
    judgement.verdict.grant = nullptr;
    judgement.verdict.kind = Verdict::Kind::anonymous;
    return std::nullopt;
  }
  return first;
}

}  // namespace sallyport::internal
