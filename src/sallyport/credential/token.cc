// SPDX-License-Identifier: Apache-2.0
#include "sallyport/credential/token.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "sallyport/base/text.h"
#include "sallyport/crypto/digest.h"

namespace sallyport {
namespace {

struct KindPrefix {
  CredentialKind kind;
  std::string_view prefix;
};

constexpr std::array<KindPrefix, 7> kPrefixes{{
    {CredentialKind::access_token, "spa_"},
    {CredentialKind::session_token, "sps_"},
    {CredentialKind::ticket, "spt_"},
    {CredentialKind::internal_credential, "spi_"},
    {CredentialKind::backend_credential, "spb_"},
    {CredentialKind::login_link, "spl_"},
    {CredentialKind::login, "spc_"},
}};

constexpr std::uint32_t prefix_word(std::string_view prefix) noexcept {
  std::uint32_t word = 0;
  for (std::size_t i = 0; i < kTokenPrefixSize; ++i) word = word << 8 | static_cast<unsigned char>(prefix[i]);
  return word;
}

CredentialKind kind_of(std::string_view prefix) noexcept {
  const std::uint32_t word = prefix_word(prefix);
  for (const auto& entry : kPrefixes) {
    if (prefix_word(entry.prefix) == word) return entry.kind;
  }
  return CredentialKind::none;
}

/// decoded_size is how many bytes `characters` of unpadded base64 stand for.
constexpr std::size_t decoded_size(std::size_t characters) noexcept { return characters * 3 / 4; }

bool size_permitted(CredentialKind kind, std::size_t bytes) noexcept {
  if (kind == CredentialKind::session_token) return bytes >= kTokenBytesMin && bytes <= kTokenBytesMax;
  return bytes == kTokenBytes;
}

constexpr std::uint64_t kEach = 0x0101010101010101;
constexpr std::uint64_t kHigh = kEach * 0x80;

/// at_least sets the high bit of each byte of `word`, all below 0x80, that is not below `least`.
constexpr std::uint64_t at_least(std::uint64_t word, unsigned least) noexcept {
  return ((word | kHigh) - kEach * least) & kHigh;
}

constexpr std::uint64_t between(std::uint64_t word, char first, char last) noexcept {
  return at_least(word, static_cast<unsigned char>(first)) &
         ~at_least(word, static_cast<unsigned char>(last) + 1U);
}

/// foreign sets the high bit of each byte of `word` that is not of base64url's alphabet. Eight at a time and
/// without branches: on random text every branch is mispredicted, and that cost more than the digest.
constexpr std::uint64_t foreign(std::uint64_t word) noexcept {
  const std::uint64_t ascii = word & ~kHigh;
  const std::uint64_t known = between(ascii, 'A', 'Z') | between(ascii, 'a', 'z') | between(ascii, '0', '9') |
                              between(ascii, '-', '-') | between(ascii, '_', '_');
  return (word | ~known) & kHigh;
}

std::uint64_t word_at(const char* text) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, text, sizeof word);
  return word;
}

/// spare_bits_are_zero: RFC 4648 section 3.5; the last character of a group that is not full holds bits that
/// stand for nothing, and must be one of those where they are 0.
bool spare_bits_are_zero(std::string_view body) noexcept {
  constexpr std::array<std::string_view, 4> kLastOfGroup{"", "", "AQgw", "AEIMQUYcgkosw048"};
  const std::size_t left = body.size() % 4;
  return left == 0 || kLastOfGroup[left].find(body.back()) != std::string_view::npos;
}

/// canonical looks at every character, some of the last ones twice.
bool canonical(std::string_view body) noexcept {
  if (body.size() < sizeof(std::uint64_t) || !spare_bits_are_zero(body)) return false;
  const char* const last_word = body.data() + body.size() - sizeof(std::uint64_t);
  std::uint64_t found = foreign(word_at(last_word));
  for (const char* at = body.data(); at < last_word; at += sizeof(std::uint64_t))
    found |= foreign(word_at(at));
  return found == 0;
}

}  // namespace

std::string_view token_prefix(CredentialKind kind) noexcept {
  for (const auto& entry : kPrefixes) {
    if (entry.kind == kind) return entry.prefix;
  }
  return {};
}

Minted mint(CredentialKind kind, Entropy& entropy, std::size_t bytes) {
  const std::string_view prefix = token_prefix(kind);
  if (prefix.empty() || !size_permitted(kind, bytes)) std::abort();
  auto text = SecretText::filled_by(kTokenPrefixSize + base64url_size(bytes), [&](std::span<char> out) {
    std::array<std::byte, kTokenBytesMax> random;
    const std::span<std::byte> drawn = std::span(random).first(bytes);
    entropy.fill(drawn);
    prefix.copy(out.data(), prefix.size());
    base64url_encode(drawn, out.subspan(kTokenPrefixSize));
    wipe(drawn);
  });
  const Digest digest = sha256(text.expose());
  return Minted{std::move(text), digest};
}

std::optional<Presented> read_token(std::string_view text) noexcept {
  if (text.size() <= kTokenPrefixSize) return std::nullopt;
  const CredentialKind kind = kind_of(text.substr(0, kTokenPrefixSize));
  const std::string_view body = text.substr(kTokenPrefixSize);
  if (kind == CredentialKind::none || !size_permitted(kind, decoded_size(body.size()))) return std::nullopt;
  if (!canonical(body)) return std::nullopt;
  return Presented{kind, sha256(text)};
}

}  // namespace sallyport
