// SPDX-License-Identifier: Apache-2.0
// Small text tools: joining, ASCII case, escaping for logs, hex and base64url (RFC 4648 section 5, without
// padding).
#pragma once

#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport {

/// concat joins text, characters and integers into one string.
template <class... Parts>
std::string concat(const Parts&... parts) {
  std::string out;
  auto add = [&out](const auto& part) {
    using Part = std::remove_cvref_t<decltype(part)>;
    if constexpr (std::same_as<Part, char>) {
      out.push_back(part);
    } else if constexpr (std::integral<Part>) {
      char digits[24];
      out.append(digits, std::to_chars(digits, digits + sizeof digits, part).ptr);
    } else {
      out.append(std::string_view(part));
    }
  };
  (add(parts), ...);
  return out;
}

constexpr char ascii_lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
/// iequals compares ASCII text without regard to case.
constexpr bool iequals(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (ascii_lower(a[i]) != ascii_lower(b[i])) return false;
  }
  return true;
}
std::string to_lower(std::string_view text);

/// escaped makes foreign text safe for one log line: control, quote, backslash and non-ASCII bytes as \xNN;
/// cut at `bytes_max` with "...".
std::string escaped(std::string_view text, std::size_t bytes_max = 120);

/// split cuts `text` at every `separator`; an empty text gives one empty piece.
std::vector<std::string_view> split(std::string_view text, char separator);
/// trimmed drops spaces and tabs (RFC 9110 OWS) at both ends.
std::string_view trimmed(std::string_view text) noexcept;

/// parse_decimal reads digits only: no sign, no blank, no overflow, not empty.
template <std::unsigned_integral T>
std::optional<T> parse_decimal(std::string_view text) noexcept {
  T value{};
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string to_hex(std::span<const std::byte> bytes);

/// base64url_size is the length of `bytes` encoded without padding.
constexpr std::size_t base64url_size(std::size_t bytes) noexcept { return (bytes * 4 + 2) / 3; }
/// base64url_encode writes base64url_size(bytes.size()) characters to `out`. No table is indexed by secret
/// data.
void base64url_encode(std::span<const std::byte> bytes, std::span<char> out) noexcept;
/// base64url_decode fills `out` exactly, or returns false: wrong length, foreign character, or bits left over
/// that a canonical encoder would not set.
[[nodiscard]] bool base64url_decode(std::string_view text, std::span<std::byte> out) noexcept;
/// base64_encode is the padded standard alphabet (RFC 4648 section 4), for Basic and Sec-WebSocket-Accept.
std::string base64_encode(std::span<const std::byte> bytes);
/// base64_decode takes the padded standard alphabet, strictly; nullopt otherwise.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace sallyport
