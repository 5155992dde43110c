// SPDX-License-Identifier: Apache-2.0
// The real powers. Only apps/, examples/ and bench/ make them.
#pragma once

#include "sallyport/env/clock.h"
#include "sallyport/env/files.h"

namespace sallyport {

class SystemClock final : public Clock {
 public:
  [[nodiscard]] WallTime now() const override;
};

class SystemMonotonicClock final : public MonotonicClock {
 public:
  [[nodiscard]] MonotonicTime now() const override;
};

/// SystemEntropy draws from getrandom(2).
class SystemEntropy final : public Entropy {
 public:
  void fill(std::span<std::byte> out) override;
};

class SystemFiles final : public Files {
 public:
  Result<SecretText> read_secret(const std::string& path, FilePrivacy privacy) override;
  Result<std::string> read_text(const std::string& path, FilePrivacy privacy) override;
  Status create_private(const std::string& path, std::string_view content) override;
  Status replace_private(const std::string& path, std::string_view content) override;
  Status ensure_private_directory(const std::string& path) override;
  Status remove(const std::string& path) override;
};

}  // namespace sallyport
