// SPDX-License-Identifier: Apache-2.0
// VaultClient: reads fields of KV version 2 secrets from HashiCorp Vault or OpenBao, over their HTTP API.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "sallyport/base/result.h"
#include "sallyport/base/secret.h"
#include "sallyport/base/time.h"
#include "sallyport/env/clock.h"
#include "sallyport/net/http_client.h"

namespace sallyport {

/// VaultOptions say where the secret manager is and how we prove who we are: by a token, by AppRole, or by
/// the endpoint's client certificate (its "cert" method) where neither is given.
struct VaultOptions {
  /// Reads a secret afresh: a token or secret id that was rotated counts at the next login.
  using Read = std::function<Result<SecretText>()>;
  enum class SecretIdForm : std::uint8_t { plain, wrapped };

  HttpEndpoint endpoint;
  std::string name_space;  ///< X-Vault-Namespace; empty: none
  Read token;              ///< empty: log in
  std::string role_id;     ///< AppRole; with secret_id
  Read secret_id;
  SecretIdForm secret_id_form = SecretIdForm::plain;  ///< wrapped: unwrapped once, at the first login
  Duration patience = std::chrono::seconds(5);        ///< for one call
};

/// VaultClient keeps one token: it logs in when it must, renews at two thirds of the lease, and logs in again
/// where the server does not know the token any more. Any thread; calls block, one at a time.
/// Errors of read: not_found (no such secret, version deleted, no such field), permission_denied (403 after a
/// new login), unavailable (sealed, overloaded, unreachable), unauthenticated (TLS), invalid_argument (a
/// field that is no text). They name path and status, nothing that the server holds.
class VaultClient {
 public:
  /// `clock` outlives the client.
  VaultClient(const MonotonicClock& clock, VaultOptions options);
  VaultClient(const VaultClient&) = delete;
  VaultClient& operator=(const VaultClient&) = delete;

  /// read gives the newest version's field of "MOUNT/PATH".
  Result<SecretText> read(std::string_view path, std::string_view field);

 private:
  enum class Trust : std::uint8_t { with_token, without };
  struct Asked;

  Result<HttpAnswer> ask(Method method, std::string target, SecretText body, Trust trust);
  Status ensure_token();
  Status log_in();
  Status take_login(Result<HttpAnswer> answer);
  Status look_up_given_token();
  void renew_if_due();
  Result<SecretText> secret_id();
  void set_token(SecretText token, std::int64_t lease_s, bool renewable);
  void forget_token();

  const MonotonicClock& clock_;
  const VaultOptions options_;
  std::mutex mutex_;
  SecretText token_;                ///< guarded by mutex_, as all below; empty: log in first
  SecretText unwrapped_secret_id_;  ///< of a wrapped one
  MonotonicTime renew_at_ = kNever;
  MonotonicTime token_ends_ = kNever;
};

}  // namespace sallyport
