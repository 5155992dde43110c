// SPDX-License-Identifier: Apache-2.0
// HeadWriter: appends text to a fixed span and remembers an overflow, so that a head is built without a check
// per field.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace sallyport {

/// HeadWriter writes into `out`; once something does not fit, nothing more is written and fits() is false.
class HeadWriter {
 public:
  explicit HeadWriter(std::span<char> out) noexcept
      : begin_(out.data()), at_(out.data()), end_(out.data() + out.size()) {}

  void text(std::string_view piece) noexcept {
    if (piece.size() > static_cast<std::size_t>(end_ - at_)) [[unlikely]] {
      overflow();
      return;
    }
    // An empty view may have no address, which memcpy does not allow.
    if (!piece.empty()) std::memcpy(at_, piece.data(), piece.size());
    at_ += piece.size();
  }
  void field(std::string_view name, std::string_view value) noexcept {
    if (name.size() + value.size() + 4 > static_cast<std::size_t>(end_ - at_)) [[unlikely]] {
      overflow();
      return;
    }
    std::memcpy(at_, name.data(), name.size());
    at_ += name.size();
    *at_++ = ':';
    *at_++ = ' ';
    if (!value.empty()) std::memcpy(at_, value.data(), value.size());
    at_ += value.size();
    *at_++ = '\r';
    *at_++ = '\n';
  }
  void number(std::uint64_t value) noexcept {
    char digits[20];
    const auto written = std::to_chars(digits, digits + sizeof digits, value);
    text({digits, static_cast<std::size_t>(written.ptr - digits)});
  }

  [[nodiscard]] bool fits() const noexcept { return fits_; }
  [[nodiscard]] std::size_t size() const noexcept { return static_cast<std::size_t>(at_ - begin_); }
  [[nodiscard]] std::size_t room() const noexcept { return static_cast<std::size_t>(end_ - at_); }
  [[nodiscard]] std::string_view view() const noexcept { return {begin_, size()}; }
  /// rewind takes back everything after a size() seen before.
  void rewind(std::size_t size) noexcept { at_ = begin_ + size; }

 private:
  void overflow() noexcept {
    fits_ = false;
    end_ = at_;
  }
  char* begin_;
  char* at_;
  char* end_;
  bool fits_ = true;
};

}  // namespace sallyport
