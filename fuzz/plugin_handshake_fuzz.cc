// SPDX-License-Identifier: Apache-2.0
// A plugin's handshake line: what is taken is written as a line that says the same; and the list of versions.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "sallyport/plugin/handshake.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sallyport;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto read = PluginHandshake::parse(text)) {
    const auto again = PluginHandshake::parse(read->line());
    if (!again || again->line() != read->line() || !(again->address == read->address)) std::abort();
    if (!read->address.is_unix() && !read->address.ip.is_loopback()) std::abort();
  }
  const auto versions = plugin_versions_from(text);
  if (plugin_versions_from(plugin_versions_text(versions)) != versions) std::abort();
  return 0;
}
