// SPDX-License-Identifier: Apache-2.0
#include "sallyport/authn/internal/presented.h"

#include <array>

#include "sallyport/credential/token.h"
#include "sallyport/http/authorization.h"
#include "sallyport/http/form.h"
#include "sallyport/http/websocket.h"

namespace sallyport::internal {
namespace {

constexpr std::string_view kTicketParameter = "ticket";

void add(ExplicitCredential& found, Place place, std::string_view text, std::size_t count = 1) noexcept {
  if (count == 0) return;
  found.place = place;
  found.text = text;
  found.count += count;
}

/// has_our_prefix: a bearer token of another make is the tool's business.
bool has_our_prefix(std::string_view text) noexcept {
  constexpr std::array kinds{CredentialKind::access_token,
                             CredentialKind::session_token,
                             CredentialKind::ticket,
                             CredentialKind::internal_credential,
                             CredentialKind::backend_credential,
                             CredentialKind::login_link,
                             CredentialKind::login};
  for (const CredentialKind kind : kinds) {
    if (text.starts_with(token_prefix(kind))) return true;
  }
  return false;
}

}  // namespace

ExplicitCredential read_explicit(const RequestHead& head, Upgrading upgrading) {
  ExplicitCredential found;
  if (head.fields.has(HeaderId::authorization) || head.fields.has(HeaderId::x_session_token)) {
    for (const HeaderField& field : head.fields) {
      if (field.id() == HeaderId::x_session_token) add(found, Place::session_header, field.value());
      if (field.id() != HeaderId::authorization) continue;
      const auto token = bearer_token(field.value());
      if (token && has_our_prefix(*token)) {
        add(found, Place::bearer, *token);
      } else {
        found.foreign = ExplicitCredential::Foreign::present;
      }
    }
  }
  if (upgrading == Upgrading::no) return found;
  const TicketOffer offer = find_ticket_protocol(head.fields);
  add(found, Place::ticket, offer.ticket, offer.count);
  if (head.target.has_query) {
    const QueryMatch match = find_in_query(head.target.query_raw, kTicketParameter);
    add(found, Place::ticket, match.value_raw, match.count);
  }
  return found;
}

}  // namespace sallyport::internal
