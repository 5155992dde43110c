// SPDX-License-Identifier: Apache-2.0
#include "sallyport/crypto/digest.h"

// SHA256_* are deprecated in favour of EVP, which takes more than twice as long for a message of one block:
// of a token check that is a fifth. They are the same code below, and can fail only on a null context.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <endian.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

constexpr std::size_t kBlockBytes = 64;  // FIPS 180-4: SHA-256 works on 512-bit blocks
constexpr std::byte kEndOfMessage{0x80};
constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kOneBlockMax = kBlockBytes - kLengthBytes - sizeof kEndOfMessage;
constexpr std::size_t kStateWords = 8;
constexpr std::size_t kFingerprintBytes = 4;

Digest sha256_of_two(std::span<const std::byte> first, std::span<const std::byte> second) noexcept {
  SHA256_CTX context;
  Digest digest;
  const bool done = SHA256_Init(&context) == 1 && SHA256_Update(&context, first.data(), first.size()) == 1 &&
                    SHA256_Update(&context, second.data(), second.size()) == 1 &&
                    SHA256_Final(reinterpret_cast<unsigned char*>(digest.bytes.data()), &context) == 1;
  if (!done) std::abort();
  wipe(std::as_writable_bytes(std::span(&context, 1)));
  return digest;
}

/// sha256_of_one_block pads the message itself (FIPS 180-4 section 5.1.1): what every token check pays for.
Digest sha256_of_one_block(std::span<const std::byte> message) noexcept {
  std::array<std::byte, kBlockBytes> block{};
  std::ranges::copy(message, block.begin());
  block[message.size()] = kEndOfMessage;
  const std::size_t bits = 8 * message.size();
  block[kBlockBytes - 2] = static_cast<std::byte>(bits >> 8);
  block[kBlockBytes - 1] = static_cast<std::byte>(bits);
  SHA256_CTX context;
  if (SHA256_Init(&context) != 1) std::abort();
  SHA256_Transform(&context, reinterpret_cast<const unsigned char*>(block.data()));
  Digest digest;
  for (std::size_t i = 0; i < kStateWords; ++i) {
    const std::uint32_t word = htobe32(context.h[i]);
    std::memcpy(digest.bytes.data() + i * sizeof word, &word, sizeof word);
  }
  wipe(block);
  wipe(std::as_writable_bytes(std::span(context.h)));
  return digest;
}

std::array<std::byte, kBlockBytes> padded_key(std::span<const std::byte> key, std::byte pad) noexcept {
  std::array<std::byte, kBlockBytes> block;
  block.fill(pad);
  for (std::size_t i = 0; i < key.size(); ++i) block[i] ^= key[i];
  return block;
}

}  // namespace

Digest sha256(std::span<const std::byte> bytes) noexcept {
  return bytes.size() <= kOneBlockMax ? sha256_of_one_block(bytes) : sha256_of_two(bytes, {});
}
Digest sha256(std::string_view text) noexcept { return sha256(std::as_bytes(std::span(text))); }

// RFC 2104 section 2: OpenSSL's one-shot HMAC() costs several times as much for short messages.
Digest hmac_sha256(std::span<const std::byte> key, std::span<const std::byte> message) noexcept {
  Digest shortened;
  if (key.size() > kBlockBytes) {
    shortened = sha256(key);
    key = shortened.bytes;
  }
  auto inner_key = padded_key(key, std::byte{0x36});
  auto outer_key = padded_key(key, std::byte{0x5c});
  const Digest inner = sha256_of_two(inner_key, message);
  const Digest outer = sha256_of_two(outer_key, inner.bytes);
  wipe(inner_key);
  wipe(outer_key);
  wipe(shortened.bytes);
  return outer;
}

Digest hmac_sha256(std::span<const std::byte> key, std::string_view message) noexcept {
  return hmac_sha256(key, std::as_bytes(std::span(message)));
}

Fingerprinter Fingerprinter::derived_from(const SecretText& secret) noexcept {
  Digest derived = hmac_sha256(std::as_bytes(std::span(secret.expose())), "sallyport fingerprint key");
  auto key = FingerprintKey::filled_by(
      [&](std::span<std::byte, 32> out) { std::ranges::copy(derived.bytes, out.begin()); });
  wipe(derived.bytes);
  return Fingerprinter(std::move(key));
}

std::string Fingerprinter::fingerprint(const Digest& digest) const {
  const Digest keyed = hmac_sha256(key_.expose(), digest.bytes);
  return to_hex(std::span(keyed.bytes).first<kFingerprintBytes>());
}

}  // namespace sallyport
