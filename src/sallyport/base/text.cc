// SPDX-License-Identifier: Apache-2.0
#include "sallyport/base/text.h"

namespace sallyport {
namespace {

constexpr char kHex[] = "0123456789abcdef";

/// symbol maps 0..63 to its character by arithmetic, since a table lookup would leak through the cache.
constexpr char symbol(unsigned v, char c62, char c63) noexcept {
  // Each comparison yields an all-ones mask; exactly one of the five holds.
  auto below = [](unsigned a, unsigned b) { return (a - b) >> 8; };  // high bits set where a < b
  auto mask = [&](unsigned low, unsigned high) { return ~below(v, low) & below(v, high) & 0xffU; };
  const unsigned c = (mask(0, 26) & (v + 'A')) | (mask(26, 52) & (v - 26 + 'a')) |
                     (mask(52, 62) & (v - 52 + '0')) | (mask(62, 63) & static_cast<unsigned char>(c62)) |
                     (mask(63, 64) & static_cast<unsigned char>(c63));
  return static_cast<char>(c & 0xffU);
}

/// value maps a character to 0..63, or -1.
constexpr int value(char ch, char c62, char c63) noexcept {
  const unsigned c = static_cast<unsigned char>(ch);
  auto within = [c](unsigned low, unsigned high) {  // all ones where low <= c <= high
    return static_cast<unsigned>(-static_cast<int>(((low - 1 - c) >> 8) & ((c - high - 1) >> 8) & 1U));
  };
  const unsigned hit = (within('A', 'Z') & (c - 'A' + 1)) | (within('a', 'z') & (c - 'a' + 27)) |
                       (within('0', '9') & (c - '0' + 53)) |
                       (within(static_cast<unsigned char>(c62), static_cast<unsigned char>(c62)) & 63U) |
                       (within(static_cast<unsigned char>(c63), static_cast<unsigned char>(c63)) & 64U);
  return static_cast<int>(hit) - 1;
}

/// kOnes * n has n in each of eight bytes.
constexpr std::uint64_t kOnes = 0x0101010101010101;

/// at_or_above has the high bit set in each byte of `bytes` (all below 0x80) that is at least `low`.
constexpr std::uint64_t at_or_above(std::uint64_t bytes, unsigned low) noexcept {
  return ((bytes | (kOnes * 0x80)) - kOnes * low) & (kOnes * 0x80);
}

/// EightValues holds eight decoded characters as 48 bits; `all_known` is false where one was foreign.
struct EightValues {
  std::uint64_t bits;
  bool all_known;
};

/// eight_values decodes eight base64url characters side by side, by arithmetic like value(). A login's token
/// is read on every request: one character at a time takes longer than its digest.
EightValues eight_values(const char* text) noexcept {
  std::uint64_t bytes = 0;
  for (unsigned i = 0; i < 8; ++i) bytes = (bytes << 8) | static_cast<unsigned char>(text[i]);
  const std::uint64_t ascii = bytes & (kOnes * 0x7f);
  auto within = [ascii](unsigned low, unsigned high) {
    return at_or_above(ascii, low) & ~at_or_above(ascii, high + 1);
  };
  const std::uint64_t upper = within('A', 'Z');
  const std::uint64_t lower = within('a', 'z');
  const std::uint64_t digit = within('0', '9');
  const std::uint64_t minus = within('-', '-');
  const std::uint64_t under = within('_', '_');
  // Of each byte at most one term is not zero, and each result lies in 0..63: nothing is carried between
  // bytes.
  std::uint64_t values = ascii + (digit >> 7) * 4 + (minus >> 7) * 17;
  values -= (upper >> 7) * 'A' + (lower >> 7) * ('a' - 26) + (under >> 7) * ('_' - 63);
  values &= kOnes * 63;
  values = (values & 0x003f003f003f003f) | ((values & 0x3f003f003f003f00) >> 2);
  values = (values & 0x00000fff00000fff) | ((values & 0x0fff00000fff0000) >> 4);
  values = (values & 0x0000000000ffffff) | ((values & 0x00ffffff00000000) >> 8);
  const bool all_known = ((upper | lower | digit | minus | under) & ~bytes & (kOnes * 0x80)) == kOnes * 0x80;
  return {values, all_known};
}

}  // namespace

std::string to_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = ascii_lower(c);
  return out;
}

std::string escaped(std::string_view text, std::size_t bytes_max) {
  std::string out;
  for (const char c : text.substr(0, bytes_max)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f || c == '"' || c == '\\') {
      out += "\\x";
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    } else {
      out.push_back(c);
    }
  }
  if (text.size() > bytes_max) out += "...";
  return out;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  for (;;) {
    const auto cut = text.find(separator);
    pieces.push_back(text.substr(0, cut));
    if (cut == std::string_view::npos) return pieces;
    text.remove_prefix(cut + 1);
  }
}

std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string to_hex(std::span<const std::byte> bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const std::byte b : bytes) {
    out.push_back(kHex[std::to_integer<unsigned>(b) >> 4]);
    out.push_back(kHex[std::to_integer<unsigned>(b) & 15]);
  }
  return out;
}

void base64url_encode(std::span<const std::byte> bytes, std::span<char> out) noexcept {
  std::size_t written = 0;
  unsigned held = 0;
  unsigned bits = 0;
  for (const std::byte b : bytes) {
    held = (held << 8) | std::to_integer<unsigned>(b);
    for (bits += 8; bits >= 6 && written < out.size();) {
      bits -= 6;
      out[written++] = symbol((held >> bits) & 63U, '-', '_');
    }
  }
  if (bits > 0 && written < out.size()) out[written] = symbol((held << (6 - bits)) & 63U, '-', '_');
}

bool base64url_decode(std::string_view text, std::span<std::byte> out) noexcept {
  if (text.size() != base64url_size(out.size())) return false;
  std::size_t written = 0;
  unsigned held = 0;
  unsigned bits = 0;
  int bad = 0;
  for (; text.size() >= 8 && out.size() - written >= 6; text.remove_prefix(8)) {
    const EightValues eight = eight_values(text.data());
    if (!eight.all_known) bad = -1;
    for (unsigned shift = 48; shift > 0;)
      out[written++] = static_cast<std::byte>((eight.bits >> (shift -= 8)) & 255U);
  }
  for (const char c : text) {
    const int v = value(c, '-', '_');
    bad |= v;  // negative once any character is foreign
    held = (held << 6) | (static_cast<unsigned>(v) & 63U);
    bits += 6;
    if (bits >= 8 && written < out.size()) {
      bits -= 8;
      out[written++] = static_cast<std::byte>((held >> bits) & 255U);
    }
  }
  return bad >= 0 && written == out.size() && (held & ((1U << bits) - 1U)) == 0;
}

std::string base64_encode(std::span<const std::byte> bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned group = 0;
    const std::size_t have = bytes.size() - i < 3 ? bytes.size() - i : 3;
    for (std::size_t k = 0; k < 3; ++k)
      group = (group << 8) | (k < have ? std::to_integer<unsigned>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) {
      out.push_back(k <= have ? symbol((group >> (18 - 6 * k)) & 63U, '+', '/') : '=');
    }
  }
  return out;
}

std::optional<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  while (!text.empty() && text.back() == '=' && text.size() % 4 != 2) text.remove_suffix(1);
  if (text.size() % 4 == 1 || text.find('=') != std::string_view::npos) return std::nullopt;
  std::string out;
  unsigned held = 0;
  unsigned bits = 0;
  for (const char c : text) {
    const int v = value(c, '+', '/');
    if (v < 0) return std::nullopt;
    held = (held << 6) | static_cast<unsigned>(v);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out.push_back(static_cast<char>((held >> bits) & 255U));
    }
  }
  if ((held & ((1U << bits) - 1U)) != 0) return std::nullopt;
  return out;
}

}  // namespace sallyport
