// SPDX-License-Identifier: Apache-2.0
#include "sallyport/http/internal/authority.h"

#include <cstdint>

#include "sallyport/base/text.h"
#include "sallyport/http/internal/bytes.h"

namespace sallyport {
namespace {

constexpr bool is_name_byte(char c) noexcept {
  const char lower = ascii_lower(c);
  return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}
constexpr bool is_v6_byte(char c) noexcept { return byte_is(c, kByteHex) || c == ':' || c == '.'; }

std::size_t host_size(std::string_view text) noexcept {
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos || close == 1) return 0;
    for (const char c : text.substr(1, close - 1)) {
      if (!is_v6_byte(c)) return 0;
    }
    return close + 1;
  }
  std::size_t size = 0;
  while (size < text.size() && is_name_byte(text[size])) ++size;
  return size;
}

}  // namespace

bool is_authority(std::string_view text) noexcept {
  const std::size_t host = host_size(text);
  if (host == 0) return false;
  if (host == text.size()) return true;
  if (text[host] != ':') return false;
  const std::string_view digits = text.substr(host + 1);
  return !digits.starts_with('0') && parse_decimal<std::uint16_t>(digits).has_value();
}

}  // namespace sallyport
