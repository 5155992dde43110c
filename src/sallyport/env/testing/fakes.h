// SPDX-License-Identifier: Apache-2.0
// Powers for tests: clocks that a test moves, entropy that is fixed and runs dry loudly.
#pragma once

#include <cstdlib>
#include <iostream>
#include <map>
#include <mutex>
#include <set>

#include "sallyport/base/text.h"
#include "sallyport/env/clock.h"
#include "sallyport/env/files.h"

namespace sallyport {

/// ManualClock stands still until a test moves it; one object serves as both clocks, moved together or apart.
class ManualMonotonicClock final : public MonotonicClock {
 public:
  [[nodiscard]] MonotonicTime now() const override {
    const std::lock_guard lock(mutex_);
    return now_;
  }
  void advance(Duration by) {
    const std::lock_guard lock(mutex_);
    now_ += by;
  }

 private:
  mutable std::mutex mutex_;
  MonotonicTime now_{std::chrono::hours(1)};
};

class ManualClock final : public Clock {
 public:
  [[nodiscard]] WallTime now() const override {
    const std::lock_guard lock(mutex_);
    return now_;
  }
  void set(WallTime to) {
    const std::lock_guard lock(mutex_);
    now_ = to;
  }
  void advance(Duration by) {
    const std::lock_guard lock(mutex_);
    now_ += by;
  }

 private:
  mutable std::mutex mutex_;
  WallTime now_{std::chrono::seconds(1'800'000'000)};
};

/// CountingEntropy yields a fixed stream that never repeats a block; after `budget_bytes` it aborts the test.
class CountingEntropy final : public Entropy {
 public:
  explicit CountingEntropy(std::size_t budget_bytes = 1 << 24) : budget_bytes_(budget_bytes) {}
  void fill(std::span<std::byte> out) override {
    const std::lock_guard lock(mutex_);
    if (out.size() > budget_bytes_) {
      std::cerr << "CountingEntropy ran dry\n";
      std::abort();
    }
    budget_bytes_ -= out.size();
    for (auto& byte : out) {  // xorshift64*: well spread, and fixed
      state_ ^= state_ >> 12;
      state_ ^= state_ << 25;
      state_ ^= state_ >> 27;
      byte = static_cast<std::byte>((state_ * 0x2545F4914F6CDD1DULL) >> 56);
    }
  }

 private:
  std::mutex mutex_;
  std::size_t budget_bytes_;
  std::uint64_t state_ = 0x9E3779B97F4A7C15ULL;
};

/// MemoryFiles keeps files in a map; a test can make a path unreadable, or the disk full.
class MemoryFiles final : public Files {
 public:
  std::map<std::string, std::string> files;
  std::set<std::string> open_to_others;
  std::set<std::string> unreadable;
  enum class Disk : std::uint8_t { roomy, full } disk = Disk::roomy;

  Result<SecretText> read_secret(const std::string& path, FilePrivacy privacy) override {
    return read_text(path, privacy).transform([](const std::string& text) { return SecretText(text); });
  }
  Result<std::string> read_text(const std::string& path, FilePrivacy privacy) override {
    const auto found = files.find(path);
    if (found == files.end()) return fail(Code::not_found, concat("cannot open ", path));
    if (unreadable.contains(path)) return fail(Code::permission_denied, concat("cannot open ", path));
    if (privacy == FilePrivacy::owner_only && open_to_others.contains(path)) {
      return fail(Code::permission_denied,
                  concat(path, " can be read or written by others; run: chmod 600 ", path));
    }
    return found->second;
  }
  Status create_private(const std::string& path, std::string_view content) override {
    if (files.contains(path)) return fail(Code::already_exists, concat("cannot create ", path));
    return replace_private(path, content);
  }
  Status replace_private(const std::string& path, std::string_view content) override {
    if (disk == Disk::full)
      return fail(Code::exhausted, concat("cannot write ", path, ": no space left on device"));
    files[path] = std::string(content);
    return ok();
  }
  Status ensure_private_directory(const std::string&) override { return ok(); }
  Status remove(const std::string& path) override {
    if (files.erase(path) == 0) return fail(Code::not_found, concat("cannot remove ", path));
    return ok();
  }
};

}  // namespace sallyport
