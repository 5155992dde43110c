// SPDX-License-Identifier: Apache-2.0
// Secret<Tag, N> and SecretText: bytes that a mistake cannot copy, print, compare in the open, or mix up.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <iosfwd>
#include <memory>
#include <span>
#include <string_view>

namespace sallyport {

/// wipe zeroes `bytes`; the barrier keeps the compiler from dropping the store.
inline void wipe(std::span<std::byte> bytes) noexcept {
  if (bytes.empty()) return;
  std::memset(bytes.data(), 0, bytes.size());
  asm volatile("" : : "r"(bytes.data()) : "memory");
}

/// equal_constant_time takes the same time wherever `a` and `b` first differ; their sizes are not secret. Two
/// empty inputs are unequal: an empty secret equals nothing.
inline bool equal_constant_time(std::span<const std::byte> a, std::span<const std::byte> b) noexcept {
  if (a.size() != b.size() || a.empty()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= std::to_integer<unsigned>(a[i] ^ b[i]);
  asm volatile("" : "+r"(difference));
  return difference == 0;
}

/// Secret is `N` bytes that are wiped on destruction; `Tag` keeps a ticket from being passed as a cookie. It
/// can be moved, matched and exposed; it cannot be copied, compared with == or printed. It does not lock its
/// page: the process that holds secrets turns core dumps off (apps/sallyport does).
template <class Tag, std::size_t N>
class Secret {
  static_assert(N >= 16, "a secret shorter than 128 bits can be guessed");

 public:
  /// The caller's bytes stay as they are: prefer filled_by, which makes the secret in place.
  explicit Secret(std::span<const std::byte, N> bytes) noexcept {
    std::memcpy(bytes_.data(), bytes.data(), N);
  }

  /// filled_by lets `fill` write the bytes in place, e.g. from Entropy.
  template <class Fill>
  static Secret filled_by(Fill&& fill) {
    Secret made;
    fill(std::span<std::byte, N>(made.bytes_));
    return made;
  }

  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  Secret(Secret&& other) noexcept : bytes_(other.bytes_), live_(other.live_) { other.drop(); }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      bytes_ = other.bytes_;
      live_ = other.live_;
      other.drop();
    }
    return *this;
  }
  ~Secret() { drop(); }

  bool operator==(const Secret&) const = delete;  // not constant time; use matches()
  friend std::ostream& operator<<(std::ostream&, const Secret&) = delete;

  /// matches compares in constant time. A moved-from secret matches nothing.
  [[nodiscard]] bool matches(const Secret& other) const noexcept {
    return equal_constant_time(bytes_, other.bytes_) && live_ && other.live_;
  }

  /// expose is the one door to the bytes, so that a search finds every caller. Not on a temporary.
  [[nodiscard]] std::span<const std::byte, N> expose() const& noexcept { return bytes_; }
  void expose() && = delete;

 private:
  Secret() = default;
  void drop() noexcept {
    wipe(bytes_);
    live_ = false;
  }
  std::array<std::byte, N> bytes_{};
  bool live_ = true;
};

/// SecretText is a secret of variable length: a password, a token's text, a PEM key. Same rules as Secret.
class SecretText {
 public:
  SecretText() = default;
  /// The caller's bytes stay as they are.
  explicit SecretText(std::string_view text) : SecretText(text.size()) {
    if (!text.empty()) std::memcpy(bytes_.get(), text.data(), text.size());
  }

  /// filled_by makes `size` bytes and lets `fill` write them in place.
  template <class Fill>
  static SecretText filled_by(std::size_t size, Fill&& fill) {
    SecretText made(size);
    fill(std::span<char>(made.bytes_.get(), size));
    return made;
  }

  SecretText(const SecretText&) = delete;
  SecretText& operator=(const SecretText&) = delete;
  SecretText(SecretText&& other) noexcept : bytes_(std::move(other.bytes_)), size_(other.size_) {
    other.size_ = 0;
  }
  SecretText& operator=(SecretText&& other) noexcept {
    if (this != &other) {
      drop();
      bytes_ = std::move(other.bytes_);
      size_ = other.size_;
      other.size_ = 0;
    }
    return *this;
  }
  ~SecretText() { drop(); }

  bool operator==(const SecretText&) const = delete;
  friend std::ostream& operator<<(std::ostream&, const SecretText&) = delete;

  /// matches compares in constant time for one length; an empty text matches nothing, not even itself.
  [[nodiscard]] bool matches(const SecretText& other) const noexcept {
    return equal_constant_time(std::as_bytes(std::span(bytes_.get(), size_)),
                               std::as_bytes(std::span(other.bytes_.get(), other.size_)));
  }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// expose is the one door to the text. Not on a temporary.
  [[nodiscard]] std::string_view expose() const& noexcept { return {bytes_.get(), size_}; }
  void expose() && = delete;

  /// duplicate makes a second holder, by name, so that a search finds it.
  [[nodiscard]] SecretText duplicate() const { return SecretText(expose()); }

 private:
  explicit SecretText(std::size_t size) : bytes_(std::make_unique<char[]>(size)), size_(size) {}
  void drop() noexcept {
    wipe(std::as_writable_bytes(std::span(bytes_.get(), size_)));
    size_ = 0;
  }
  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
};

}  // namespace sallyport
