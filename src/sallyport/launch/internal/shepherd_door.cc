// SPDX-License-Identifier: Apache-2.0
#include "sallyport/launch/internal/shepherd_door.h"

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "sallyport/launch/process_tree.h"

namespace sallyport {
namespace {

using shepherd_wire::kOutputReaders;

// A pipe holds 64 KiB, and less where many small writes each take a page of it.
constexpr int kOutputHeldBytes = 16 * 1024;

bool is_our_user(int connection) {
  ucred peer{};
  socklen_t bytes = sizeof peer;
  return ::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) == 0 && peer.uid == ::geteuid();
}

/// send_greeting returns false where the other end is gone already.
bool send_greeting(int connection, shepherd_wire::Greeting greeting) {
  iovec part{&greeting, sizeof greeting};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof kOutputReaders)] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof kOutputReaders);
  std::memcpy(CMSG_DATA(header), kOutputReaders, sizeof kOutputReaders);
  return ::sendmsg(connection, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof greeting;
}

}  // namespace

ShepherdDoor::~ShepherdDoor() {
  if (is_open()) ::unlink(path_.c_str());
}

void ShepherdDoor::open(const char* path, std::uint32_t survive_s, std::uint16_t port) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path[0] == '\0' || survive_s == 0 || std::strlen(path) >= sizeof address.sun_path) return;
  std::strcpy(address.sun_path, path);
  Descriptor socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  ::unlink(path);
  // The file takes the socket's own mode, in a folder that is private as well.
  if (!socket || ::fchmod(socket.get(), S_IRUSR | S_IWUSR) != 0 ||
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(socket.get(), 1) != 0) {
    return;
  }
  socket_ = std::move(socket);
  path_ = path;
  survive_ = std::chrono::seconds(survive_s);
  port_ = port;
}

Descriptor ShepherdDoor::welcome(pid_t tool) const {
  Descriptor connection(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!connection || !is_our_user(connection.get())) return {};
  const shepherd_wire::Greeting greeting{shepherd_wire::kVersion, tool, start_of(::getpid()), port_};
  if (!send_greeting(connection.get(), greeting)) return {};
  return connection;
}

void ShepherdDoor::make_room() {
  for (const int reader : kOutputReaders) {
    int held = 0;
    char thrown_away[8192];
    while (::ioctl(reader, FIONREAD, &held) == 0 && held > kOutputHeldBytes) {
      if (::read(reader, thrown_away, sizeof thrown_away) <= 0) break;
    }
  }
}

}  // namespace sallyport
