// SPDX-License-Identifier: Apache-2.0
#include "sallyport/policy/network_key.h"

#include <algorithm>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

constexpr std::size_t kV4Bytes = 4;
constexpr std::string_view kUid = "uid:";
constexpr std::string_view kV6Prefix = "/64";

}  // namespace

NetworkKey NetworkKey::of(const IpAddress& client) noexcept {
  NetworkKey key;
  key.kind = client.is_v4() ? Kind::v4 : Kind::v6;
  std::copy_n(client.bytes().begin(), client.is_v4() ? kV4Bytes : key.bytes.size(), key.bytes.begin());
  return key;
}

NetworkKey NetworkKey::of_local(std::uint32_t uid) noexcept {
  NetworkKey key;
  key.kind = Kind::local_uid;
  for (std::size_t i = 0; i < sizeof uid; ++i) key.bytes[i] = static_cast<std::uint8_t>(uid >> (24 - 8 * i));
  return key;
}

NetworkKey NetworkKey::of(const ConnectionFacts& facts, const IpAddress& client) noexcept {
  if (!facts.peer.is_unix()) return of(client);
  return of_local(facts.process ? facts.process->uid : UINT32_MAX);
}

std::optional<NetworkKey> NetworkKey::parse(std::string_view text) {
  if (text.starts_with(kUid)) {
    const auto uid = parse_decimal<std::uint32_t>(text.substr(kUid.size()));
    return uid ? std::optional(of_local(*uid)) : std::nullopt;
  }
  const bool is_v6_network = text.ends_with(kV6Prefix);
  if (is_v6_network) text.remove_suffix(kV6Prefix.size());
  const auto ip = IpAddress::parse(text);
  if (!ip || (is_v6_network && ip->is_v4())) return std::nullopt;
  return of(*ip);
}

std::string NetworkKey::str() const {
  if (kind == Kind::local_uid) {
    std::uint32_t uid = 0;
    for (std::size_t i = 0; i < sizeof uid; ++i) uid = uid << 8 | bytes[i];
    return concat(kUid, uid);
  }
  if (kind == Kind::v4) return IpAddress::v4({bytes[0], bytes[1], bytes[2], bytes[3]}).str();
  std::array<std::uint8_t, 16> whole{};
  std::copy(bytes.begin(), bytes.end(), whole.begin());
  return concat(IpAddress::v6(whole).str(), kV6Prefix);
}

}  // namespace sallyport
