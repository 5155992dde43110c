// SPDX-License-Identifier: Apache-2.0
// SecretReader: follows any reference to a secret. FreshSecret: keeps what was read for as long as that is
// wise.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "sallyport/config/environment.h"
#include "sallyport/config/settings.h"
#include "sallyport/env/files.h"
#include "sallyport/secrets/vault.h"

namespace sallyport {

/// SecretReader reads every kind of SecretRef. Any thread; calls block: not on a loop.
class SecretReader {
 public:
  /// All outlive the reader. `vault` is empty where no secret manager is configured.
  SecretReader(Files& files, const Environment& environment, const MonotonicClock& clock,
               std::optional<VaultOptions> vault);
  SecretReader(const SecretReader&) = delete;
  SecretReader& operator=(const SecretReader&) = delete;

  /// read follows the reference now. One line end at the end is dropped; an empty secret is an error. Errors:
  /// those of resolve_secret, read_from_program and VaultClient::read; invalid_argument where vault: is used
  /// and none is configured.
  Result<SecretText> read(const SecretRef& ref);

 private:
  Files& files_;
  const Environment& environment_;
  const MonotonicClock& clock_;
  std::unique_ptr<VaultClient> vault_;
};

/// SecretFreshness says how often a secret is fetched, and how long the last good value stands in while that
/// fails.
struct SecretFreshness {
  Duration refresh = std::chrono::seconds(30);
  Duration retry = std::chrono::seconds(5);  ///< while it fails
  Duration grace =
      std::chrono::minutes(5);  ///< since the last good read; then there is no secret, which denies
};

/// FreshSecret follows one reference. A read that fails never means "no secret": the last good value is kept
/// for `grace`, and the alarm is told once when reads begin to fail and once when they work again; a secret
/// that is gone for certain (not_found) is gone at once. Any thread; get() blocks while it fetches.
class FreshSecret {
 public:
  using Alarm = std::function<void(const std::string&)>;
  FreshSecret(SecretReader& reader, SecretRef ref, const MonotonicClock& clock, SecretFreshness freshness,
              Alarm alarm);
  FreshSecret(const FreshSecret&) = delete;
  FreshSecret& operator=(const FreshSecret&) = delete;

  Result<SecretText> get();

 private:
  Result<SecretText> fetch(MonotonicTime now);

  SecretReader& reader_;
  const SecretRef ref_;
  const MonotonicClock& clock_;
  const SecretFreshness freshness_;
  const Alarm alarm_;
  std::mutex mutex_;
  SecretText last_good_;  ///< guarded by mutex_, as all below; empty: none
  std::optional<Error> last_error_;
  MonotonicTime good_at_{};
  MonotonicTime fetch_again_{};
};

}  // namespace sallyport
