// SPDX-License-Identifier: Apache-2.0
// Byte classes of HTTP and URIs, one table.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sallyport {

/// ByteClass bits. A request target ends at the first byte without `target`.
enum ByteClass : std::uint8_t {
  kByteToken = 1,      ///< tchar, RFC 9110 section 5.6.2
  kByteTarget = 2,     ///< may stand in a path or query
  kByteQueryOnly = 4,  ///< ... in a query only
  kBytePercent = 8,
  kByteDot = 16,
  kByteQuestion = 32,
  kByteValue = 64,  ///< field-vchar, SP and HTAB, RFC 9110 section 5.5
  kByteHex = 128,
};

/// The target's set is RFC 3986's with what browsers also send unescaped (URL Standard, section 1.3): [ ] | ^
/// in paths, { } ` besides in queries.
constexpr std::array<std::uint8_t, 256> make_byte_classes() {
  std::array<std::uint8_t, 256> table{};
  auto add = [&table](std::string_view bytes, int bits) {
    for (const char c : bytes) {
      auto& entry = table[static_cast<unsigned char>(c)];
      entry = static_cast<std::uint8_t>(entry | bits);
    }
  };
  constexpr std::string_view alphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  add(alphanumeric, kByteToken | kByteTarget);
  add("!#$%&'*+-.^_`|~", kByteToken);
  add("-._~!$&'()*+,;=:@/[]|^", kByteTarget);
  add("{}`", kByteTarget | kByteQueryOnly);
  add("%", kByteTarget | kBytePercent);
  add(".", kByteDot);
  add("?", kByteTarget | kByteQuestion);
  add("0123456789abcdefABCDEF", kByteHex);
  for (std::size_t c = 0; c < 256; ++c) {
    if (c == '\t' || (c >= 0x20 && c != 0x7f)) table[c] = static_cast<std::uint8_t>(table[c] | kByteValue);
  }
  return table;
}
inline constexpr std::array<std::uint8_t, 256> kByteClasses = make_byte_classes();

constexpr bool byte_is(char c, ByteClass wanted) noexcept {
  return (kByteClasses[static_cast<unsigned char>(c)] & wanted) != 0;
}
/// all_bytes_are is false for an empty text.
constexpr bool all_bytes_are(std::string_view text, ByteClass wanted) noexcept {
  for (const char c : text) {
    if (!byte_is(c, wanted)) return false;
  }
  return !text.empty();
}
/// is_token: RFC 9110 section 5.6.2.
constexpr bool is_token(std::string_view text) noexcept { return all_bytes_are(text, kByteToken); }

/// hex_value of a byte that is a hex digit.
constexpr unsigned hex_value(char c) noexcept {
  if (c <= '9') return static_cast<unsigned>(c - '0');
  return static_cast<unsigned>((c | 0x20) - 'a') + 10;
}

}  // namespace sallyport
