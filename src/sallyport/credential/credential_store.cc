// SPDX-License-Identifier: Apache-2.0
#include "sallyport/credential/credential_store.h"

#include <algorithm>
#include <utility>

#include "sallyport/credential/token.h"

namespace sallyport {

bool GrantFilter::picks(const Grant& grant) const noexcept {
  if (picks_nothing()) return false;
  if (kind && grant.kind != *kind) return false;
  if (session && grant.session != *session) return false;
  if (principal && (grant.principal == nullptr || grant.principal->id != *principal)) return false;
  if (family && grant.family != *family) return false;
  return !(except && except->matches(grant.digest));
}

namespace {

/// is_stored tells tokens and logins from what the kernel or TLS vouches for on each connection.
bool is_stored(const Grant& grant) noexcept { return !token_prefix(grant.kind).empty(); }

/// may_have_heirs: a login that a link began is its maker's heir, not the link's.
bool may_have_heirs(const Grant& grant) noexcept {
  return grant.kind == CredentialKind::access_token || grant.kind == CredentialKind::session_token ||
         grant.kind == CredentialKind::login;
}

}  // namespace

Status CredentialStore::put_heir(Grant grant, const Grant& maker) {
  if (!is_stored(maker)) return put(std::move(grant));
  grant.family = family_of(maker.digest);
  grant.expires = std::min(grant.expires, maker.expires);
  const Digest digest = grant.digest;
  SALLYPORT_CHECK(put(std::move(grant)));
  if (find(maker.digest) != nullptr) return ok();
  (void)take(digest);  // a revocation overtook us, and may have missed this one
  return fail(Code::unauthenticated, "the login or token with which this was asked for has ended");
}

Status CredentialStore::put_made_with(const Grant* maker, Grant grant) {
  return maker != nullptr && passes_on(*maker) ? put_heir(std::move(grant), *maker) : put(std::move(grant));
}

std::size_t CredentialStore::remove_family(const Digest& root) {
  std::size_t removed = remove(root);
  std::vector<std::uint64_t> families{family_of(root)};
  while (!families.empty()) {
    GrantFilter heirs;
    heirs.family = families.back();
    families.pop_back();
    const std::vector<GrantRef> found = list(heirs, SIZE_MAX);
    if (found.empty()) continue;  // one that comes now finds its maker gone, and takes itself back
    removed += remove_where(heirs);
    for (const GrantRef& heir : found) {
      if (may_have_heirs(*heir) && family_of(heir->digest) != heir->family)
        families.push_back(family_of(heir->digest));
    }
  }
  return removed;
}

}  // namespace sallyport
