// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "sallyport/base/text.h"
#include "sallyport/config/internal/layers.h"

namespace sallyport::internal {
namespace {

std::string as_flag(const OptionSpec& option) { return concat("--", option.name); }

const OptionSpec* find_by_variable(std::string_view variable) {
  for (const auto& option : all_options()) {
    if (env_name(option) == variable) return &option;
  }
  return nullptr;
}

/// value_pieces cuts the text of one variable into values: at commas, or at line ends where a value may hold
/// a comma.
std::vector<std::string_view> value_pieces(const OptionSpec& option, std::string_view text) {
  if (option.repeat == Repeat::once) return {text};
  return split(text, option.type == ValueType::key_value ? '\n' : ',');
}

void add_variable(Layer& layer, const OptionSpec& option, std::string_view text, const std::string& where) {
  for (const auto piece : value_pieces(option, text)) {
    layer[&option].push_back({std::string(option.repeat == Repeat::once ? piece : trimmed(piece)), where});
  }
}

}  // namespace

std::string unknown_text(std::string_view typed, std::string (*spelled)(const OptionSpec&)) {
  const OptionSpec* meant = closest_option(typed);
  const std::string hint = meant == nullptr ? "" : concat("; did you mean ", spelled(*meant), "?");
  return concat("no such setting: ", escaped(typed, 60), hint);
}

Result<std::string> expand_variables(std::string_view text, const Environment& environment) {
  std::string out;
  while (!text.empty()) {
    const auto dollar = text.find('$');
    out += text.substr(0, dollar);
    if (dollar == std::string_view::npos) break;
    text.remove_prefix(dollar + 1);
    if (text.starts_with('$')) {
      out.push_back('$');
      text.remove_prefix(1);
      continue;
    }
    const auto end = text.find('}');
    if (!text.starts_with('{') || end == std::string_view::npos) {
      return fail(Code::invalid_argument, "a $ begins ${VARIABLE}, or is written $$");
    }
    const auto name = text.substr(1, end - 1);
    const auto value = environment.get(name);
    if (!value)
      return fail(Code::invalid_argument, concat("the variable ", escaped(name, 60), " is not set"));
    out += *value;
    text.remove_prefix(end + 1);
  }
  return out;
}

Layer read_environment_layer(const Environment& environment, Problems& problems) {
  Layer layer;
  for (const auto& option : all_options()) {
    const std::string variable = env_name(option);
    if (const auto value = environment.get(variable)) {
      add_variable(layer, option, *value, concat('$', variable));
    } else if (!option.foreign.variable.empty()) {
      const auto foreign = environment.get(option.foreign.variable);
      if (foreign)
        add_variable(layer, option, concat(*foreign, option.foreign.unit),
                     concat('$', option.foreign.variable));
    }
  }
  for (const auto& variable : environment.names(kEnvPrefix)) {
    if (find_by_variable(variable) != nullptr) continue;
    const auto name = std::string_view(variable).substr(kEnvPrefix.size());
    const std::string what = unknown_text(name, env_name);
    // A near miss is a typing mistake, and might have been a rule; others may be somebody else's variables.
    if (closest_option(name) != nullptr) {
      problems.error(concat('$', escaped(variable, 60)), what);
    } else {
      problems.warning(concat('$', escaped(variable, 60)), what);
    }
  }
  return layer;
}

Layer read_flag_layer(const std::vector<NamedValue>& flags, Problems& problems) {
  Layer layer;
  for (const auto& flag : flags) {
    const OptionSpec* option = find_option(flag.name);
    const std::string where = concat("--", escaped(flag.name, 60));
    if (option == nullptr) {
      problems.error(where, unknown_text(flag.name, as_flag));
      continue;
    }
    const auto ref = option->type == ValueType::secret ? SecretRef::parse(flag.value) : std::nullopt;
    if (ref && ref->kind == SecretRef::Kind::inline_text && flag.value != option->default_text) {
      problems.error(
          where,
          "a secret on the command line is seen by every user of this machine; use file:, env: or fd:");
      continue;
    }
    layer[option].push_back({flag.value, where});
  }
  return layer;
}

Layer read_code_layer(const std::vector<NamedValue>& values, Problems& problems) {
  Layer layer;
  for (const auto& value : values) {
    const std::string where = concat("configure(", escaped(value.name, 60), ")");
    if (const OptionSpec* option = find_by_variable(value.name)) {
      add_variable(layer, *option, value.value, where);
    } else {
      std::string_view name = value.name;
      if (name.starts_with(kEnvPrefix)) name.remove_prefix(kEnvPrefix.size());
      problems.error(where, unknown_text(name, env_name));
    }
  }
  return layer;
}

}  // namespace sallyport::internal
