// SPDX-License-Identifier: Apache-2.0
// Password hashing with argon2id (RFC 9106), in the usual "$argon2id$v=19$m=...,t=...,p=1$salt$hash" text
// form.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "sallyport/base/result.h"
#include "sallyport/base/secret.h"

namespace sallyport {

inline constexpr std::size_t kPasswordBytesMax = 1024;
inline constexpr std::size_t kPasswordHashTextMax = 128;
inline constexpr std::uint32_t kPasswordMemoryKibMin = 8;
inline constexpr std::uint32_t kPasswordMemoryKibMax = 256 * 1024;
inline constexpr std::uint32_t kPasswordPassesMax = 10;

/// PasswordCost is what one guess costs an attacker, and one login us. The default is OWASP's minimum: about
/// 25 ms.
struct PasswordCost {
  std::uint32_t passes = 2;
  std::uint32_t memory_kib = 19'456;
};

using PasswordSalt = std::array<std::byte, 16>;

/// hash_password returns the text form. Blocks for tens of milliseconds and takes cost.memory_kib of memory:
/// run it on a bounded pool. Errors: invalid_argument (empty password, longer than kPasswordBytesMax, cost
/// out of bounds), exhausted (no memory).
Result<std::string> hash_password(const SecretText& password, const PasswordSalt& salt,
                                  PasswordCost cost = {});

/// check_password_hash says whether a text is a hash that verify_password will work on: argon2id, version 19,
/// one lane, cost within our bounds. Error: invalid_argument tells why not, without the hash.
Status check_password_hash(std::string_view hash);

enum class PasswordMatch : std::uint8_t { no, yes };

/// verify_password compares in constant time. It costs what the hash says, see hash_password. A hash that
/// check_password_hash refuses, an empty or an overlong password match nothing. Any thread.
PasswordMatch verify_password(const SecretText& password, const std::string& hash) noexcept;

}  // namespace sallyport
