// SPDX-License-Identifier: Apache-2.0
// Revocation lists: what is read must be read again from what it is written as, with the same entries.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "sallyport/pki/revocation_list.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sallyport;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto list = RevocationList::from_pem(text);
  if (!list) return 0;
  const auto again = RevocationList::from_pem(list->to_pem());
  if (!again || again->entries().size() != list->entries().size() || again->number() != list->number())
    std::abort();
  return 0;
}
