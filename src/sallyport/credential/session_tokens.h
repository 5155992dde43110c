// SPDX-License-Identifier: Apache-2.0
// Session tokens: the outer credential of one guarded session, one current token each.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string_view>

#include "sallyport/base/result.h"
#include "sallyport/credential/credential_store.h"
#include "sallyport/credential/token.h"
#include "sallyport/credential/variables.h"
#include "sallyport/env/clock.h"

namespace sallyport {

inline constexpr Duration kSessionTokenLifeMax = std::chrono::hours(24 * 366);
inline constexpr Duration kCleanupIntervalMax = std::chrono::hours(24);
inline constexpr Duration kRotationGraceMax = std::chrono::hours(1);

/// TokenPolicy is the settings of session tokens.
struct TokenPolicy {
  std::size_t length_bytes = kTokenBytes;  ///< SESSION_TOKEN_LENGTH, kTokenBytesMin to kTokenBytesMax
  Duration life = std::chrono::hours(24);  ///< SESSION_TOKEN_EXPIRY_HOURS
  Duration cleanup_interval = std::chrono::minutes(60);  ///< TOKEN_CLEANUP_INTERVAL_MINUTES
};

/// read_token_policy reads the three variables over the given defaults. Error: invalid_argument names the
/// variable, its value and the range. An empty variable counts as unset.
Result<TokenPolicy> read_token_policy(const VariableLookup& lookup, TokenPolicy defaults = {});

/// SessionTokenInfo is what may be told about a session's token; the token itself is not kept.
struct SessionTokenInfo {
  Digest digest;  ///< for a fingerprint
  MonotonicTime issued{};
  MonotonicTime expires{};
  MonotonicTime last_used{};
  std::uint32_t rotations = 0;
};

/// RestoredToken is a session token as a record kept it, with times of this boot.
struct RestoredToken {
  SessionId session;
  std::shared_ptr<const Principal> principal;
  Digest digest;
  MonotonicTime issued{};
  MonotonicTime expires{};
  std::uint32_t rotations = 0;
  std::optional<Digest> maker;  ///< with which it ends
  enum class Place : std::uint8_t { current, in_grace } place = Place::current;
};

/// SessionTokens creates, validates, rotates, expires and revokes. A token opens its own session only,
/// strictly before it expires. It keeps no token, so a lost one is rotated, not read back. Any thread.
class SessionTokens {
 public:
  SessionTokens(CredentialStore& store, Entropy& entropy, TokenPolicy policy) noexcept;

  /// create mints the session's first token, for whoever asked with `maker`: see passes_on. Errors:
  /// already_exists (rotate instead), invalid_argument (no principal), and those of put_made_with.
  Result<Minted> create(const SessionId& session, std::shared_ptr<const Principal> principal,
                        MonotonicTime now, const Grant* maker = nullptr);
  /// restore puts back a token that an earlier process minted. Errors: not_found (what it was made with is
  /// not there, or not yet), unauthenticated (its time is over), and those of put.
  Status restore(const RestoredToken& token, MonotonicTime now);
  /// validate says whether `text` opens `session`. Denials: malformed_credential, wrong_kind,
  /// unknown_credential, expired, wrong_session.
  [[nodiscard]] Admission validate(std::string_view text, const SessionId& session, MonotonicTime now) const;
  /// rotate mints a new token; the one before goes on for `grace` (at most kRotationGraceMax), and without
  /// grace ends at once, as do those whose grace was still running. Errors: not_found, invalid_argument, and
  /// those of put_made_with: then the current token stays.
  Result<Minted> rotate(const SessionId& session, Duration grace, MonotonicTime now,
                        const Grant* maker = nullptr);
  /// expire ends the current token at `at`, at the latest. Error: not_found.
  Status expire(const SessionId& session, MonotonicTime at);
  /// revoke ends all tokens of the session and what they minted; the session lives on, and create gives it a
  /// new one. Returns how many credentials ended.
  std::size_t revoke(const SessionId& session);
  /// end is for a session that is over: all credentials bound to it go, tickets and its child's internal one
  /// included.
  std::size_t end(const SessionId& session);
  /// describe tells about the current token; nullopt where the session has none that is live.
  [[nodiscard]] std::optional<SessionTokenInfo> describe(const SessionId& session, MonotonicTime now) const;

 private:
  struct Current {
    Digest digest;
    std::shared_ptr<const Principal> principal;
    std::uint32_t rotations = 0;
  };

  Result<Minted> mint_for(const SessionId& session, std::shared_ptr<const Principal> principal,
                          MonotonicTime now, const Grant* maker);
  std::size_t remove_tokens_of(const SessionId& session, std::optional<Digest> except);

  CredentialStore& store_;
  Entropy& entropy_;
  const TokenPolicy policy_;
  mutable std::mutex mutex_;
  std::map<SessionId, Current> current_;
};

/// judge_session_token compares a grant with where it is used: wrong_kind, expired, wrong_session; nullopt
/// where all agree.
std::optional<Denial> judge_session_token(const Grant& grant, const SessionId& session,
                                          MonotonicTime now) noexcept;

}  // namespace sallyport
