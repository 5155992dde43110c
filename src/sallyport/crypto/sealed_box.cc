// SPDX-License-Identifier: Apache-2.0
#include "sallyport/crypto/sealed_box.h"

#include <sodium.h>

#include <cstring>

namespace sallyport {
namespace {

static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == 32 &&
              crypto_aead_xchacha20poly1305_ietf_NPUBBYTES == kSealNonceBytes &&
              crypto_aead_xchacha20poly1305_ietf_ABYTES == kSealTagBytes);

const unsigned char* bytes_of(std::string_view text) noexcept {
  return reinterpret_cast<const unsigned char*>(text.data());
}

const unsigned char* bytes_of(const SealKey& key) noexcept {
  return reinterpret_cast<const unsigned char*>(key.expose().data());
}

}  // namespace

Result<std::string> seal(const SealKey& key, std::span<const std::byte, kSealNonceBytes> nonce,
                         std::string_view place, const SecretText& plain) {
  if (sodium_init() < 0) return fail(Code::internal, "libsodium does not start");
  std::string sealed(kSealNonceBytes + plain.size() + kSealTagBytes, '\0');
  std::memcpy(sealed.data(), nonce.data(), kSealNonceBytes);
  auto* out = reinterpret_cast<unsigned char*>(sealed.data());
  crypto_aead_xchacha20poly1305_ietf_encrypt(out + kSealNonceBytes, nullptr, bytes_of(plain.expose()),
                                             plain.size(), bytes_of(place), place.size(), nullptr, out,
                                             bytes_of(key));
  return sealed;
}

Result<SecretText> unseal(const SealKey& key, std::string_view place, std::string_view sealed) {
  if (sodium_init() < 0) return fail(Code::internal, "libsodium does not start");
  const auto refused = [] {
    return fail(Code::invalid_argument, "it was sealed with another key, or was changed");
  };
  if (sealed.size() < kSealNonceBytes + kSealTagBytes) return refused();
  const std::string_view rest = sealed.substr(kSealNonceBytes);
  int outcome = -1;
  auto plain = SecretText::filled_by(rest.size() - kSealTagBytes, [&](std::span<char> out) {
    outcome = crypto_aead_xchacha20poly1305_ietf_decrypt(
        reinterpret_cast<unsigned char*>(out.data()), nullptr, nullptr, bytes_of(rest), rest.size(),
        bytes_of(place), place.size(), bytes_of(sealed), bytes_of(key));
  });
  if (outcome != 0) return refused();
  return plain;
}

}  // namespace sallyport
