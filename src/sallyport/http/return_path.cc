// SPDX-License-Identifier: Apache-2.0
#include "sallyport/http/return_path.h"

#include "sallyport/base/text.h"
#include "sallyport/http/target.h"

namespace sallyport {

Result<ReturnPath> ReturnPath::parse(std::string_view text) {
  const Error refused =
      fail(Code::invalid_argument, concat("not a path of this origin: \"", escaped(text), '"'));
  const bool one_slash = text.starts_with('/') && !text.starts_with("//");
  if (!one_slash || text.size() > kReturnPathBytesMax) return refused;
  Target target;
  if (parse_target(text, EncodedSlash::refuse, target) != ParseFault::none) return refused;
  if (is_own_path(target.path)) return refused;
  ReturnPath path;
  path.text_ = target.raw;
  return path;
}

ReturnPath ReturnPath::parse_or_root(std::string_view text) {
  auto parsed = parse(text);
  return parsed ? *std::move(parsed) : ReturnPath{};
}

}  // namespace sallyport
