// SPDX-License-Identifier: Apache-2.0
#include "sallyport/http/path_rule.h"

#include <algorithm>

#include "sallyport/base/text.h"
#include "sallyport/http/target.h"

namespace sallyport {

Result<PathRule> PathRule::parse(std::string_view text) {
  const Error malformed =
      fail(Code::invalid_argument,
           concat("a public path is \"/path\" or \"/path/*\", not \"", escaped(text), '"'));
  const Reach reach = text.ends_with("/*") ? Reach::below : Reach::exact;
  const std::string_view path = reach == Reach::below ? text.substr(0, text.size() - 1) : text;
  Target target;
  const bool everything = text == "/*";
  const bool plain =
      !everything && path.starts_with('/') && path.find_first_of("*?%") == std::string_view::npos;
  if (!plain || parse_target(path, EncodedSlash::refuse, target) != ParseFault::none) return malformed;
  if (is_own_path(target.path)) return malformed;
  return PathRule(std::string(path), reach);
}

bool PathRule::matches(std::string_view path) const noexcept {
  return reach_ == Reach::exact ? path == path_ : path.starts_with(path_);
}

std::string PathRule::str() const { return reach_ == Reach::below ? concat(path_, '*') : path_; }

bool any_matches(const std::vector<PathRule>& rules, std::string_view path) noexcept {
  return std::any_of(rules.begin(), rules.end(), [path](const PathRule& rule) { return rule.matches(path); });
}

}  // namespace sallyport
