// SPDX-License-Identifier: Apache-2.0
// SubjectName: one alternative name of a certificate, DNS, IP or URI, canonical.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sallyport/base/address.h"
#include "sallyport/base/result.h"

namespace sallyport {

inline constexpr std::size_t kSubjectNamesMax = 32;  ///< in a certificate that we issue
inline constexpr std::size_t kUriBytesMax = 2048;    ///< SPIFFE-ID section 2.4
inline constexpr std::size_t kTrustDomainMax = 255;  ///< SPIFFE-ID section 2.1

/// DnsName is in lower case, letters, digits and hyphens in labels of 1 to 63, at most 253 in all, without
/// trailing dot (RFC 1123 section 2.1).
class DnsName {
 public:
  /// parse takes no wildcard.
  static std::optional<DnsName> parse(std::string_view text);
  /// parse_pattern also takes "*." before a name of at least two labels (RFC 6125 section 6.4.3): a star over
  /// a whole top-level name would speak for strangers.
  static std::optional<DnsName> parse_pattern(std::string_view text);
  [[nodiscard]] const std::string& str() const noexcept { return text_; }
  [[nodiscard]] bool is_pattern() const noexcept { return text_.starts_with("*."); }
  friend bool operator==(const DnsName&, const DnsName&) = default;

 private:
  explicit DnsName(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// UriName is an absolute URI with a host (RFC 5280 section 4.2.1.6), without user information: scheme and
/// host in lower case, ASCII. One of scheme spiffe is a SPIFFE ID: a trust domain of [a-z0-9._-] and a path
/// of segments of [A-Za-z0-9._-], none of them empty, "." or ".." (SPIFFE-ID section 2).
class UriName {
 public:
  static std::optional<UriName> parse(std::string_view text);
  [[nodiscard]] const std::string& str() const noexcept { return text_; }
  [[nodiscard]] bool is_spiffe() const noexcept { return text_.starts_with("spiffe://"); }
  /// host is the trust domain of a SPIFFE ID.
  [[nodiscard]] std::string_view host() const noexcept;
  friend bool operator==(const UriName&, const UriName&) = default;

 private:
  explicit UriName(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// SubjectName is an iPAddress, a dNSName or a uniformResourceIdentifier (RFC 5280 section 4.2.1.6): never
/// one in the form of the other.
class SubjectName {
 public:
  /// parse takes an address first, then a DNS name; nullopt for anything else, an unspecified address and a
  /// name that ends in a number ("300.1.2.3") included.
  static std::optional<SubjectName> parse(std::string_view text);
  /// parse_any also takes a URI (told by its "://") and a DNS name that begins with "*.".
  static std::optional<SubjectName> parse_any(std::string_view text);
  explicit SubjectName(DnsName name) : name_(std::move(name)) {}
  explicit SubjectName(IpAddress ip) : name_(ip) {}
  explicit SubjectName(UriName uri) : name_(std::move(uri)) {}
  [[nodiscard]] bool is_ip() const noexcept { return std::holds_alternative<IpAddress>(name_); }
  [[nodiscard]] bool is_dns() const noexcept { return std::holds_alternative<DnsName>(name_); }
  [[nodiscard]] bool is_uri() const noexcept { return std::holds_alternative<UriName>(name_); }
  [[nodiscard]] const IpAddress& ip() const { return std::get<IpAddress>(name_); }
  [[nodiscard]] const std::string& dns() const { return std::get<DnsName>(name_).str(); }
  [[nodiscard]] bool is_pattern() const { return is_dns() && std::get<DnsName>(name_).is_pattern(); }
  [[nodiscard]] const UriName& uri() const { return std::get<UriName>(name_); }
  [[nodiscard]] std::string str() const;
  friend bool operator==(const SubjectName&, const SubjectName&) = default;

 private:
  std::variant<DnsName, IpAddress, UriName> name_;
};

/// server_names makes the names of a local server: localhost, 127.0.0.1, ::1, and `more` without duplicates.
/// Error: invalid_argument quotes, escaped, what is no name; or more than kSubjectNamesMax.
Result<std::vector<SubjectName>> server_names(const std::vector<std::string>& more);

/// subject_names parses each text with parse_any, without duplicates. Errors as server_names.
Result<std::vector<SubjectName>> subject_names(const std::vector<std::string>& texts);

}  // namespace sallyport
