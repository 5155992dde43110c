// SPDX-License-Identifier: Apache-2.0
// Answers of the Tailscale daemon: what is taken holds names and addresses only.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "sallyport/pki/names.h"
#include "sallyport/tls/tailscale_api.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sallyport;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto status = parse_tailscale_status(text)) {
    for (const auto& name : status->cert_domains) {
      if (!DnsName::parse(name)) std::abort();
    }
  }
  if (const auto person = parse_tailscale_whois(text)) {
    if (person->login_name.empty() || person->login_name.find('\n') != std::string::npos) std::abort();
  }
  return 0;
}
