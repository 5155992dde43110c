// SPDX-License-Identifier: Apache-2.0
#include "sallyport/credential/tickets.h"

#include <algorithm>
#include <utility>

namespace sallyport {
namespace {

bool plausible(std::string_view text, std::size_t bytes_max) noexcept {
  return !text.empty() && text.size() <= bytes_max &&
         std::ranges::all_of(text, [](char c) { return c > 0x20 && c != 0x7f; });
}

Status judge_order(const TicketOrder& order, MonotonicTime now) {
  if (order.minter == nullptr || order.minter->principal == nullptr) {
    return fail(Code::invalid_argument, "a ticket needs somebody who asks for it");
  }
  if (!order.minter->live_at(now))
    return fail(Code::unauthenticated, "the login or token that asks for a ticket has ended");
  if (!plausible(order.path, kTicketPathBytesMax) || order.path.front() != '/') {
    return fail(Code::invalid_argument,
                "a ticket's path begins with '/' and holds no blanks or control characters");
  }
  if (!plausible(order.origin, kTicketOriginBytesMax) || order.origin == "null") {
    return fail(Code::invalid_argument, "a ticket needs the origin of the page that will use it");
  }
  if (!order.minter->session.empty() && order.minter->session != order.session) {
    return fail(Code::permission_denied, "this credential opens another session");
  }
  return ok();
}

Grant ticket_grant(const TicketOrder& order, const Digest& digest, MonotonicTime now) {
  Grant grant;
  grant.kind = CredentialKind::ticket;
  grant.digest = digest;
  grant.principal = order.minter->principal;
  grant.session = order.session;
  grant.issued = now;
  grant.expires = std::min(after(now, kTicketLife), order.minter->expires);
  grant.used = UsageMark(now);
  grant.ticket =
      std::make_unique<const TicketBinding>(TicketBinding{order.path, order.origin, order.minter->digest});
  grant.family = family_of(order.minter->digest);
  return grant;
}

}  // namespace

std::optional<Denial> judge_ticket(const Grant& grant, const TicketUse& use, MonotonicTime now) noexcept {
  if (grant.kind != CredentialKind::ticket || grant.ticket == nullptr) return Denial::wrong_kind;
  if (!grant.live_at(now)) return Denial::expired;
  if (grant.session != use.session) return Denial::wrong_session;
  if (grant.ticket->path != use.path) return Denial::wrong_path;
  if (use.origin.empty() || grant.ticket->origin != use.origin) return Denial::wrong_origin;
  return std::nullopt;
}

TicketDesk::TicketDesk(CredentialStore& store, Entropy& entropy, TicketLimits limits)
    : store_(store), entropy_(entropy), ledger_(limits) {}

Result<Minted> TicketDesk::mint(const TicketOrder& order, MonotonicTime now) {
  SALLYPORT_CHECK(judge_order(order, now));
  Minted minted = sallyport::mint(CredentialKind::ticket, entropy_);
  Grant grant = ticket_grant(order, minted.digest, now);
  const MonotonicTime expires = grant.expires;
  SALLYPORT_CHECK(store_.put_heir(std::move(grant), *order.minter));
  for (const Digest& leaving : ledger_.add(minted.digest, order.minter->principal->id, expires, now)) {
    (void)store_.take(leaving);
  }
  return minted;
}

Admission TicketDesk::redeem(std::string_view text, const TicketUse& use, MonotonicTime now) {
  const auto presented = read_token(text);
  return presented ? redeem(*presented, use, now) : Admission::denied(Denial::malformed_credential);
}

Admission TicketDesk::redeem(const Presented& presented, const TicketUse& use, MonotonicTime now) {
  if (presented.kind != CredentialKind::ticket) return Admission::denied(Denial::wrong_kind);
  GrantRef grant = store_.take(presented.digest);
  if (grant == nullptr) return Admission::denied(ledger_.why_absent(presented.digest, now));
  ledger_.spend(presented.digest);
  if (const auto denial = judge_ticket(*grant, use, now)) return Admission::denied(*denial, std::move(grant));
  return Admission::admitted(std::move(grant));
}

}  // namespace sallyport
