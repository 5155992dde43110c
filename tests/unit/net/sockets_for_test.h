// SPDX-License-Identifier: Apache-2.0
// Plain sockets for tests: the other end of what net does, without any of net's code.
#pragma once

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sallyport/env/posix/descriptor.h"
#include "sallyport/net/listener.h"
#include "sallyport/net/testing/test_loop.h"

namespace sallyport {

inline const IpAddress kLoopback = IpAddress::v4({127, 0, 0, 1});

/// TempDirectory is a private folder that goes away with its content.
class TempDirectory {
 public:
  TempDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "sallyport-net-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  ~TempDirectory() { std::filesystem::remove_all(path_); }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline int raw_socket(const SocketAddress& address) {
  return ::socket(address.is_unix()    ? AF_UNIX
                  : address.ip.is_v4() ? AF_INET
                                       : AF_INET6,
                  SOCK_STREAM | SOCK_CLOEXEC, 0);
}

inline bool raw_connect(int socket, const SocketAddress& address) {
  if (address.is_unix()) {
    sockaddr_un un{};
    un.sun_family = AF_UNIX;
    std::memcpy(un.sun_path, address.path.data(), address.path.size());
    return ::connect(socket, reinterpret_cast<const sockaddr*>(&un), sizeof un) == 0;
  }
  if (address.ip.is_v4()) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(address.port);
    std::memcpy(&in.sin_addr, address.ip.bytes().data(), 4);
    return ::connect(socket, reinterpret_cast<const sockaddr*>(&in), sizeof in) == 0;
  }
  sockaddr_in6 in6{};
  in6.sin6_family = AF_INET6;
  in6.sin6_port = htons(address.port);
  std::memcpy(&in6.sin6_addr, address.ip.bytes().data(), 16);
  return ::connect(socket, reinterpret_cast<const sockaddr*>(&in6), sizeof in6) == 0;
}

/// raw_client is a connected, blocking socket; -1 inside where refused.
inline Descriptor raw_client(const SocketAddress& address) {
  Descriptor socket(raw_socket(address));
  const int on = 1;
  if (!address.is_unix()) ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (!raw_connect(socket.get(), address)) socket.reset();
  return socket;
}

inline void set_nonblocking(int socket) { ::fcntl(socket, F_SETFL, ::fcntl(socket, F_GETFL) | O_NONBLOCK); }

/// Host is a door with one listener that keeps whatever it accepts.
class Host {
 public:
  Host(Loop& loop, const SocketAddress& at, ConnectionLimits limits = {}) : limiter(limits) {
    auto door = open_door(at, 1);
    if (!door) std::abort();
    file_ = std::move(door->file);
    listening_ = door->sockets.front().get();
    listener.emplace(loop, std::move(door->sockets.front()), door->address, limiter,
                     [this](std::unique_ptr<Stream> stream) { accepted.push_back(std::move(stream)); });
    if (!listener->start()) std::abort();
  }
  [[nodiscard]] const SocketAddress& address() const { return listener->address(); }
  /// shrink_send_buffers lets writes to connections from now on block after a few records.
  void shrink_send_buffers() const {
    const int small = 32'768;
    ::setsockopt(listening_, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  }

  ConnectionLimiter limiter;
  std::vector<std::unique_ptr<Stream>> accepted;
  std::optional<Listener> listener;

 private:
  std::unique_ptr<SocketFile> file_;
  int listening_ = -1;
};

}  // namespace sallyport
