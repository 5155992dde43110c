// SPDX-License-Identifier: Apache-2.0
#include "sallyport/pki/internal/general_names.h"

#include <algorithm>
#include <array>
#include <span>

#include "sallyport/base/text.h"

namespace sallyport::ossl {
namespace {

constexpr std::size_t kShownMax = 256;

std::span<const unsigned char> bytes_of(const ASN1_STRING& string) noexcept {
  return {ASN1_STRING_get0_data(&string), static_cast<std::size_t>(ASN1_STRING_length(&string))};
}

std::optional<IpAddress> address_of(const ASN1_STRING& string) {
  const auto bytes = bytes_of(string);
  if (bytes.size() == 4) return IpAddress::v4({bytes[0], bytes[1], bytes[2], bytes[3]});
  std::array<std::uint8_t, 16> v6{};
  if (bytes.size() != v6.size()) return std::nullopt;
  std::ranges::copy(bytes, v6.begin());
  return IpAddress::v6(v6);
}

/// make_general owns a GENERAL_NAME of `type` with these bytes.
GENERAL_NAME* make_general(int type, std::span<const unsigned char> bytes) {
  ASN1_STRING* const string = type == GEN_IPADD ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
  GENERAL_NAME* const general = GENERAL_NAME_new();
  if (general == nullptr || string == nullptr ||
      ASN1_STRING_set(string, bytes.data(), static_cast<int>(bytes.size())) != 1) {
    ASN1_STRING_free(string);
    GENERAL_NAME_free(general);
    return nullptr;
  }
  GENERAL_NAME_set0_value(general, type, string);
  return general;
}

GENERAL_NAME* general_of(const SubjectName& name) {
  if (name.is_ip()) {
    const auto& all = name.ip().bytes();
    return make_general(GEN_IPADD, std::span(all).first(name.ip().is_v4() ? 4 : 16));
  }
  const std::string text = name.str();
  return make_general(name.is_uri() ? GEN_URI : GEN_DNS,
                      {reinterpret_cast<const unsigned char*>(text.data()), text.size()});
}

}  // namespace

std::string_view text_of(const GENERAL_NAME& general) noexcept {
  if (general.type != GEN_DNS && general.type != GEN_EMAIL && general.type != GEN_URI) return {};
  const auto bytes = bytes_of(*general.d.ia5);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::optional<SubjectName> subject_name_of(const GENERAL_NAME& general) {
  if (general.type == GEN_DNS) {
    if (auto name = DnsName::parse_pattern(text_of(general))) return SubjectName(*std::move(name));
  } else if (general.type == GEN_URI) {
    if (auto name = UriName::parse(text_of(general))) return SubjectName(*std::move(name));
  } else if (general.type == GEN_IPADD) {
    if (const auto ip = address_of(*general.d.iPAddress)) return SubjectName(*ip);
  }
  return std::nullopt;
}

std::string describe(const GENERAL_NAME& general) {
  const std::string text = escaped(text_of(general), kShownMax);
  switch (general.type) {
    case GEN_EMAIL:
      return concat("email:", text);
    case GEN_DNS:
      return concat("dns:", text);
    case GEN_URI:
      return concat("uri:", text);
    case GEN_DIRNAME:
      return concat("dirname:", name_text_of(general.d.directoryName));
    case GEN_IPADD:
      return "ip of odd length";
    default:
      return "other name";
  }
}

GeneralNames general_names_of(const std::vector<SubjectName>& names) {
  GeneralNames list(sk_GENERAL_NAME_new_null());
  for (const SubjectName& name : names) {
    GENERAL_NAME* const general = list != nullptr ? general_of(name) : nullptr;
    if (general == nullptr || sk_GENERAL_NAME_push(list.get(), general) <= 0) {
      GENERAL_NAME_free(general);
      return nullptr;
    }
  }
  return list;
}

}  // namespace sallyport::ossl
