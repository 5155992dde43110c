// SPDX-License-Identifier: Apache-2.0
// The deny list of client certificates, and the rules that name users: taken or refused, never more.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "sallyport/config/values.h"
#include "sallyport/tls/client_certificates.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sallyport;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto list = ClientDenyList::parse(text);
  if (!list && list.error().what.empty()) std::abort();
  if (const auto user = ClientUser::parse(text)) {
    if (user->user.empty() || user->user.find('=') != std::string::npos) std::abort();
  }
  return 0;
}
