// SPDX-License-Identifier: Apache-2.0
#include "sallyport/credential/internal_credentials.h"

#include <algorithm>
#include <utility>

namespace sallyport {
namespace {

bool exact_path(std::string_view path) noexcept {
  return !path.empty() && path.size() <= kInternalEndpointBytesMax && path.front() == '/' &&
         std::ranges::none_of(
             path, [](char c) { return c <= 0x20 || c == 0x7f || c == '*' || c == '?' || c == '#'; });
}

std::shared_ptr<const Principal> internal_principal() {
  const std::string id(kInternalPrincipalId);
  return std::make_shared<const Principal>(Principal{id, PrincipalKind::internal, id, {}});
}

}  // namespace

std::optional<Denial> judge_internal(const Grant& grant, const InternalUse& use, MonotonicTime now) noexcept {
  if (grant.kind != CredentialKind::internal_credential || grant.internal == nullptr)
    return Denial::wrong_kind;
  if (!grant.live_at(now)) return Denial::expired;
  if (use.route == Route::elsewhere) return Denial::network_not_allowed;
  const auto& endpoints = grant.internal->endpoints;
  if (std::ranges::find(endpoints, use.path) == endpoints.end()) return Denial::wrong_path;
  return std::nullopt;
}

Result<Minted> InternalCredentials::mint_for(const SessionId& child, std::vector<std::string> endpoints,
                                             MonotonicTime now) {
  if (child.empty()) return fail(Code::invalid_argument, "an internal credential belongs to one child");
  if (endpoints.empty() || endpoints.size() > kInternalEndpointsMax ||
      !std::ranges::all_of(endpoints, exact_path)) {
    return fail(Code::invalid_argument, "an internal credential needs 1 to 32 exact paths, such as /api/ws");
  }
  Minted minted = mint(CredentialKind::internal_credential, entropy_);
  Grant grant;
  grant.kind = CredentialKind::internal_credential;
  grant.digest = minted.digest;
  grant.principal = internal_principal();
  grant.session = child;
  grant.issued = now;
  grant.expires = kNever;
  grant.used = UsageMark(now);
  grant.internal = std::make_unique<const InternalBinding>(InternalBinding{std::move(endpoints)});
  grant.family = family_of(minted.digest);
  SALLYPORT_CHECK(store_.put(std::move(grant)));
  remove_of(child, minted.digest);
  return minted;
}

Admission InternalCredentials::admit(std::string_view text, const InternalUse& use, MonotonicTime now) const {
  const auto presented = read_token(text);
  if (!presented) return Admission::denied(Denial::malformed_credential);
  if (presented->kind != CredentialKind::internal_credential) return Admission::denied(Denial::wrong_kind);
  GrantRef grant = store_.find(presented->digest);
  if (grant == nullptr) return Admission::denied(Denial::unknown_credential);
  if (const auto denial = judge_internal(*grant, use, now))
    return Admission::denied(*denial, std::move(grant));
  grant->used.touch(now);
  return Admission::admitted(std::move(grant));
}

std::size_t InternalCredentials::revoke(const SessionId& child) { return remove_of(child, std::nullopt); }

std::size_t InternalCredentials::remove_of(const SessionId& child, std::optional<Digest> except) {
  GrantFilter filter;
  filter.kind = CredentialKind::internal_credential;
  filter.session = child;
  filter.except = except;
  return store_.remove_where(filter);
}

}  // namespace sallyport
