// SPDX-License-Identifier: Apache-2.0
// Digest: 32 bytes that stand for a secret at rest. Not secret itself, yet compared in constant time and
// never printed whole.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "sallyport/base/secret.h"

namespace sallyport {

/// Digest is SHA-256 of a credential of at least 128 random bits; a value. matches() compares in constant
/// time.
struct Digest {
  std::array<std::byte, 32> bytes{};

  [[nodiscard]] bool matches(const Digest& other) const noexcept {
    std::array<std::uint64_t, 4> mine{};
    std::array<std::uint64_t, 4> theirs{};
    std::memcpy(mine.data(), bytes.data(), sizeof mine);
    std::memcpy(theirs.data(), other.bytes.data(), sizeof theirs);
    std::uint64_t difference = 0;
    for (std::size_t i = 0; i < mine.size(); ++i) difference |= mine[i] ^ theirs[i];
    asm volatile("" : "+r"(difference));  // as in equal_constant_time: no early end may be made of it
    return difference == 0;
  }
  /// slot is the first 8 bytes, for hash tables: uniformly distributed already.
  [[nodiscard]] std::uint64_t slot() const noexcept {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
};

}  // namespace sallyport
