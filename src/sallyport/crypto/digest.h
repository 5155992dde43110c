// SPDX-License-Identifier: Apache-2.0
// SHA-256 and HMAC-SHA-256 (FIPS 180-4, RFC 2104), and the short keyed fingerprint by which a log names a
// credential. Random bytes come in as arguments; nothing here reads a clock or draws randomness.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "sallyport/base/digest.h"
#include "sallyport/base/secret.h"

namespace sallyport {

/// sha256 digests `bytes`. Any thread; allocates nothing. Aborts where the library itself fails.
Digest sha256(std::span<const std::byte> bytes) noexcept;
Digest sha256(std::string_view text) noexcept;

/// hmac_sha256 authenticates `message` under `key`, of any length. Any thread.
Digest hmac_sha256(std::span<const std::byte> key, std::span<const std::byte> message) noexcept;
Digest hmac_sha256(std::span<const std::byte> key, std::string_view message) noexcept;

/// FingerprintKey keys what logs show of a credential.
using FingerprintKey = Secret<struct FingerprintKeyTag, 32>;

/// Fingerprinter gives a credential the name by which logs, `token list` and health know it: 8 hexadecimal
/// digits of an HMAC of its digest. It tells two credentials apart for the reader of one log; without the key
/// it is of no use for finding a credential, and with the key it is still only 32 bits of a digest of 256
/// random bits. It is not an identifier: two credentials may share one. Immutable; any thread.
class Fingerprinter {
 public:
  explicit Fingerprinter(FingerprintKey key) noexcept : key_(std::move(key)) {}
  /// derived_from makes the key from a longer-lived secret, so that fingerprints stay the same over a
  /// restart.
  static Fingerprinter derived_from(const SecretText& secret) noexcept;
  [[nodiscard]] std::string fingerprint(const Digest& digest) const;

 private:
  FingerprintKey key_;
};

}  // namespace sallyport
