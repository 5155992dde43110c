// SPDX-License-Identifier: Apache-2.0
// SubjectName: one alternative name of a certificate, DNS or IP, canonical.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sallyport/base/address.h"
#include "sallyport/base/result.h"

namespace sallyport {

inline constexpr std::size_t kSubjectNamesMax = 32;

/// DnsName is in lower case, letters, digits and hyphens in labels of 1 to 63, at most 253 in all, without
/// trailing dot (RFC 1123 section 2.1). No wildcard.
class DnsName {
 public:
  static std::optional<DnsName> parse(std::string_view text);
  [[nodiscard]] const std::string& str() const noexcept { return text_; }
  friend bool operator==(const DnsName&, const DnsName&) = default;

 private:
  explicit DnsName(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// SubjectName is an iPAddress or a dNSName (RFC 5280 section 4.2.1.6): never one in the form of the other.
class SubjectName {
 public:
  /// parse takes an address first, then a DNS name; nullopt for anything else, an unspecified address and a
  /// name that ends in a number ("300.1.2.3") included.
  static std::optional<SubjectName> parse(std::string_view text);
  [[nodiscard]] bool is_ip() const noexcept { return std::holds_alternative<IpAddress>(name_); }
  [[nodiscard]] const IpAddress& ip() const { return std::get<IpAddress>(name_); }
  [[nodiscard]] const std::string& dns() const { return std::get<DnsName>(name_).str(); }
  [[nodiscard]] std::string str() const { return is_ip() ? ip().str() : dns(); }
  friend bool operator==(const SubjectName&, const SubjectName&) = default;

 private:
  explicit SubjectName(std::variant<DnsName, IpAddress> name) : name_(std::move(name)) {}
  std::variant<DnsName, IpAddress> name_;
};

/// server_names makes the names of a local server: localhost, 127.0.0.1, ::1, and `more` without duplicates.
/// Error: invalid_argument quotes, escaped, what is no name; or more than kSubjectNamesMax.
Result<std::vector<SubjectName>> server_names(const std::vector<std::string>& more);

}  // namespace sallyport
