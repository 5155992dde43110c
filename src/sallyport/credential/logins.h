// SPDX-License-Identifier: Apache-2.0
// Logins: a person's signed-in state in a browser, carried by a cookie. Login links: how a login begins
// without a password, once.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/result.h"
#include "sallyport/credential/credential_store.h"
#include "sallyport/credential/token.h"
#include "sallyport/env/clock.h"

namespace sallyport {

inline constexpr Duration kLoginLinkLifeMax = std::chrono::hours(1);

/// LoginPolicy bounds a login. A login ends at the first of the two lifetimes; the oldest of a user goes to
/// make room.
struct LoginPolicy {
  Duration idle_max = std::chrono::hours(24);
  Duration life = std::chrono::hours(24 * 7);
  std::size_t per_user_max = 32;
};

/// judge_login: wrong_kind or expired; nullopt where the login is live.
std::optional<Denial> judge_login(const Grant& grant, MonotonicTime now) noexcept;

/// Logins begins, resumes, lists and ends logins. The cookie's text is new at each begin, so that one planted
/// before the login is worth nothing after it. Any thread.
class Logins {
 public:
  Logins(CredentialStore& store, Entropy& entropy, LoginPolicy policy = {}) noexcept;

  /// begin mints a login. `before` is the cookie that the browser carried so far, whoever's it was: it ends,
  /// and with it its tickets. Errors: invalid_argument (no principal), and the store's.
  Result<Minted> begin(std::shared_ptr<const Principal> principal, std::string_view before,
                       MonotonicTime now);
  /// begin_from begins the login that a redeemed link is for. Where the link was made with a credential that
  /// passes_on, the login ends with that. Errors: unauthenticated (that credential has ended), and as begin.
  Result<Minted> begin_from(const Grant& link, std::string_view before, MonotonicTime now);
  /// resume finds the login of a cookie and notes that it was used. Denials: malformed_credential,
  /// wrong_kind, unknown_credential, expired.
  [[nodiscard]] Admission resume(std::string_view cookie, MonotonicTime now) const;
  /// list returns the live logins of one user, the oldest first.
  [[nodiscard]] std::vector<GrantRef> list(const std::string& user, MonotonicTime now) const;
  /// end ends one login of this user and what descends from it; 0 where `login` is not this user's.
  std::size_t end(const std::string& user, const Digest& login);
  /// end_others ends all logins of the user but `kept`; returns how many logins ended.
  std::size_t end_others(const std::string& user, const Digest& kept);
  /// end_all is for a changed password or a removed user.
  std::size_t end_all(const std::string& user);

 private:
  [[nodiscard]] std::vector<GrantRef> all_of(const std::string& user) const;
  void end_before(std::string_view before, const Grant* maker);
  Result<Minted> put(std::shared_ptr<const Principal> principal, const SessionId& session, const Grant* maker,
                     MonotonicTime now);

  CredentialStore& store_;
  Entropy& entropy_;
  const LoginPolicy policy_;
};

/// LinkOrder is what a link is to be.
struct LinkOrder {
  std::shared_ptr<const Principal> principal{};  ///< who is logged in by it
  Duration life{};
  GrantRef maker{};        ///< with which credential it is asked for; the link ends with it
  SessionId session{};     ///< the only session that its login opens; empty: not bound to one
  std::string next = "/";  ///< where the login leads: a path of its origin
};

/// LoginLinks mints and redeems one-time links. Like a ticket a link is taken before it is judged. Any
/// thread.
class LoginLinks {
 public:
  LoginLinks(CredentialStore& store, Entropy& entropy) noexcept : store_(store), entropy_(entropy) {}

  /// mint makes a link's token. Errors: invalid_argument (no principal; a life that is not positive or beyond
  /// kLoginLinkLifeMax), and those of put_heir.
  Result<Minted> mint(const LinkOrder& order, MonotonicTime now);
  /// redeem: malformed_credential, wrong_kind, unknown_credential (used ones included), expired.
  Admission redeem(std::string_view text, MonotonicTime now);
  /// end_all ends the links that would sign this user in; returns how many.
  std::size_t end_all(const std::string& user);

 private:
  CredentialStore& store_;
  Entropy& entropy_;
};

}  // namespace sallyport
