// SPDX-License-Identifier: Apache-2.0
#include "sallyport/crypto/digest.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

constexpr std::size_t kBlockBytes = 64;  // FIPS 180-4: SHA-256 works on 512-bit blocks
constexpr std::size_t kFingerprintBytes = 4;

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};

/// sha256_method is fetched once for the process: a fetch per digest costs more than the digest itself.
const EVP_MD* sha256_method() noexcept {
  static const EVP_MD* const method = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  if (method == nullptr) std::abort();
  return method;
}

EVP_MD_CTX* thread_context() noexcept {
  thread_local const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  if (context == nullptr) std::abort();
  return context.get();
}

Digest sha256_of_two(std::span<const std::byte> first, std::span<const std::byte> second) noexcept {
  EVP_MD_CTX* const context = thread_context();
  Digest digest;
  const bool done =
      EVP_DigestInit_ex2(context, sha256_method(), nullptr) == 1 &&
      EVP_DigestUpdate(context, first.data(), first.size()) == 1 &&
      EVP_DigestUpdate(context, second.data(), second.size()) == 1 &&
      EVP_DigestFinal_ex(context, reinterpret_cast<unsigned char*>(digest.bytes.data()), nullptr) == 1;
  if (!done) std::abort();
  return digest;
}

std::array<std::byte, kBlockBytes> padded_key(std::span<const std::byte> key, std::byte pad) noexcept {
  std::array<std::byte, kBlockBytes> block;
  block.fill(pad);
  for (std::size_t i = 0; i < key.size(); ++i) block[i] ^= key[i];
  return block;
}

}  // namespace

Digest sha256(std::span<const std::byte> bytes) noexcept { return sha256_of_two(bytes, {}); }
Digest sha256(std::string_view text) noexcept { return sha256(std::as_bytes(std::span(text))); }

// RFC 2104 section 2, on the held context: OpenSSL's one-shot HMAC() costs several times as much for short
// messages.
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
