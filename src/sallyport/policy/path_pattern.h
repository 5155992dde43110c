// SPDX-License-Identifier: Apache-2.0
// PathPattern: a path of a policy or a limit, exact or with all that is below it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sallyport/base/result.h"

namespace sallyport {

/// PathPattern is compared with Target::path, the decoded one, by whole segments and case. A value.
class PathPattern {
 public:
  enum class Reach : std::uint8_t { exact, subtree };
  /// parse takes "/s/x" (that path alone) and "/s/x/*" ("/s/x", and all that is below it); "/*" is every
  /// path. A star elsewhere, an encoding, a query, a dot segment is Code::invalid_argument with the reason.
  static Result<PathPattern> parse(std::string_view text);

  [[nodiscard]] bool matches(std::string_view path) const noexcept;
  /// base is the path without "/*"; empty for "/*" itself.
  [[nodiscard]] const std::string& base() const noexcept { return base_; }
  [[nodiscard]] Reach reach() const noexcept { return reach_; }
  [[nodiscard]] std::string str() const;

 private:
  PathPattern(std::string base, Reach reach) : base_(std::move(base)), reach_(reach) {}
  std::string base_;
  Reach reach_;
};

}  // namespace sallyport
