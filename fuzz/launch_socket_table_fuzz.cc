// SPDX-License-Identifier: Apache-2.0
// The kernel's socket table: any text is read without a fault.
#include <cstdint>
#include <string_view>

#include "sallyport/launch/port.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const auto& one : sallyport::parse_listening({reinterpret_cast<const char*>(data), size}))
    (void)one.address.str();
  return 0;
}
