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

}  // namespace

std::optional<DnsName> DnsName::parse(std::string_view text) {
  std::string lower = to_lower(text);
  if (lower.empty() || lower.size() > kNameMax) return std::nullopt;
  const auto labels = split(lower, '.');
  if (!std::ranges::all_of(labels, valid_label) || all_digits(labels.back())) return std::nullopt;
  return DnsName(std::move(lower));
}

std::optional<SubjectName> SubjectName::parse(std::string_view text) {
  if (const auto ip = IpAddress::parse(text)) {
    if (ip->is_unspecified()) return std::nullopt;
    return SubjectName(*ip);
  }
  if (auto dns = DnsName::parse(text)) return SubjectName(*std::move(dns));
  return std::nullopt;
}

Result<std::vector<SubjectName>> server_names(const std::vector<std::string>& more) {
  std::vector<std::string> all{"localhost", "127.0.0.1", "::1"};
  all.insert(all.end(), more.begin(), more.end());
  std::vector<SubjectName> names;
  for (const std::string& text : all) {
    const auto name = SubjectName::parse(text);
    if (!name)
      return fail(Code::invalid_argument, concat("\"", escaped(text), "\" is no DNS name or IP address"));
    if (std::ranges::find(names, *name) == names.end()) names.push_back(*name);
  }
  if (names.size() > kSubjectNamesMax) {
    return fail(Code::invalid_argument, concat("a certificate has at most ", kSubjectNamesMax, " names"));
  }
  return names;
}

}  // namespace sallyport
