// SPDX-License-Identifier: Apache-2.0
#include "sallyport/credential/grant.h"

namespace sallyport {

bool passes_on(const Grant& maker) noexcept {
  if (maker.kind == CredentialKind::login) return maker.family != family_of(maker.digest);
  return maker.kind == CredentialKind::access_token || maker.kind == CredentialKind::session_token;
}

Grant copy_of(const Grant& grant) {
  Grant copy;
  copy.kind = grant.kind;
  copy.digest = grant.digest;
  copy.principal = grant.principal;
  copy.session = grant.session;
  copy.issued = grant.issued;
  copy.expires = grant.expires;
  copy.idle_max = grant.idle_max;
  copy.used = grant.used;
  if (grant.ticket) copy.ticket = std::make_unique<const TicketBinding>(*grant.ticket);
  if (grant.internal) copy.internal = std::make_unique<const InternalBinding>(*grant.internal);
  if (grant.link) copy.link = std::make_unique<const LinkBinding>(*grant.link);
  copy.family = grant.family;
  return copy;
}

}  // namespace sallyport
