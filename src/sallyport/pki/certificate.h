// SPDX-License-Identifier: Apache-2.0
// Certificate: one X.509 certificate, read within bounds, and what it says of itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/digest.h"
#include "sallyport/base/result.h"
#include "sallyport/base/time.h"
#include "sallyport/pki/names.h"

namespace sallyport {

class PrivateKey;

// What a stranger sends is bounded before it is worked on: RFC 5280 bounds none of these.
inline constexpr std::size_t kCertificateBytesMax = 64 * 1024;  ///< DER
inline constexpr std::size_t kCertificateNamesMax = 1000;       ///< alternative names of one certificate
inline constexpr std::size_t kChainCertificatesMax = 32;        ///< in one PEM text, or from one peer
inline constexpr std::size_t kBundleCertificatesMax = 2000;     ///< trust anchors in one file

/// CertificateUse is what a certificate is for: RFC 5280 section 4.2.1.12. `peer` is both at once.
enum class CertificateUse : std::uint8_t { server, client, peer };
std::string_view name_of(CertificateUse use) noexcept;

/// CertificateFacts are what a certificate says, true or not: only verify() tells whether to believe it.
/// Texts are escaped, and may be shown.
struct CertificateFacts {
  std::string subject;             ///< RFC 2253, "CN=gate.example,O=Example"; empty where there is none
  std::string issuer;              ///< RFC 2253
  std::string common_name;         ///< of the subject; empty where there is none
  std::string serial;              ///< hexadecimal, lower case, whole bytes; "-" before it where negative
  WallTime not_before{};           ///< clamped to what WallTime holds, the years 1677 to 2262
  WallTime not_after{};            ///< inclusive (RFC 5280 section 4.1.2.5)
  std::vector<SubjectName> names;  ///< DNS, IP and URI names in canonical form
  std::vector<std::string> other_names;         ///< all others: e-mail, odd forms; "email:a@b.example"
  std::string key;                              ///< "P-256", "RSA 2048"
  std::string signature;                        ///< "ecdsa-with-SHA256"
  std::vector<std::string> key_usage;           ///< as in RFC 5280: "digitalSignature"
  std::vector<std::string> extended_key_usage;  ///< "serverAuth", or dotted numbers
  bool authority = false;                       ///< basicConstraints says CA
  std::optional<unsigned> path_length;
  Digest fingerprint;  ///< SHA-256 of the DER form
  Digest pin;  ///< SHA-256 of SubjectPublicKeyInfo: it stays when a certificate is renewed for its key
};

namespace ossl {
struct CertificateData;
}

/// Certificate is a value: copies share one immutable object. Any thread.
class Certificate {
 public:
  /// from_der takes exactly one certificate, without a byte behind it. Errors: invalid_argument; exhausted
  /// (larger than kCertificateBytesMax, more than kCertificateNamesMax names).
  static Result<Certificate> from_der(std::span<const std::byte> der);
  /// from_pem takes the first certificate of a PEM text; the rest is passed over. Errors as from_der.
  static Result<Certificate> from_pem(std::string_view pem);
  /// list_from_pem takes all of them, in their order; private keys and comments are passed over. Errors as
  /// from_der; exhausted where there are more than `certificates_max`; invalid_argument where there is none.
  static Result<std::vector<Certificate>> list_from_pem(std::string_view pem,
                                                        std::size_t certificates_max = kChainCertificatesMax);

  [[nodiscard]] const CertificateFacts& facts() const noexcept;
  [[nodiscard]] std::string to_pem() const;
  /// to_der lives as long as the certificate.
  [[nodiscard]] std::span<const std::byte> to_der() const noexcept;
  /// valid_at says whether `now` lies between not_before and not_after, both included; nothing more.
  [[nodiscard]] bool valid_at(WallTime now) const noexcept;
  /// is_pair says whether `key` is the private half of this certificate's key.
  [[nodiscard]] bool is_pair(const PrivateKey& key) const;
  /// self_issued: subject and issuer are the same, and not empty.
  [[nodiscard]] bool self_issued() const noexcept;
  /// data is for this module.
  [[nodiscard]] const ossl::CertificateData& data() const noexcept { return *data_; }
  /// Equal certificates have the same DER form.
  friend bool operator==(const Certificate& a, const Certificate& b) noexcept {
    return a.facts().fingerprint.bytes == b.facts().fingerprint.bytes;
  }

 private:
  explicit Certificate(std::shared_ptr<const ossl::CertificateData> data) : data_(std::move(data)) {}
  friend struct ossl::CertificateData;
  std::shared_ptr<const ossl::CertificateData> data_;
};

/// name_text is how people name a certificate: its first name, its CN, or its fingerprint's beginning.
std::string name_text(const Certificate& certificate);

/// time_left is not_after - now; negative once it is over.
Duration time_left(const Certificate& certificate, WallTime now) noexcept;

}  // namespace sallyport
