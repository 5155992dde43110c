// SPDX-License-Identifier: Apache-2.0
#include "sallyport/credential/credential_store.h"

namespace sallyport {

bool GrantFilter::picks(const Grant& grant) const noexcept {
  if (picks_nothing()) return false;
  if (kind && grant.kind != *kind) return false;
  if (session && grant.session != *session) return false;
  if (principal && (grant.principal == nullptr || grant.principal->id != *principal)) return false;
  if (family && grant.family != *family) return false;
  return !(except && except->matches(grant.digest));
}

std::size_t CredentialStore::remove_family(const Digest& root) {
  const std::size_t roots = remove(root);
  GrantFilter descendants;
  descendants.family = family_of(root);
  return roots + remove_where(descendants);
}

}  // namespace sallyport
