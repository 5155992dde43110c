// SPDX-License-Identifier: Apache-2.0
// The small text forms of settings: what parses must come back from its own text.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "sallyport/config/load.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sallyport;
  const std::string_view text(reinterpret_cast<const char*>(data), data == nullptr ? 0 : size);
  if (const auto duration = parse_duration(text))
    require(parse_duration(format_duration(*duration)) == duration);
  static_cast<void>(parse_size(text));
  if (const auto listen = ListenAddress::parse(text)) require(ListenAddress::parse(listen->str()) == listen);
  if (const auto url = PublicUrl::parse(text)) require(PublicUrl::parse(url->origin()) == url);
  if (const auto cidr = Cidr::parse(text)) require(Cidr::parse(cidr->str())->str() == cidr->str());
  static_cast<void>(SecretRef::parse(text));
  static_cast<void>(closest_option(text));
  for (const auto& option : run_options()) {
    Settings settings;
    const auto stored = option.store(settings, text);
    require(stored.has_value() || stored.error().code == Code::invalid_argument);
  }
  return 0;
}
