// SPDX-License-Identifier: Apache-2.0
#include "sallyport/crypto/short_hash.h"

#include <sodium.h>

#include <cstring>

namespace sallyport {

static_assert(crypto_shorthash_siphash24_KEYBYTES == 16 && crypto_shorthash_siphash24_BYTES == 8);

std::uint64_t ShortHash::operator()(std::span<const std::byte> bytes) const noexcept {
  unsigned char out[crypto_shorthash_siphash24_BYTES];
  const auto* in = reinterpret_cast<const unsigned char*>(bytes.data());
  const auto* key = reinterpret_cast<const unsigned char*>(key_.expose().data());
  (void)crypto_shorthash_siphash24(out, in, bytes.size(), key);  // it cannot fail
  std::uint64_t hash = 0;
  std::memcpy(&hash, out, sizeof hash);
  return hash;
}

}  // namespace sallyport
