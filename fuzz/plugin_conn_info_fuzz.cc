// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "sallyport/plugin/broker_wire.h"

// What parses comes back the same, and an address is on this machine.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sallyport;
  const auto info = ConnInfo::parse({reinterpret_cast<const char*>(data), size});
  if (!info) return 0;
  const auto again = ConnInfo::parse(info->message());
  if (!again || again->message() != info->message()) std::abort();
  const auto where = info->where();
  if (where && !where->is_unix() && !where->ip.is_loopback()) std::abort();
  return 0;
}
