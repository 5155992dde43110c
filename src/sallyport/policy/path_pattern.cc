// SPDX-License-Identifier: Apache-2.0
#include "sallyport/policy/path_pattern.h"

#include "sallyport/base/text.h"
#include "sallyport/http/target.h"

namespace sallyport {
namespace {

constexpr std::string_view kBelow = "/*";
constexpr std::size_t kPatternBytesMax = 1024;

}  // namespace

Result<PathPattern> PathPattern::parse(std::string_view text) {
  const Reach reach = text.ends_with(kBelow) ? Reach::subtree : Reach::exact;
  const std::string_view base = reach == Reach::subtree ? text.substr(0, text.size() - kBelow.size()) : text;
  if (base.empty() && reach == Reach::subtree) return PathPattern({}, reach);
  Target target;
  const bool plain = base.starts_with('/') && base.size() <= kPatternBytesMax &&
                     base.find_first_of("*?%#") == std::string_view::npos &&
                     base.find("//") == std::string_view::npos;
  const bool is_folder = reach == Reach::subtree && base.ends_with('/');
  if (!plain || is_folder || parse_target(base, EncodedSlash::refuse, target) != ParseFault::none) {
    return fail(Code::invalid_argument,
                concat("a path is \"/s/x\" or \"/s/x/*\", not \"", escaped(text, 80), '"'));
  }
  return PathPattern(std::string(target.path), reach);
}

bool PathPattern::matches(std::string_view path) const noexcept {
  if (reach_ == Reach::exact) return path == base_;
  if (!path.starts_with(base_)) return false;
  return path.size() == base_.size() || path[base_.size()] == '/';
}

std::string PathPattern::str() const { return reach_ == Reach::subtree ? concat(base_, kBelow) : base_; }

}  // namespace sallyport
