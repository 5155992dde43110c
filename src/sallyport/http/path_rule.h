// SPDX-License-Identifier: Apache-2.0
// PathRule: which paths need no credential. Exact paths or whole subtrees; everything else is protected.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/result.h"

namespace sallyport {

/// PathRule is one public path. A value.
class PathRule {
 public:
  /// parse takes "/health" (that path alone) or "/static/*" (what lies below; not "/static" itself). Patterns
  /// in the middle, encodings, queries and dot segments are Code::invalid_argument, and so are the gateway's
  /// own pages.
  static Result<PathRule> parse(std::string_view text);
  /// matches compares with Target::path, by whole segments and case.
  [[nodiscard]] bool matches(std::string_view path) const noexcept;
  [[nodiscard]] std::string str() const;

 private:
  enum class Reach : unsigned char { exact, below };
  PathRule(std::string path, Reach reach) : path_(std::move(path)), reach_(reach) {}
  std::string path_;  // below: with the trailing slash
  Reach reach_;
};

/// any_matches: whether the path is public.
bool any_matches(const std::vector<PathRule>& rules, std::string_view path) noexcept;

}  // namespace sallyport
