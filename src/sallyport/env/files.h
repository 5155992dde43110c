// SPDX-License-Identifier: Apache-2.0
// Files: the few things that sallyport does with small private files. Paths are never followed through a
// final symlink.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sallyport/base/result.h"
#include "sallyport/base/secret.h"

namespace sallyport {

inline constexpr std::size_t kSmallFileBytesMax = 1 << 20;

/// FilePrivacy says what a reader demands of a file: owner is us (or root) and nobody else has any right to
/// it.
enum class FilePrivacy : std::uint8_t { any, owner_only };

/// Files reads and writes small files. Errors: not_found, permission_denied (mode or owner too open; a
/// symlink; EACCES), already_exists, exhausted (larger than kSmallFileBytesMax, or disk full), unavailable
/// (other I/O). Messages name the path and the remedy. Any thread; calls block.
class Files {
 public:
  virtual ~Files() = default;
  /// read_secret reads a whole file; judged by fstat on the opened descriptor, O_NOFOLLOW.
  virtual Result<SecretText> read_secret(const std::string& path, FilePrivacy privacy) = 0;
  virtual Result<std::string> read_text(const std::string& path, FilePrivacy privacy) = 0;
  /// create_private makes a new file of mode 0600 from its first byte, whole or not at all; already_exists
  /// where there is one.
  virtual Status create_private(const std::string& path, std::string_view content) = 0;
  /// replace_private writes a new file of mode 0600 beside `path`, syncs it, and renames it over `path`.
  virtual Status replace_private(const std::string& path, std::string_view content) = 0;
  /// ensure_private_directory makes `path` (and its parents) with mode 0700, or checks that it is ours and
  /// not open to others; permission_denied otherwise.
  virtual Status ensure_private_directory(const std::string& path) = 0;
  virtual Status remove(const std::string& path) = 0;
};

}  // namespace sallyport
