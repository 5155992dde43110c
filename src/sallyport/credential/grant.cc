// SPDX-License-Identifier: Apache-2.0
#include "sallyport/credential/grant.h"

namespace sallyport {

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
  copy.family = grant.family;
  return copy;
}

}  // namespace sallyport
