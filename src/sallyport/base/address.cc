// SPDX-License-Identifier: Apache-2.0
#include "sallyport/base/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

constexpr std::size_t kIpTextMax = 45;
constexpr std::size_t kUnixPathMax = 107;  // sun_path less its NUL

std::optional<std::uint16_t> parse_port(std::string_view text) {
  if (text.size() > 5) return std::nullopt;
  return parse_decimal<std::uint16_t>(text);
}

}  // namespace

IpAddress IpAddress::v4(std::array<std::uint8_t, 4> bytes) noexcept {
  IpAddress ip;
  std::copy(bytes.begin(), bytes.end(), ip.bytes_.begin());
  return ip;
}

IpAddress IpAddress::v6(const std::array<std::uint8_t, 16>& bytes) noexcept {
  constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::equal(mapped.begin(), mapped.end(), bytes.begin()))
    return v4({bytes[12], bytes[13], bytes[14], bytes[15]});
  IpAddress ip;
  ip.bytes_ = bytes;
  ip.v4_ = false;
  return ip;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.empty() || text.size() > kIpTextMax || text.find('\0') != std::string_view::npos)
    return std::nullopt;
  const std::string zero_ended(text);
  std::array<std::uint8_t, 16> bytes{};
  if (inet_pton(AF_INET, zero_ended.c_str(), bytes.data()) == 1)
    return v4({bytes[0], bytes[1], bytes[2], bytes[3]});
  if (inet_pton(AF_INET6, zero_ended.c_str(), bytes.data()) == 1) return v6(bytes);
  return std::nullopt;
}

bool IpAddress::is_loopback() const noexcept {
  if (v4_) return bytes_[0] == 127;
  return std::all_of(bytes_.begin(), bytes_.end() - 1, [](std::uint8_t b) { return b == 0; }) &&
         bytes_[15] == 1;
}

bool IpAddress::is_unspecified() const noexcept {
  return std::all_of(bytes_.begin(), bytes_.end(), [](std::uint8_t b) { return b == 0; });
}

std::string IpAddress::str() const {
  char text[INET6_ADDRSTRLEN];
  inet_ntop(v4_ ? AF_INET : AF_INET6, bytes_.data(), text, sizeof text);
  return text;
}

std::optional<SocketAddress> SocketAddress::parse(std::string_view text) {
  if (text.starts_with("unix:")) {
    const auto path = text.substr(5);
    if (path.empty() || path.size() > kUnixPathMax || path.find('\0') != std::string_view::npos)
      return std::nullopt;
    return unix_path(std::string(path));
  }
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  auto host = text.substr(0, colon);
  const auto port = parse_port(text.substr(colon + 1));
  if (!port) return std::nullopt;
  if (host.empty()) return tcp(IpAddress(), *port);
  if (host == "localhost") return tcp(IpAddress::v4({127, 0, 0, 1}), *port);
  const bool bracketed = host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (bracketed != (host.find(':') != std::string_view::npos)) return std::nullopt;
  const auto ip = IpAddress::parse(host);
  if (!ip) return std::nullopt;
  return tcp(*ip, *port);
}

std::string SocketAddress::str() const {
  if (is_unix()) return concat("unix:", path);
  return ip.is_v4() ? concat(ip.str(), ':', port) : concat('[', ip.str(), "]:", port);
}

std::optional<Cidr> Cidr::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto ip = IpAddress::parse(text.substr(0, slash));
  if (!ip) return std::nullopt;
  Cidr cidr;
  cidr.network_ = *ip;
  const std::uint8_t bits_max = ip->is_v4() ? 32 : 128;
  cidr.prefix_bits_ = bits_max;
  if (slash != std::string_view::npos) {
    const auto digits = text.substr(slash + 1);
    const auto bits = digits.size() <= 3 ? parse_decimal<std::uint8_t>(digits) : std::nullopt;
    if (!bits || *bits > bits_max) return std::nullopt;
    cidr.prefix_bits_ = *bits;
  }
  for (unsigned bit = cidr.prefix_bits_; bit < bits_max; ++bit) {
    if ((ip->bytes()[bit / 8] >> (7 - bit % 8)) & 1U) return std::nullopt;
  }
  return cidr;
}

bool Cidr::contains(const IpAddress& ip) const noexcept {
  if (ip.is_v4() != network_.is_v4()) return false;
  const std::size_t whole = prefix_bits_ / 8;
  if (std::memcmp(ip.bytes().data(), network_.bytes().data(), whole) != 0) return false;
  const unsigned rest = prefix_bits_ % 8;
  if (rest == 0) return true;
  return ((ip.bytes()[whole] ^ network_.bytes()[whole]) >> (8 - rest)) == 0;
}

std::string Cidr::str() const { return concat(network_.str(), '/', static_cast<unsigned>(prefix_bits_)); }

}  // namespace sallyport
