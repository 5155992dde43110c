// SPDX-License-Identifier: Apache-2.0
#include "sallyport/pki/names.h"

#include <algorithm>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

constexpr std::size_t kLabelMax = 63;
constexpr std::size_t kNameMax = 253;

bool valid_label(std::string_view label) noexcept {
  const auto permitted = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !label.empty() && label.size() <= kLabelMax && label.front() != '-' && label.back() != '-' &&
         std::ranges::all_of(label, permitted);
}

bool all_digits(std::string_view label) noexcept {
  return std::ranges::all_of(label, [](char c) { return c >= '0' && c <= '9'; });
}

bool valid_scheme(std::string_view text) noexcept {
  const auto letter = [](char c) { return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z'; };
  const auto permitted = [&letter](char c) {
    return letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
  };
  return !text.empty() && letter(text.front()) && std::ranges::all_of(text, permitted);
}

bool spiffe_character(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_';
}

bool valid_trust_domain(std::string_view text) noexcept {
  return !text.empty() && text.size() <= kTrustDomainMax &&
         std::ranges::all_of(text, [](char c) { return spiffe_character(c) && (c < 'A' || c > 'Z'); });
}

bool valid_spiffe_path(std::string_view path) {
  if (path.empty()) return true;
  if (path.front() != '/') return false;
  return std::ranges::all_of(split(path.substr(1), '/'), [](std::string_view segment) {
    return !segment.empty() && segment != "." && segment != ".." &&
           std::ranges::all_of(segment, spiffe_character);
  });
}

std::string_view without_port(std::string_view authority) noexcept {
  const auto colon = authority.rfind(':');
  if (colon == std::string_view::npos || authority.ends_with(']')) return authority;
  return authority.substr(0, colon);
}

bool valid_uri_authority(std::string_view authority) {
  const std::string_view host = without_port(authority);
  if (host.size() != authority.size() && !parse_decimal<std::uint16_t>(authority.substr(host.size() + 1)))
    return false;
  if (host.starts_with('[') && host.ends_with(']')) {
    const auto ip = IpAddress::parse(host.substr(1, host.size() - 2));
    return ip && !ip->is_v4();
  }
  const auto ip = IpAddress::parse(host);
  return (ip && ip->is_v4()) || DnsName::parse(host).has_value();
}

/// valid_uri_tail: path, query and fragment in the characters of RFC 3986 section 2, percent signs included.
bool valid_uri_tail(std::string_view tail) noexcept {
  constexpr std::string_view kPunctuation = "-._~:/?#[]@!$&'()*+,;=%";
  return std::ranges::all_of(tail, [kPunctuation](char c) {
    return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') ||
           kPunctuation.find(c) != std::string_view::npos;
  });
}

template <class Parse>
Result<std::vector<SubjectName>> distinct_names(const std::vector<std::string>& texts, Parse parse,
                                                std::string_view complaint) {
  std::vector<SubjectName> names;
  for (const std::string& text : texts) {
    const auto name = parse(text);
    if (!name) return fail(Code::invalid_argument, concat('"', escaped(text), "\" ", complaint));
    if (std::ranges::find(names, *name) == names.end()) names.push_back(*name);
  }
  if (names.size() > kSubjectNamesMax) {
    return fail(Code::invalid_argument, concat("a certificate has at most ", kSubjectNamesMax, " names"));
  }
  return names;
}

}  // namespace

std::optional<DnsName> DnsName::parse(std::string_view text) {
  std::string lower = to_lower(text);
  if (lower.empty() || lower.size() > kNameMax) return std::nullopt;
  const auto labels = split(lower, '.');
  if (!std::ranges::all_of(labels, valid_label) || all_digits(labels.back())) return std::nullopt;
  return DnsName(std::move(lower));
}

std::optional<DnsName> DnsName::parse_pattern(std::string_view text) {
  if (!text.starts_with("*.")) return parse(text);
  const auto below = parse(text.substr(2));
  if (!below || below->str().find('.') == std::string::npos) return std::nullopt;
  std::string pattern = concat("*.", below->str());
  if (pattern.size() > kNameMax) return std::nullopt;
  return DnsName(std::move(pattern));
}

std::optional<UriName> UriName::parse(std::string_view text) {
  const auto mark = text.find("://");
  if (mark == std::string_view::npos || text.size() > kUriBytesMax || !valid_scheme(text.substr(0, mark)))
    return std::nullopt;
  const std::string scheme = to_lower(text.substr(0, mark));
  const std::string_view rest = text.substr(mark + 3);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  const std::string_view tail = rest.substr(authority.size());
  const bool good = scheme == "spiffe" ? valid_trust_domain(authority) && valid_spiffe_path(tail)
                                       : valid_uri_authority(authority) && valid_uri_tail(tail);
  if (!good) return std::nullopt;
  return UriName(concat(scheme, "://", to_lower(authority), tail));
}

std::string_view UriName::host() const noexcept {
  const std::string_view text(text_);
  const std::string_view rest = text.substr(text.find("://") + 3);
  return without_port(rest.substr(0, rest.find_first_of("/?#")));
}

std::optional<SubjectName> SubjectName::parse(std::string_view text) {
  if (const auto ip = IpAddress::parse(text)) {
    if (ip->is_unspecified()) return std::nullopt;
    return SubjectName(*ip);
  }
  if (auto dns = DnsName::parse(text)) return SubjectName(*std::move(dns));
  return std::nullopt;
}

std::optional<SubjectName> SubjectName::parse_any(std::string_view text) {
  if (text.find("://") != std::string_view::npos) {
    if (auto uri = UriName::parse(text)) return SubjectName(*std::move(uri));
    return std::nullopt;
  }
  if (auto pattern = text.starts_with("*.") ? DnsName::parse_pattern(text) : std::nullopt)
    return SubjectName(*std::move(pattern));
  return parse(text);
}

std::string SubjectName::str() const {
  if (is_ip()) return ip().str();
  return is_uri() ? uri().str() : dns();
}

Result<std::vector<SubjectName>> server_names(const std::vector<std::string>& more) {
  std::vector<std::string> all{"localhost", "127.0.0.1", "::1"};
  all.insert(all.end(), more.begin(), more.end());
  return distinct_names(all, SubjectName::parse, "is no DNS name or IP address");
}

Result<std::vector<SubjectName>> subject_names(const std::vector<std::string>& texts) {
  return distinct_names(texts, SubjectName::parse_any, "is no DNS name, IP address or URI");
}

}  // namespace sallyport
