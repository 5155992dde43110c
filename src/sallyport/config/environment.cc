// SPDX-License-Identifier: Apache-2.0
#include "sallyport/config/environment.h"

namespace sallyport {

FixedEnvironment FixedEnvironment::from_block(const char* const* block) {
  FixedEnvironment copy;
  for (; block != nullptr && *block != nullptr; ++block) {
    const std::string_view entry(*block);
    const auto equals = entry.find('=');
    if (equals == std::string_view::npos || equals == 0) continue;
    copy.variables_.emplace(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return copy;
}

std::optional<std::string> FixedEnvironment::get(std::string_view name) const {
  const auto found = variables_.find(name);
  if (found == variables_.end()) return std::nullopt;
  return found->second;
}

std::vector<std::string> FixedEnvironment::names(std::string_view prefix) const {
  std::vector<std::string> found;
  for (auto at = variables_.lower_bound(prefix); at != variables_.end() && at->first.starts_with(prefix);
       ++at) {
    found.push_back(at->first);
  }
  return found;
}

}  // namespace sallyport
