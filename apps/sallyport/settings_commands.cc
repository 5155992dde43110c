// SPDX-License-Identifier: Apache-2.0
// `config show`, `config check`, `version`, and how every command reads its settings.
#include <iostream>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "sallyport/base/text.h"
#include "sallyport/config/options.h"
#include "sallyport/env/posix/system.h"
#include "sallyport/gateway/admin_api.h"

#ifndef SALLYPORT_VERSION
#error "SALLYPORT_VERSION comes from the build"
#endif

namespace sallyport {
namespace {

void tell(const std::vector<Problem>& problems) {
  for (const auto& problem : problems) {
    const bool bad = problem.severity == Problem::Severity::error;
    std::cerr << "sallyport: " << (bad ? "" : "warning: ") << problem.where << ": " << problem.what << '\n';
  }
}

/// default_state_directory follows the XDG base directory specification: a relative XDG_STATE_HOME is not
/// valid and is passed over.
Result<std::string> default_state_directory(const Environment& environment) {
  if (const auto state = environment.get("XDG_STATE_HOME"); state && state->starts_with('/'))
    return *state + "/sallyport";
  if (const auto home = environment.get("HOME"); home && home->starts_with('/'))
    return *home + "/.local/state/sallyport";
  return fail(Code::invalid_argument,
              "neither XDG_STATE_HOME nor HOME is set; name a folder with --state-dir");
}

Result<LoadedSettings> read_inputs(const SettingsArguments& arguments, const Environment& environment) {
  SettingsInputs inputs;
  inputs.environment = &environment;
  inputs.flags = arguments.flags;
  if (!arguments.config_file.empty()) {
    SystemFiles files;
    auto text = files.read_text(arguments.config_file, FilePrivacy::any);
    if (!text)
      return fail(Code::invalid_argument, text.error().what);  // wrong usage, whatever the disk's reason
    inputs.file = ConfigFile{arguments.config_file, std::move(*text)};
  }
  auto loaded = load_settings(inputs);
  if (loaded.settings.state_dir.empty()) {
    SALLYPORT_TRY(directory, default_state_directory(environment));
    loaded.settings.state_dir = std::move(directory);
  }
  return loaded;
}

}  // namespace

int complain(const Error& error) {
  std::cerr << "sallyport: " << error.what << '\n';
  return exit_status_of(error.code);
}

Result<LoadedSettings> load(const SettingsArguments& arguments, const Environment& environment) {
  SALLYPORT_TRY(loaded, read_inputs(arguments, environment));
  tell(loaded.problems);
  if (!loaded.ok())
    return fail(Code::invalid_argument, "nothing was started; correct the settings named above");
  return loaded;
}

Result<LoadedSettings> read_settings(const SettingsArguments& arguments, const Environment& environment) {
  return read_inputs(arguments, environment);
}

Result<std::string> state_directory(const Environment& environment) {
  SALLYPORT_TRY(loaded, read_inputs({}, environment));
  SALLYPORT_CHECK(loaded.status());
  return loaded.settings.state_dir;
}

int command_config_show(const SettingsArguments& arguments, Output output, const Environment& environment) {
  auto loaded = load(arguments, environment);
  if (!loaded) return complain(loaded.error());
  if (output == Output::text) {
    std::cout << render_settings(loaded->rows) << '\n' << render_secure_defaults(loaded->rows);
    return kExitDone;
  }
  auto rows = nlohmann::ordered_json::array();
  for (const auto& row : loaded->rows) {
    rows.push_back({{"name", row.option->name},
                    {"values", row.values},
                    {"source", name_of(row.source)},
                    {"where", row.where},
                    {"weakened", row.rule == SettingRow::Rule::weakened}});
  }
  std::cout << rows.dump(2) << '\n';
  return kExitDone;
}

int command_config_openapi() {
  std::cout << openapi_document();
  return kExitDone;
}

int command_version(Output output) {
  if (output == Output::json) {
    std::cout << nlohmann::ordered_json{{"version", SALLYPORT_VERSION}, {"compiler", __VERSION__}}.dump()
              << '\n';
  } else {
    std::cout << "sallyport " << SALLYPORT_VERSION << '\n';
  }
  return kExitDone;
}

}  // namespace sallyport
