// SPDX-License-Identifier: Apache-2.0
// The one table of options: flags, environment, file keys, defaults, help, completion, man page, `config
// show` and `config check` are all made from it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "sallyport/base/result.h"
#include "sallyport/config/settings.h"

namespace sallyport {

enum class ValueType : std::uint8_t {
  flag,
  text,
  path,
  listen_address,
  cidr,
  url,
  url_path,
  duration,
  count,
  choice,
  secret,
  key_value,
  variable_name,
};
enum class Repeat : std::uint8_t { once, many };

/// OptionGroup is the heading under which help and man page show an option.
enum class OptionGroup : std::uint8_t { listening, admission, tool, records, tokens, serving };
std::string_view name_of(OptionGroup group) noexcept;

/// ForeignName is a variable under which other programs know the setting; `unit` is what its bare number
/// counts.
struct ForeignName {
  std::string_view variable;
  std::string_view unit;
};

/// OptionSpec is one row. Flags are spelled "--" + name, file keys name with '_' for '-', variables as
/// env_name().
struct OptionSpec {
  std::string_view name;
  OptionGroup group;
  ValueType type;
  Repeat repeat;
  std::string_view placeholder;   ///< "ADDR"; empty for flags
  std::string_view default_text;  ///< as it would be typed; empty: unset
  std::string_view choices;       ///< "auto|off|...", of ValueType::choice
  std::string_view weakens_when;  ///< the value that weakens a rule; empty: none does
  std::string_view help;          ///< one line, no full stop
  ForeignName foreign;
  Status (*store)(Settings&, std::string_view value);  ///< parses and keeps one value; errors name no secret
};

/// all_options is the whole table, in the order of help. run_options leaves out the last group, which is for
/// `sallyport serve` alone.
std::span<const OptionSpec> all_options() noexcept;
std::span<const OptionSpec> run_options() noexcept;
/// find_option looks a name up as a flag spells it; nullptr where there is none.
const OptionSpec* find_option(std::string_view name) noexcept;

/// env_name is "SALLYPORT_" + the name in capitals, '_' for '-'.
std::string env_name(const OptionSpec& option);
/// file_key is the name with '_' for '-'.
std::string file_key(const OptionSpec& option);
inline constexpr std::string_view kEnvPrefix = "SALLYPORT_";

/// closest_word is which of `words` somebody who typed `typed` may have meant; words.size() where nothing is
/// near. Whatever the case, and '_' for '-'.
std::size_t closest_word(std::string_view typed, std::span<const std::string_view> words);
/// closest_option is what somebody who typed `name` may have meant; nullptr where nothing is near.
const OptionSpec* closest_option(std::string_view name);

}  // namespace sallyport
