// SPDX-License-Identifier: Apache-2.0
#include "sallyport/http/forwarded.h"

#include <algorithm>
#include <string_view>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

bool is_trusted(const IpAddress& ip, std::span<const Cidr> trusted) {
  return std::any_of(trusted.begin(), trusted.end(),
                     [&ip](const Cidr& network) { return network.contains(ip); });
}

/// last_item cuts the last item off a comma-separated list.
std::string_view last_item(std::string_view& list) noexcept {
  const std::size_t comma = list.rfind(',');
  const std::string_view item = trimmed(comma == std::string_view::npos ? list : list.substr(comma + 1));
  list = comma == std::string_view::npos ? std::string_view{} : list.substr(0, comma);
  return item;
}

/// parse_hop takes "192.0.2.1", "2001:db8::1" and, as some proxies write it, either with a port
/// ("[v6]:port").
std::optional<IpAddress> parse_hop(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    const std::string_view port = text.substr(close + 1);
    const bool fine = port.empty() || (port[0] == ':' && parse_decimal<std::uint16_t>(port.substr(1)));
    return fine ? IpAddress::parse(text.substr(1, close - 1)) : std::nullopt;
  }
  if (std::count(text.begin(), text.end(), ':') == 1) {
    const std::size_t colon = text.find(':');
    if (!parse_decimal<std::uint16_t>(text.substr(colon + 1))) return std::nullopt;
    text = text.substr(0, colon);
  }
  return IpAddress::parse(text);
}

}  // namespace

std::optional<IpAddress> client_address(const IpAddress& peer, const HeaderFields& fields,
                                        std::span<const Cidr> trusted) {
  IpAddress client = peer;
  std::size_t hops = 0;
  const auto all = fields.all();
  for (auto field = all.rbegin(); field != all.rend(); ++field) {
    if (field->id() != HeaderId::x_forwarded_for) continue;
    std::string_view list = field->value();
    do {
      if (!is_trusted(client, trusted)) return client;
      const auto hop = parse_hop(last_item(list));
      if (!hop || ++hops > kForwardedHopsMax) return std::nullopt;
      client = *hop;
    } while (!list.empty());
  }
  return client;
}

}  // namespace sallyport
