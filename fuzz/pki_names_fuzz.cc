// SPDX-License-Identifier: Apache-2.0
// Alternative names: what is taken is canonical, and parses to itself again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "sallyport/pki/names.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sallyport;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto name = SubjectName::parse_any(text)) {
    const auto again = SubjectName::parse_any(name->str());
    if (!again || !(*again == *name)) std::abort();
    for (const char c : name->str()) {
      if (c <= ' ' || c > '~') std::abort();
    }
    if (name->is_uri() && name->uri().host().empty()) std::abort();
  }
  if (SubjectName::parse(text) && SubjectName::parse(text) != SubjectName::parse_any(text)) std::abort();
  return 0;
}
