// SPDX-License-Identifier: Apache-2.0
// ShortHash: a keyed hash for tables that strangers fill (SipHash-2-4).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "sallyport/base/secret.h"

namespace sallyport {

/// ShortHashKey is drawn anew by each process.
using ShortHashKey = Secret<struct ShortHashKeyTag, 16>;

/// ShortHash promises that nobody who lacks the key can choose keys that share a place in a table. 64 bits:
/// no digest, no proof of anything. Immutable; any thread; does not allocate.
class ShortHash {
 public:
  explicit ShortHash(ShortHashKey key) noexcept : key_(std::move(key)) {}
  [[nodiscard]] std::uint64_t operator()(std::span<const std::byte> bytes) const noexcept;
  [[nodiscard]] std::uint64_t operator()(std::string_view text) const noexcept {
    return (*this)(std::as_bytes(std::span(text.data(), text.size())));
  }

 private:
  ShortHashKey key_;
};

}  // namespace sallyport
