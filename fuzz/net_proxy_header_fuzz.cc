// SPDX-License-Identifier: Apache-2.0
// The PROXY header: the parser ends, never asks for what it has, never reads beyond, and reads the same
// twice.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "sallyport/net/proxy_header.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sallyport;
  const std::string_view bytes(reinterpret_cast<const char*>(data), data == nullptr ? 0 : size);
  std::size_t have = 0;
  ProxyParse parse = parse_proxy_header({});
  while (parse.state == ProxyParse::State::more) {
    if (parse.bytes_wanted <= have || parse.bytes_wanted > kProxyHeaderBytesMax) std::abort();
    if (parse.bytes_wanted > bytes.size()) return 0;
    have = parse.bytes_wanted;
    parse = parse_proxy_header(bytes.substr(0, have));
  }
  if (parse.state == ProxyParse::State::bad) return 0;
  const bool proxied = parse.header.kind == ProxyHeader::Kind::proxied;
  if (proxied && (parse.header.source.is_unix() || parse.header.destination.is_unix())) std::abort();
  const ProxyParse again = parse_proxy_header(bytes.substr(0, have));
  if (again.header.source != parse.header.source) std::abort();
  return 0;
}
