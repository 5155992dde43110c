// SPDX-License-Identifier: Apache-2.0
// PrivateKey: a key pair that signs for a certificate.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sallyport/base/digest.h"
#include "sallyport/base/result.h"
#include "sallyport/base/secret.h"

namespace sallyport {

inline constexpr int kRsaBitsMin = 2048;
inline constexpr int kRsaBitsMax = 8192;  ///< a larger modulus only costs whoever verifies

/// KeyKind is a kind of key that we make. P-256 is the default everywhere.
enum class KeyKind : std::uint8_t { p256, p384, p521, rsa2048, rsa3072 };

/// name_of spells a kind as the command line does: "p256", "p384", "p521", "rsa2048", "rsa3072".
std::string_view name_of(KeyKind kind) noexcept;
std::optional<KeyKind> parse_key_kind(std::string_view text) noexcept;

namespace ossl {
struct KeyData;
}

/// PrivateKey holds a key; it moves and does not copy. What it promises: the text form is wiped when let go,
/// and no message of ours quotes it. What it does not: the arithmetic's own copy lies in OpenSSL's memory,
/// wiped when freed, on pages that are not locked. Immutable; any thread.
class PrivateKey {
 public:
  /// generate draws from OpenSSL's generator, which the kernel seeds. Blocks for the search of primes where
  /// the kind is RSA (a tenth of a second, or several). Error: internal.
  static Result<PrivateKey> generate(KeyKind kind);
  /// from_pem takes the one unencrypted key of a PEM text, PKCS #8, SEC 1 or PKCS #1; certificates beside it
  /// are passed over. Errors: invalid_argument (none, encrypted, garbage; or neither P-256, P-384, P-521 nor
  /// RSA of kRsaBitsMin to kRsaBitsMax bits), never quoting the text.
  static Result<PrivateKey> from_pem(const SecretText& pem);
  PrivateKey(PrivateKey&&) noexcept;
  PrivateKey& operator=(PrivateKey&&) noexcept;
  PrivateKey(const PrivateKey&) = delete;
  PrivateKey& operator=(const PrivateKey&) = delete;
  ~PrivateKey();

  /// to_pem writes PKCS #8, unencrypted. Error: internal.
  [[nodiscard]] Result<SecretText> to_pem() const;
  /// pin is the SHA-256 of the public half (SubjectPublicKeyInfo, DER): the same as its certificate's.
  [[nodiscard]] Digest pin() const;
  /// describe: "P-256", "RSA 2048".
  [[nodiscard]] std::string describe() const;
  /// data is for this module.
  [[nodiscard]] const ossl::KeyData& data() const noexcept { return *data_; }

 private:
  explicit PrivateKey(std::unique_ptr<ossl::KeyData> data);
  std::unique_ptr<ossl::KeyData> data_;
};

}  // namespace sallyport
