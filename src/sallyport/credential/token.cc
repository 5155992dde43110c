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

/// Characters are looked at side by side and without branches: on random text every branch is mispredicted,
/// and that cost more than the digest. (A vector type of GCC and Clang: each operator works on all bytes
/// alike.)
using Characters = std::uint8_t __attribute__((vector_size(16)));

Characters characters_at(const char* text) noexcept {
  Characters characters;
  std::memcpy(&characters, text, sizeof characters);
  return characters;
}

/// foreign sets the bits of each character that is not of base64url's alphabet.
auto foreign(Characters c) noexcept {
  return ~((c - 'A' < 26) | (c - 'a' < 26) | (c - '0' < 10) | (c == '-') | (c == '_'));
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
  if (body.size() < sizeof(Characters) || !spare_bits_are_zero(body)) return false;
  const char* const last = body.data() + body.size() - sizeof(Characters);
  auto found = foreign(characters_at(last));
  for (const char* at = body.data(); at < last; at += sizeof(Characters)) found |= foreign(characters_at(at));
  std::array<std::uint64_t, 2> halves{};
  std::memcpy(halves.data(), &found, sizeof halves);
  return (halves[0] | halves[1]) == 0;
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
