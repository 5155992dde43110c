// SPDX-License-Identifier: Apache-2.0
#include "sallyport/credential/logins.h"

#include <algorithm>
#include <utility>

namespace sallyport {
namespace {

Grant grant_for(CredentialKind kind, const Digest& digest, std::shared_ptr<const Principal> principal,
                Duration life, MonotonicTime now) {
  Grant grant;
  grant.kind = kind;
  grant.digest = digest;
  grant.principal = std::move(principal);
  grant.issued = now;
  grant.expires = after(now, life);
  grant.used = UsageMark(now);
  grant.family = family_of(digest);
  return grant;
}

}  // namespace

std::optional<Denial> judge_login(const Grant& grant, MonotonicTime now) noexcept {
  if (grant.kind != CredentialKind::login) return Denial::wrong_kind;
  if (!grant.live_at(now)) return Denial::expired;
  return std::nullopt;
}

Logins::Logins(CredentialStore& store, Entropy& entropy, LoginPolicy policy) noexcept
    : store_(store), entropy_(entropy), policy_(policy) {}

Result<Minted> Logins::begin(std::shared_ptr<const Principal> principal, std::string_view before,
                             MonotonicTime now) {
  if (principal == nullptr) return fail(Code::invalid_argument, "a login needs a principal");
  end_before(before, nullptr);
  return put(std::move(principal), SessionId(), nullptr, now);
}

Result<Minted> Logins::begin_from(const Grant& link, std::string_view before, MonotonicTime now) {
  if (link.link == nullptr || link.principal == nullptr)
    return fail(Code::invalid_argument, "a login link is what begins a login");
  GrantRef maker;
  if (link.link->made_with) {
    maker = store_.find(*link.link->made_with);
    if (maker == nullptr || !maker->live_at(now))
      return fail(Code::unauthenticated, "the login or token that made this link has ended");
  }
  end_before(before, maker.get());
  return put(link.principal, link.session, maker.get(), now);
}

/// end_before ends the login whose cookie the browser carried, but not the one that the next is to live by.
void Logins::end_before(std::string_view before, const Grant* maker) {
  const auto presented = read_token(before);
  if (!presented || presented->kind != CredentialKind::login) return;
  if (maker != nullptr && passes_on(*maker) && maker->digest.matches(presented->digest)) return;
  if (store_.find(presented->digest) != nullptr) store_.remove_family(presented->digest);
}

Result<Minted> Logins::put(std::shared_ptr<const Principal> principal, const SessionId& session,
                           const Grant* maker, MonotonicTime now) {
  const std::vector<GrantRef> open = all_of(principal->id);
  for (std::size_t i = 0; open.size() - i >= policy_.per_user_max && i < open.size(); ++i) {
    store_.remove_family(open[i]->digest);
  }
  Minted minted = sallyport::mint(CredentialKind::login, entropy_);
  Grant grant = grant_for(CredentialKind::login, minted.digest, std::move(principal), policy_.life, now);
  grant.idle_max = policy_.idle_max;
  grant.session = session;
  SALLYPORT_CHECK(store_.put_made_with(maker, std::move(grant)));
  return minted;
}

Admission Logins::resume(std::string_view cookie, MonotonicTime now) const {
  const auto presented = read_token(cookie);
  if (!presented) return Admission::denied(Denial::malformed_credential);
  if (presented->kind != CredentialKind::login) return Admission::denied(Denial::wrong_kind);
  GrantRef grant = store_.find(presented->digest);
  if (grant == nullptr) return Admission::denied(Denial::unknown_credential);
  if (const auto denial = judge_login(*grant, now)) return Admission::denied(*denial, std::move(grant));
  grant->used.touch(now);
  return Admission::admitted(std::move(grant));
}

std::vector<GrantRef> Logins::all_of(const std::string& user) const {
  GrantFilter filter;
  filter.kind = CredentialKind::login;
  filter.principal = user;
  std::vector<GrantRef> found = store_.list(filter, SIZE_MAX);
  std::ranges::sort(found, {}, [](const GrantRef& grant) { return grant->issued; });
  return found;
}

std::vector<GrantRef> Logins::list(const std::string& user, MonotonicTime now) const {
  std::vector<GrantRef> found = all_of(user);
  std::erase_if(found, [now](const GrantRef& grant) { return !grant->live_at(now); });
  return found;
}

std::size_t Logins::end(const std::string& user, const Digest& login) {
  const GrantRef grant = store_.find(login);
  if (grant == nullptr || grant->kind != CredentialKind::login || grant->principal->id != user) return 0;
  store_.remove_family(login);
  return 1;
}

std::size_t Logins::end_others(const std::string& user, const Digest& kept) {
  std::size_t ended = 0;
  for (const GrantRef& grant : all_of(user)) {
    if (grant->digest.matches(kept)) continue;
    store_.remove_family(grant->digest);
    ++ended;
  }
  return ended;
}

std::size_t Logins::end_all(const std::string& user) { return end_others(user, Digest{}); }

Result<Minted> LoginLinks::mint(const LinkOrder& order, MonotonicTime now) {
  if (order.principal == nullptr) return fail(Code::invalid_argument, "a login link needs a principal");
  if (order.life <= Duration::zero() || order.life > kLoginLinkLifeMax) {
    return fail(Code::invalid_argument, "a login link lives longer than nothing and at most one hour");
  }
  Minted minted = sallyport::mint(CredentialKind::login_link, entropy_);
  Grant grant = grant_for(CredentialKind::login_link, minted.digest, order.principal, order.life, now);
  grant.session = order.session;
  LinkBinding binding{std::nullopt, order.next};
  const bool stored = order.maker != nullptr && !token_prefix(order.maker->kind).empty();
  if (stored) binding.made_with = order.maker->digest;
  grant.link = std::make_unique<const LinkBinding>(std::move(binding));
  SALLYPORT_CHECK(stored ? store_.put_heir(std::move(grant), *order.maker) : store_.put(std::move(grant)));
  return minted;
}

Admission LoginLinks::redeem(std::string_view text, MonotonicTime now) {
  const auto presented = read_token(text);
  if (!presented) return Admission::denied(Denial::malformed_credential);
  if (presented->kind != CredentialKind::login_link) return Admission::denied(Denial::wrong_kind);
  GrantRef grant = store_.take(presented->digest);
  if (grant == nullptr) return Admission::denied(Denial::unknown_credential);
  if (!grant->live_at(now)) return Admission::denied(Denial::expired, std::move(grant));
  return Admission::admitted(std::move(grant));
}

std::size_t LoginLinks::end_all(const std::string& user) {
  GrantFilter filter;
  filter.kind = CredentialKind::login_link;
  filter.principal = user;
  return store_.remove_where(filter);
}

}  // namespace sallyport
