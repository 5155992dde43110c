// SPDX-License-Identifier: Apache-2.0
// What read_token takes must be the one text of its bytes: a known prefix and canonical base64url, and its
// digest that of the text.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "sallyport/base/text.h"
#include "sallyport/credential/token.h"
#include "sallyport/crypto/digest.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sallyport;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto presented = read_token(text);
  const std::string_view body = text.substr(std::min(size, kTokenPrefixSize));
  std::vector<std::byte> bytes(body.size() * 3 / 4);
  const bool canonical = !bytes.empty() && base64url_decode(body, bytes);
  if (!presented) {
    const bool ordinary =
        canonical && bytes.size() == kTokenBytes && text.starts_with(token_prefix(CredentialKind::ticket));
    if (ordinary) std::abort();  // a good token was refused
    return 0;
  }
  if (!canonical || !text.starts_with(token_prefix(presented->kind))) std::abort();
  std::string again(token_prefix(presented->kind));
  again.resize(kTokenPrefixSize + base64url_size(bytes.size()));
  base64url_encode(bytes, std::span(again).subspan(kTokenPrefixSize));
  if (again != text || !presented->digest.matches(sha256(text))) std::abort();
  return 0;
}
