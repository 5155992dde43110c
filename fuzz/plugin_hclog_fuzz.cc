// SPDX-License-Identifier: Apache-2.0
// What a plugin logs: whatever it is, it becomes lines that are harmless and no longer than what came.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "sallyport/plugin/hclog.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sallyport;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  PluginLogReader whole;
  auto lines = whole.feed(text);
  for (auto& line : whole.rest()) lines.push_back(std::move(line));
  PluginLogReader bytewise;
  std::vector<PluginLogLine> again;
  for (std::size_t at = 0; at < size; ++at) {
    for (auto& line : bytewise.feed(text.substr(at, 1))) again.push_back(std::move(line));
  }
  for (auto& line : bytewise.rest()) again.push_back(std::move(line));
  if (lines != again) std::abort();
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\t'; };
  for (const auto& line : lines) {
    if (std::any_of(line.message.begin(), line.message.end(), control)) std::abort();
    if (line.fields.size() > kPluginLogFieldsMax) std::abort();
  }
  return 0;
}
