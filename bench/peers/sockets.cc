// SPDX-License-Identifier: Apache-2.0
// Sockets and start-up of the benchmark helpers.
#include "sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace sallyport {
namespace {

constexpr int kBacklog = 4096;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

sockaddr_un unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    die(path);
  }
  path.copy(address.sun_path, path.size());
  return address;
}

template <typename Sockaddr>
int listen_on(const Sockaddr& address, int family, const std::string& name) {
  const int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  if (fd < 0) die("socket");
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) die(name);
  if (listen(fd, kBacklog) != 0) die(name);
  return fd;
}

void set_no_delay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // refused on a Unix socket: fine
}

template <typename Sockaddr>
int connect_on(const Sockaddr& address, int family) {
  const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  // Blocking on purpose: over loopback it ends at once, and the state "connecting" is not needed.
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    close(fd);
    return -1;
  }
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  return fd;
}

}  // namespace

void die(const std::string& what) {
  std::fprintf(stderr, "%s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

void prepare_process() {
  std::signal(SIGPIPE, SIG_IGN);
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

int listen_tcp(std::uint16_t port) {
  return listen_on(loopback(port), AF_INET, "127.0.0.1:" + std::to_string(port));
}

int listen_unix(const std::string& path) {
  unlink(path.c_str());
  return listen_on(unix_address(path), AF_UNIX, path);
}

int connect_to(const Address& address) {
  if (!address.unix_path.empty()) return connect_on(unix_address(address.unix_path), AF_UNIX);
  const int fd = connect_on(loopback(address.port), AF_INET);
  if (fd >= 0) set_no_delay(fd);
  return fd;
}

int accept_from(int listener) {
  const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) set_no_delay(fd);
  return fd;
}

Options::Options(int argc, char** argv, std::string_view known) : argc_(argc), argv_(argv) {
  for (int i = 1; i < argc; i += 2) {
    const std::string padded = " " + std::string(argv[i]) + " ";
    const std::string names = " " + std::string(known) + " ";
    if (i + 1 >= argc || names.find(padded) == std::string::npos) {
      std::fprintf(stderr, "usage: %s with values for: %s\n", argv[0], std::string(known).c_str());
      std::exit(2);
    }
  }
}

std::optional<std::string> Options::text(std::string_view name) const {
  for (int i = 1; i + 1 < argc_; i += 2) {
    if (name == argv_[i]) return argv_[i + 1];
  }
  return std::nullopt;
}

std::optional<std::uint16_t> Options::port(std::string_view name) const {
  const auto value = text(name);
  if (!value) return std::nullopt;
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), port);
  if (error != std::errc{} || end != value->data() + value->size() || port == 0) {
    std::fprintf(stderr, "%s: not a port: %s\n", argv_[0], value->c_str());
    std::exit(2);
  }
  return port;
}

}  // namespace sallyport
