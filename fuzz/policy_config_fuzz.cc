// SPDX-License-Identifier: Apache-2.0
// The configuration file, whole: what load_settings reads from any bytes, it reads again the same way, and
// what it does not understand is an error, never a default.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "sallyport/config/load.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sallyport;
  const FixedEnvironment environment({{"HOME", "/home/a"}, {"EMPTY", ""}, {"LINES", "a\nready: /evil"}});
  SettingsInputs inputs;
  inputs.file =
      ConfigFile{"s.yaml", std::string(reinterpret_cast<const char*>(data), data == nullptr ? 0 : size)};
  inputs.environment = &environment;
  const LoadedSettings first = load_settings(inputs);
  const LoadedSettings second = load_settings(inputs);
  if (render_settings(first.rows) != render_settings(second.rows)) std::abort();
  if (first.ok() != first.status().has_value()) std::abort();
  if (first.problems.size() > kProblemsMax) std::abort();
  for (const auto& problem : first.problems) {
    if (problem.what.size() > 2000) std::abort();
  }
  if (first.ok() && (first.settings.listen.empty() || first.settings.auth.empty())) std::abort();
  return 0;
}
