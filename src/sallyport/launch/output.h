// SPDX-License-Identifier: Apache-2.0
// What a tool prints: its last few KiB in a ring, made harmless before anybody sees it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/secret.h"

namespace sallyport {

inline constexpr std::size_t kOutputRingBytes = std::size_t{64} * 1024;
inline constexpr std::size_t kOutputLineBytesMax = std::size_t{4} * 1024;

/// OutputRing keeps the last `capacity_bytes` of a tool's stdout and stderr, in the order of arrival. One
/// thread.
class OutputRing {
 public:
  explicit OutputRing(std::size_t capacity_bytes = kOutputRingBytes) : capacity_bytes_(capacity_bytes) {}
  void append(std::string_view bytes);
  /// tail returns the last `bytes_max` bytes as they came: not harmless yet. Cut at a line's start where
  /// something is lost.
  [[nodiscard]] std::string tail(std::size_t bytes_max) const;
  [[nodiscard]] std::uint64_t bytes_seen() const noexcept { return bytes_seen_; }
  void clear() noexcept;

 private:
  std::size_t capacity_bytes_;
  std::string ring_;
  std::size_t next_ = 0;
  std::uint64_t bytes_seen_ = 0;
};

/// harmless replaces control characters (but newline and tab), escape sequences of terminals and bytes that
/// are no UTF-8, so that text of a tool can be shown on a terminal or logged. It does not escape HTML.
std::string harmless(std::string_view text);

/// redacted replaces every occurrence of each secret by "[redacted]". Empty secrets and those under 8 bytes
/// are left alone: they would tear the text apart.
std::string redacted(std::string_view text, std::span<const SecretText* const> secrets);

/// LineSplitter cuts a stream into lines for a log; a line longer than kOutputLineBytesMax is cut there.
class LineSplitter {
 public:
  /// feed returns the lines that `bytes` completed, without their newline.
  std::vector<std::string> feed(std::string_view bytes);
  /// rest returns what stands behind the last newline, and forgets it.
  std::string rest();

 private:
  std::string pending_;
};

}  // namespace sallyport
