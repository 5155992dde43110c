// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/internal/addresses.h"

#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <string_view>

namespace sallyport {
namespace {

template <class T>
void store(KernelAddress& out, const T& value) noexcept {
  std::memcpy(&out.storage, &value, sizeof value);
  out.bytes = sizeof value;
}

std::string unix_path_of(const KernelAddress& address) {
  constexpr std::size_t kPathAt = offsetof(sockaddr_un, sun_path);
  if (address.bytes <= kPathAt) return {};
  sockaddr_un un{};
  std::memcpy(&un, &address.storage, std::min<std::size_t>(address.bytes, sizeof un));
  const std::string_view raw(un.sun_path, std::min<std::size_t>(address.bytes, sizeof un) - kPathAt);
  if (raw.front() == '\0') return "@" + std::string(raw.substr(1));
  return std::string(raw.substr(0, raw.find('\0')));
}

}  // namespace

std::optional<KernelAddress> to_kernel(const SocketAddress& address) noexcept {
  KernelAddress out;
  if (address.is_unix()) {
    sockaddr_un un{};
    un.sun_family = AF_UNIX;
    if (address.path.empty() || address.path.size() >= sizeof un.sun_path) return std::nullopt;
    std::copy(address.path.begin(), address.path.end(), un.sun_path);
    store(out, un);
  } else if (address.ip.is_v4()) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(address.port);
    std::memcpy(&in.sin_addr, address.ip.bytes().data(), sizeof in.sin_addr);
    store(out, in);
  } else {
    sockaddr_in6 in6{};
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(address.port);
    std::memcpy(&in6.sin6_addr, address.ip.bytes().data(), sizeof in6.sin6_addr);
    store(out, in6);
  }
  return out;
}

SocketAddress from_kernel(const KernelAddress& address) {
  switch (address.storage.ss_family) {
    case AF_INET: {
      sockaddr_in in{};
      std::memcpy(&in, &address.storage, sizeof in);
      std::array<std::uint8_t, 4> bytes{};
      std::memcpy(bytes.data(), &in.sin_addr, bytes.size());
      return SocketAddress::tcp(IpAddress::v4(bytes), ntohs(in.sin_port));
    }
    case AF_INET6: {
      sockaddr_in6 in6{};
      std::memcpy(&in6, &address.storage, sizeof in6);
      std::array<std::uint8_t, 16> bytes{};
      std::memcpy(bytes.data(), &in6.sin6_addr, bytes.size());
      return SocketAddress::tcp(IpAddress::v6(bytes), ntohs(in6.sin6_port));
    }
    default:
      return SocketAddress::unix_path(unix_path_of(address));
  }
}

SocketAddress local_address(int socket) {
  KernelAddress address;
  if (::getsockname(socket, address.get(), &address.bytes) != 0) return {};
  return from_kernel(address);
}

}  // namespace sallyport
