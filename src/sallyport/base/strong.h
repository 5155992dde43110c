// SPDX-License-Identifier: Apache-2.0
// StrongText: a string with a type of its own, so that a session id is not passed where a host stands.
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace sallyport {

/// StrongText is a value: it copies and compares. What may be in it is the business of whoever makes it.
template <class Tag>
class StrongText {
 public:
  StrongText() = default;
  explicit StrongText(std::string text) : text_(std::move(text)) {}
  [[nodiscard]] const std::string& str() const noexcept { return text_; }
  [[nodiscard]] std::string_view view() const noexcept { return text_; }
  [[nodiscard]] bool empty() const noexcept { return text_.empty(); }
  friend bool operator==(const StrongText&, const StrongText&) = default;
  friend auto operator<=>(const StrongText&, const StrongText&) = default;

 private:
  std::string text_;
};

}  // namespace sallyport

template <class Tag>
struct std::hash<sallyport::StrongText<Tag>> {
  std::size_t operator()(const sallyport::StrongText<Tag>& text) const noexcept {
    return std::hash<std::string_view>{}(text.view());
  }
};
