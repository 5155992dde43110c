// SPDX-License-Identifier: Apache-2.0
// What the sources say, before it is typed: one Layer for each source.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sallyport/config/load.h"

namespace sallyport::internal {

/// Given is one value and where it stands.
struct Given {
  std::string value;
  std::string where;
};

using Layer = std::map<const OptionSpec*, std::vector<Given>>;

/// Problems collects, up to kProblemsMax.
class Problems {
 public:
  void error(std::string where, std::string what) {
    add({Problem::Severity::error, std::move(where), std::move(what)});
  }
  void warning(std::string where, std::string what) {
    add({Problem::Severity::warning, std::move(where), std::move(what)});
  }
  std::vector<Problem> take() { return std::move(problems_); }

 private:
  void add(Problem problem) {
    if (problems_.size() < kProblemsMax) problems_.push_back(std::move(problem));
  }
  std::vector<Problem> problems_;
};

/// unknown_text names an unknown setting and the one that may have been meant, as `spelled` writes it.
std::string unknown_text(std::string_view typed, std::string (*spelled)(const OptionSpec&));

/// expand_variables replaces ${NAME} by the variable and $$ by $. Error: a variable that is not set, or `$`
/// and anything else.
Result<std::string> expand_variables(std::string_view text, const Environment& environment);

/// read_yaml_layer reads a file: one mapping of file keys to values, lists of values, or a mapping for `env`.
Layer read_yaml_layer(const ConfigFile& file, const Environment& environment, Problems& problems);
Layer read_environment_layer(const Environment& environment, Problems& problems);
Layer read_flag_layer(const std::vector<NamedValue>& flags, Problems& problems);
Layer read_code_layer(const std::vector<NamedValue>& values, Problems& problems);

}  // namespace sallyport::internal
