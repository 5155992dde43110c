// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>

#include "sallyport/base/text.h"
#include "sallyport/plugin/server_terms.h"

// Lines of NAME=VALUE ('\f' for a newline in a value): what is read holds to its bounds.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sallyport;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::map<std::string, std::string, std::less<>> variables;
  for (const auto line : split(text, '\n')) {
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    std::string value(line.substr(equals + 1));
    for (char& c : value) c = c == '\f' ? '\n' : c;
    variables[std::string(line.substr(0, equals))] = value;
  }
  const VariableLookup lookup = [&](std::string_view name) -> std::optional<std::string_view> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
  constexpr std::uint32_t own[] = {3, 7};
  const auto terms = read_plugin_terms(lookup, own);
  if (!terms) return 0;
  if (terms->app_version != 3 && terms->app_version != 7) std::abort();
  if (terms->port_min > terms->port_max) std::abort();
  if (!terms->socket_directory.empty() && terms->socket_directory.front() != '/') std::abort();
  return 0;
}
