// SPDX-License-Identifier: Apache-2.0
#include "sallyport/credential/session_tokens.h"

#include <utility>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

/// read_count reads one variable as a number within [least, most]; `unset` where it is not there.
Result<std::uint32_t> read_count(const VariableLookup& lookup, std::string_view name, std::uint32_t least,
                                 std::uint32_t most, std::uint32_t unset) {
  const auto text = lookup(name);
  if (!text || text->empty()) return unset;
  const auto count = parse_decimal<std::uint32_t>(*text);
  if (!count || *count < least || *count > most) {
    return fail(Code::invalid_argument, concat(name, " is \"", escaped(*text, 40),
                                               "\"; it must be a whole number from ", least, " to ", most));
  }
  return *count;
}

template <class Unit>
std::uint32_t whole(Duration duration) {
  return static_cast<std::uint32_t>(std::chrono::duration_cast<Unit>(duration).count());
}

}  // namespace

Result<TokenPolicy> read_token_policy(const VariableLookup& lookup, TokenPolicy defaults) {
  using std::chrono::hours;
  using std::chrono::minutes;
  SALLYPORT_TRY(length, read_count(lookup, "SESSION_TOKEN_LENGTH", kTokenBytesMin, kTokenBytesMax,
                                   static_cast<std::uint32_t>(defaults.length_bytes)));
  SALLYPORT_TRY(life, read_count(lookup, "SESSION_TOKEN_EXPIRY_HOURS", 1, whole<hours>(kSessionTokenLifeMax),
                                 whole<hours>(defaults.life)));
  SALLYPORT_TRY(cleanup,
                read_count(lookup, "TOKEN_CLEANUP_INTERVAL_MINUTES", 1, whole<minutes>(kCleanupIntervalMax),
                           whole<minutes>(defaults.cleanup_interval)));
  return TokenPolicy{length, hours(life), minutes(cleanup)};
}

std::optional<Denial> judge_session_token(const Grant& grant, const SessionId& session,
                                          MonotonicTime now) noexcept {
  if (grant.kind != CredentialKind::session_token) return Denial::wrong_kind;
  if (!grant.live_at(now)) return Denial::expired;
  if (grant.session.empty() || grant.session != session) return Denial::wrong_session;
  return std::nullopt;
}

SessionTokens::SessionTokens(CredentialStore& store, Entropy& entropy, TokenPolicy policy) noexcept
    : store_(store), entropy_(entropy), policy_(policy) {}

Result<Minted> SessionTokens::mint_for(const SessionId& session, std::shared_ptr<const Principal> principal,
                                       MonotonicTime now, const Grant* maker) {
  Minted minted = mint(CredentialKind::session_token, entropy_, policy_.length_bytes);
  Grant grant;
  grant.kind = CredentialKind::session_token;
  grant.digest = minted.digest;
  grant.principal = std::move(principal);
  grant.session = session;
  grant.issued = now;
  grant.expires = after(now, policy_.life);
  grant.used = UsageMark(now);
  grant.family = family_of(minted.digest);
  SALLYPORT_CHECK(store_.put_made_with(maker, std::move(grant)));
  return minted;
}

std::size_t SessionTokens::remove_tokens_of(const SessionId& session, std::optional<Digest> except) {
  GrantFilter tokens;
  tokens.kind = CredentialKind::session_token;
  tokens.session = session;
  tokens.except = except;
  std::size_t removed = 0;
  for (const GrantRef& token : store_.list(tokens, SIZE_MAX)) removed += store_.remove_family(token->digest);
  return removed;
}

Result<Minted> SessionTokens::create(const SessionId& session, std::shared_ptr<const Principal> principal,
                                     MonotonicTime now, const Grant* maker) {
  if (session.empty()) return fail(Code::invalid_argument, "a session token needs a session");
  const std::lock_guard lock(mutex_);
  if (current_.contains(session)) {
    return fail(Code::already_exists,
                concat("session ", session.view(), " has a token; rotate it for a new one"));
  }
  SALLYPORT_TRY(minted, mint_for(session, principal, now, maker));
  current_[session] = Current{minted.digest, std::move(principal), 0};
  return minted;
}

Status SessionTokens::restore(const RestoredToken& token, MonotonicTime now) {
  if (token.expires <= now) return fail(Code::unauthenticated, "the token has expired");
  const GrantRef maker = token.maker ? store_.find(*token.maker) : nullptr;
  if (token.maker && maker == nullptr) return fail(Code::not_found, "what the token was made with has ended");
  Grant grant;
  grant.kind = CredentialKind::session_token;
  grant.digest = token.digest;
  grant.principal = token.principal;
  grant.session = token.session;
  grant.issued = token.issued;
  grant.expires = token.expires;
  grant.used = UsageMark(token.issued);
  grant.family = family_of(token.digest);
  const std::lock_guard lock(mutex_);
  SALLYPORT_CHECK(maker == nullptr ? store_.put(std::move(grant))
                                   : store_.put_heir(std::move(grant), *maker));
  if (token.place == RestoredToken::Place::current)
    current_[token.session] = Current{token.digest, token.principal, token.rotations};
  return ok();
}

Admission SessionTokens::validate(std::string_view text, const SessionId& session, MonotonicTime now) const {
  const auto presented = read_token(text);
  if (!presented) return Admission::denied(Denial::malformed_credential);
  if (presented->kind != CredentialKind::session_token) return Admission::denied(Denial::wrong_kind);
  GrantRef grant = store_.find(presented->digest);
  if (grant == nullptr) return Admission::denied(Denial::unknown_credential);
  if (const auto denial = judge_session_token(*grant, session, now))
    return Admission::denied(*denial, std::move(grant));
  grant->used.touch(now);
  return Admission::admitted(std::move(grant));
}

Result<Minted> SessionTokens::rotate(const SessionId& session, Duration grace, MonotonicTime now,
                                     const Grant* maker) {
  if (grace < Duration::zero() || grace > kRotationGraceMax) {
    return fail(Code::invalid_argument, "a rotation's grace is at most one hour");
  }
  const std::lock_guard lock(mutex_);
  const auto found = current_.find(session);
  if (found == current_.end())
    return fail(Code::not_found, concat("session ", session.view(), " has no token"));
  Current& current = found->second;
  SALLYPORT_TRY(minted, mint_for(session, current.principal, now, maker));
  if (grace == Duration::zero()) {
    remove_tokens_of(session, minted.digest);
  } else {
    (void)store_.shorten(current.digest, after(now, grace));  // not_found: it was swept already
  }
  current = Current{minted.digest, current.principal, current.rotations + 1};
  return minted;
}

Status SessionTokens::expire(const SessionId& session, MonotonicTime at) {
  const std::lock_guard lock(mutex_);
  const auto found = current_.find(session);
  if (found == current_.end())
    return fail(Code::not_found, concat("session ", session.view(), " has no token"));
  return store_.shorten(found->second.digest, at);
}

std::size_t SessionTokens::revoke(const SessionId& session) {
  const std::lock_guard lock(mutex_);
  current_.erase(session);
  return remove_tokens_of(session, std::nullopt);
}

std::size_t SessionTokens::end(const SessionId& session) {
  if (session.empty()) return 0;
  const std::lock_guard lock(mutex_);
  current_.erase(session);
  GrantFilter everything;
  everything.session = session;
  return store_.remove_where(everything);
}

std::optional<SessionTokenInfo> SessionTokens::describe(const SessionId& session, MonotonicTime now) const {
  const std::lock_guard lock(mutex_);
  const auto found = current_.find(session);
  if (found == current_.end()) return std::nullopt;
  const GrantRef grant = store_.find(found->second.digest);
  if (grant == nullptr || !grant->live_at(now)) return std::nullopt;
  return SessionTokenInfo{grant->digest, grant->issued, grant->expires, grant->used.last(),
                          found->second.rotations};
}

}  // namespace sallyport
