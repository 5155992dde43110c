// SPDX-License-Identifier: Apache-2.0
// Command templates: what parses fills without a fault, and what holds no brace comes out as it went in.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "sallyport/launch/command.h"
#include "sallyport/launch/output.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sallyport;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const SecretText token("token-value");
  const PlaceholderValues values{"1", "/s", "/t", "/b/", "id", &token};
  if (const auto word = WordTemplate::parse(text, WordPlace::argument)) {
    const auto filled = word->fill(values);
    if (word->uses(Placeholder::token)) std::abort();
    if (text.find('{') == std::string_view::npos && filled != text) std::abort();
  }
  if (const auto variable = VariableTemplate::parse(text)) {
    const auto filled = variable->value.fill_secret(values);
    if (!is_variable_name(variable->name)) std::abort();
    if (!variable->value.uses(Placeholder::token) && filled.expose() != variable->value.fill(values))
      std::abort();
  }
  for (const char c : harmless(text)) {
    if (c == '\x1B' || c == '\r' || c == '\0') std::abort();
  }
  return 0;
}
