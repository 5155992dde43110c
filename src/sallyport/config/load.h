// SPDX-License-Identifier: Apache-2.0
// load_settings: defaults < file < environment < flags < code. Each later source replaces what an earlier one
// says about an option, lists as a whole. Every fault is reported, not only the first.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/result.h"
#include "sallyport/config/environment.h"
#include "sallyport/config/options.h"
#include "sallyport/config/settings.h"

namespace sallyport {

inline constexpr std::size_t kConfigFileBytesMax = 256 * 1024;
inline constexpr std::size_t kValuesPerOptionMax = 256;
inline constexpr std::size_t kProblemsMax = 100;

/// Source is where a value came from, in order of precedence.
enum class Source : std::uint8_t { built_in, file, environment, flag, code };
std::string_view name_of(Source source) noexcept;

/// NamedValue is one value as it was typed. Flags use the option's name ("listen"), code the variable's
/// ("SALLYPORT_LISTEN"). A flag without value has "true".
struct NamedValue {
  std::string name;
  std::string value;
};

struct ConfigFile {
  std::string path;
  std::string text;
};

struct SettingsInputs {
  std::optional<ConfigFile> file;
  const Environment* environment = nullptr;  ///< also the source of ${VAR} in the file
  std::vector<NamedValue> flags;
  std::vector<NamedValue> code;
};

/// Problem is one fault: `where` is "FILE:LINE", "--flag", "$VARIABLE" or "configure(VARIABLE)". It never
/// holds a secret.
struct Problem {
  enum class Severity : std::uint8_t { error, warning } severity = Severity::error;
  std::string where;
  std::string what;
};

/// SettingRow is one line of `config show`.
struct SettingRow {
  const OptionSpec* option = nullptr;
  std::vector<std::string> values;  ///< as typed, escaped; a secret's place, or a mask
  Source source = Source::built_in;
  std::string where;
  enum class Rule : std::uint8_t { kept, weakened } rule = Rule::kept;
};

struct LoadedSettings {
  Settings settings;             ///< good only where ok()
  std::vector<SettingRow> rows;  ///< one for each option, in the table's order
  std::vector<Problem> problems;
  [[nodiscard]] bool ok() const noexcept;
  /// status is an error with one line for each problem that is one; exit status 2.
  [[nodiscard]] Status status() const;
};

/// load_settings never fails as a whole: look at ok().
LoadedSettings load_settings(const SettingsInputs& inputs);

/// configure is the code layer by itself, over environment and defaults, for embedders:
/// configure({{"SALLYPORT_LISTEN", "127.0.0.1:0"}}, environment).
Result<Settings> configure(std::vector<NamedValue> values, const Environment& environment);

/// render_settings is the text of `config show`: setting, value, source, and a mark at each rule that was
/// weakened.
std::string render_settings(const std::vector<SettingRow>& rows);

/// SecureDefault is one thing that is on without any configuration.
struct SecureDefault {
  std::string_view what;
  std::string_view state;
  std::string_view weakened_by;  ///< the option that weakens it; empty: nothing does
};
std::span<const SecureDefault> secure_defaults() noexcept;
/// render_secure_defaults marks those that the rows' settings weaken.
std::string render_secure_defaults(const std::vector<SettingRow>& rows);

}  // namespace sallyport
