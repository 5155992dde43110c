// SPDX-License-Identifier: Apache-2.0
// RevocationList: a certificate revocation list (RFC 5280 section 5), read within bounds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/result.h"
#include "sallyport/base/time.h"

namespace sallyport {

class Certificate;

inline constexpr std::size_t kRevocationListBytesMax = 1 << 20;  ///< DER
inline constexpr std::size_t kRevocationsMax = 20'000;
inline constexpr std::size_t kSerialBytesMax = 20;  ///< RFC 5280 section 4.1.2.2

/// RevocationReason: RFC 5280 section 5.3.1, those that make sense for a list of all revocations.
enum class RevocationReason : std::uint8_t {
  unspecified,
  key_compromise,
  affiliation_changed,
  superseded,
  cessation_of_operation,
  privilege_withdrawn,
};
/// name_of spells a reason as OpenSSL's configuration does: "keyCompromise".
std::string_view name_of(RevocationReason reason) noexcept;
std::optional<RevocationReason> parse_revocation_reason(std::string_view text) noexcept;

/// Revocation is one entry. A value.
struct Revocation {
  std::string serial;  ///< as CertificateFacts::serial
  WallTime at{};
  RevocationReason reason = RevocationReason::unspecified;
};

namespace ossl {
struct RevocationListData;
}

/// RevocationList is a value: copies share one immutable object. What it says is not proven: verify() checks
/// its signature. Any thread.
class RevocationList {
 public:
  /// from_pem takes exactly one list, PEM or DER. Errors: invalid_argument; exhausted where it is larger than
  /// kRevocationListBytesMax or has more than kRevocationsMax entries.
  static Result<RevocationList> from_pem(std::string_view pem);
  static Result<RevocationList> from_der(std::span<const std::byte> der);

  [[nodiscard]] const std::string& issuer() const noexcept;  ///< RFC 2253, escaped
  [[nodiscard]] WallTime this_update() const noexcept;
  [[nodiscard]] std::optional<WallTime> next_update() const noexcept;
  [[nodiscard]] std::optional<std::uint64_t> number()
      const noexcept;  ///< none too where it is beyond 64 bits
  [[nodiscard]] const std::vector<Revocation>& entries() const noexcept;
  /// find is the entry of a certificate's serial, whoever issued it; nullptr where there is none.
  [[nodiscard]] const Revocation* find(const Certificate& certificate) const noexcept;
  /// signed_by says whether `issuer` has the list's issuer name and signed it.
  [[nodiscard]] bool signed_by(const Certificate& issuer) const;
  [[nodiscard]] std::string to_pem() const;
  /// data is for this module.
  [[nodiscard]] const ossl::RevocationListData& data() const noexcept { return *data_; }

 private:
  explicit RevocationList(std::shared_ptr<const ossl::RevocationListData> data) : data_(std::move(data)) {}
  friend struct ossl::RevocationListData;
  std::shared_ptr<const ossl::RevocationListData> data_;
};

}  // namespace sallyport
