// SPDX-License-Identifier: Apache-2.0
// Sealing: what must be read back from a disk, encrypted and authenticated with XChaCha20-Poly1305
// (draft-irtf-cfrg-xchacha-03). Random bytes come in as arguments.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "sallyport/base/result.h"
#include "sallyport/base/secret.h"

namespace sallyport {

inline constexpr std::size_t kSealNonceBytes = 24;
inline constexpr std::size_t kSealTagBytes = 16;

/// SealKey is drawn at random or derived from a secret of at least 256 random bits.
using SealKey = Secret<struct SealKeyTag, 32>;

/// seal returns nonce, ciphertext and tag. `nonce` is drawn at random for each call: 192 bits do not meet
/// again. `place` is authenticated and not stored: what was sealed for one place does not open at another.
/// Error: internal (libsodium does not start). Any thread.
Result<std::string> seal(const SealKey& key, std::span<const std::byte, kSealNonceBytes> nonce,
                         std::string_view place, const SecretText& plain);

/// unseal opens what seal made. Error: invalid_argument where it was made with another key or for another
/// place, or was changed. Any thread.
Result<SecretText> unseal(const SealKey& key, std::string_view place, std::string_view sealed);

}  // namespace sallyport
