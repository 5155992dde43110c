// SPDX-License-Identifier: Apache-2.0
// ReturnPath: where a login goes back to. Only ever a path on this origin, so that a login page redirects
// nobody away.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "sallyport/base/result.h"

namespace sallyport {

inline constexpr std::size_t kReturnPathBytesMax = 2048;

/// ReturnPath is a path and query that a browser cannot read as another host. A value; default "/".
class ReturnPath {
 public:
  ReturnPath() = default;
  /// parse refuses anything but one leading slash and the bytes of a request target: "//host", "/\host",
  /// control and white space, fragments, dot segments, and the gateway's own pages (a login that leads to the
  /// login). Code::invalid_argument.
  static Result<ReturnPath> parse(std::string_view text);
  /// parse_or_root is parse, with "/" for what it refuses.
  static ReturnPath parse_or_root(std::string_view text);
  [[nodiscard]] const std::string& str() const noexcept { return text_; }

 private:
  std::string text_ = "/";
};

}  // namespace sallyport
