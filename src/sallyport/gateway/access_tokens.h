// SPDX-License-Identifier: Apache-2.0
// AccessTokens: tokens for programs, made, listed and revoked while the gateway runs.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sallyport/credential/credential_store.h"
#include "sallyport/credential/token.h"
#include "sallyport/env/clock.h"
#include "sallyport/gateway/durable_clock.h"
#include "sallyport/store/session_records.h"

namespace sallyport {

inline constexpr Duration kAccessTokenLifeMax = std::chrono::hours(24 * 3650);
inline constexpr std::size_t kAccessTokensMax = 10'000;

/// AccessTokenLimits: `admin` is the principal id of the user who runs the gateway; `per_owner_max` holds for
/// everybody else.
struct AccessTokenLimits {
  std::string admin;
  std::size_t per_owner_max = 100;
};

/// AccessTokenWish is what somebody asks for; who may ask for whom is the caller's to judge.
struct AccessTokenWish {
  std::string label;
  std::string owner;  ///< whom the token proves
  std::vector<std::string> roles;
  SessionId session;            ///< the only session that it opens; empty: not bound to one
  std::optional<Duration> ttl;  ///< none: until it is revoked
};

struct CreatedAccessToken {
  std::string id;
  Minted token;
};

/// AccessTokens keeps no token, only what may be told about it. Any thread; create and revoke block where the
/// records do.
class AccessTokens {
 public:
  AccessTokens(CredentialStore& store, AccessTokenRecords& records, Entropy& entropy,
               const DurableClock& clock, AccessTokenLimits limits = {}) noexcept
      : store_(store), records_(records), entropy_(entropy), clock_(clock), limits_(std::move(limits)) {}

  /// create makes a token for whoever asks with `maker`: where that passes_on, the token ends with it, and at
  /// the latest when it expires. Errors: invalid_argument, exhausted, those of put_made_with and the
  /// records'; then no token was made.
  Result<CreatedAccessToken> create(AccessTokenWish wish, const Grant* maker);
  /// revoke ends a token and what was made with it. Errors: not_found, and the records'.
  Status revoke(const std::string& id);
  /// restore takes the tokens of an earlier gateway; before the tokens are shared between threads. Then
  /// restore_some puts back those whose makers are there, and returns how many: it is called until nothing
  /// more comes. forget_waiting gives the others up: what they were made with has ended.
  void restore(std::vector<AccessTokenRecord> records) { waiting_ = std::move(records); }
  std::size_t restore_some();
  void forget_waiting();
  /// revoke_owner ends all tokens that prove one user; returns how many.
  std::size_t revoke_owner(const std::string& owner);
  /// list returns the live ones, by id; of one owner, or, with an empty name, of all.
  [[nodiscard]] std::vector<AccessTokenRecord> list(const std::string& owner) const;

 private:
  [[nodiscard]] std::vector<std::string> ended(MonotonicTime now) const;
  void forget_ended();
  [[nodiscard]] Status judge_room(const std::string& owner) const;

  CredentialStore& store_;
  AccessTokenRecords& records_;
  Entropy& entropy_;
  const DurableClock& clock_;
  const AccessTokenLimits limits_;
  std::vector<AccessTokenRecord> waiting_;  ///< of an earlier gateway, for what they were made with
  mutable std::mutex mutex_;
  std::multiset<std::string> coming_;              ///< guarded by mutex_: owners of those being written down
  std::map<std::string, AccessTokenRecord> kept_;  ///< guarded by mutex_
};

}  // namespace sallyport
