// SPDX-License-Identifier: Apache-2.0
// PEM, DER and keys of strangers: what is read must be read again from what it is written as, and judging it
// must end, whatever it says.
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "sallyport/pki/authority.h"
#include "sallyport/pki/verify.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sallyport;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<Certificate> list;
  if (auto from_pem = Certificate::list_from_pem(text)) list = *std::move(from_pem);
  if (auto from_der = Certificate::from_der(std::as_bytes(std::span(data, size))))
    list.push_back(*std::move(from_der));
  for (const Certificate& each : list) {
    const auto again = Certificate::from_pem(each.to_pem());
    if (!again || !(*again == each)) std::abort();
    for (const Profile& profile : {Profile::own(), Profile::foreign()}) {
      VerifyRequest request{list, list};
      request.now = each.facts().not_before;
      request.profile = profile;
      if (!each.facts().names.empty()) request.name = each.facts().names.front();
      const ChainVerdict verdict = verify(each, request);
      if (verdict.accepted() != !verdict.chain.empty()) std::abort();
    }
  }
  (void)read_certified_key(text, SecretText(text));
  return 0;
}
