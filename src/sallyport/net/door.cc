// SPDX-License-Identifier: Apache-2.0
// Opening listening sockets: what may be bound, and what must not be taken over.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "sallyport/base/text.h"
#include "sallyport/net/internal/addresses.h"
#include "sallyport/net/listener.h"

namespace sallyport {
namespace {

enum class PortSharing : std::uint8_t { exclusive, among_ours };

Error bind_error(const SocketAddress& address, int error) {
  switch (error) {
    case EADDRINUSE:
      return fail(Code::already_exists,
                  concat(address.str(), " is in use by another program; stop it, or listen elsewhere"));
    case EACCES:
    case EPERM:
      return fail(Code::permission_denied, concat("not allowed to listen on ", address.str(),
                                                  "; ports below 1024 need CAP_NET_BIND_SERVICE"));
    case EADDRNOTAVAIL:
      return fail(Code::not_found, concat("this machine has no address ", address.str(), " to listen on"));
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      return fail(Code::exhausted, concat("no descriptor or memory left to listen on ", address.str()));
    default:
      return fail(Code::unavailable, concat("cannot listen on ", address.str(), ": ", std::strerror(error)));
  }
}

/// Accepted sockets inherit these from the listening one, which saves two system calls for each.
void set_tcp_options(int socket) noexcept {
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

Result<Descriptor> bind_tcp(const SocketAddress& address, PortSharing sharing) {
  Descriptor socket(
      ::socket(address.ip.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return bind_error(address, errno);
  const int on = 1;
  const int off = 0;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on,
               sizeof on);  // our own TIME_WAIT must not stop a restart
  if (sharing == PortSharing::among_ours)
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (!address.ip.is_v4()) ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  set_tcp_options(socket.get());
  const std::optional<KernelAddress> target = to_kernel(address);
  if (::bind(socket.get(), target->get(), target->bytes) != 0) return bind_error(address, errno);
  return socket;
}

Status listen_on(const Descriptor& socket, const SocketAddress& address) {
  if (::listen(socket.get(), kListenBacklog) != 0) return bind_error(address, errno);
  return ok();
}

Result<OpenedDoor> open_tcp(const SocketAddress& address, std::size_t loops) {
  OpenedDoor door;
  door.address = address;
  // Listening alone on the port, if only for a moment, proves that nobody else does.
  SALLYPORT_TRY(first, bind_tcp(address, PortSharing::exclusive));
  SALLYPORT_CHECK(listen_on(first, address));
  door.address.port = local_address(first.get()).port;
  if (loops <= 1) {
    door.sockets.push_back(std::move(first));
    return door;
  }
  first.reset();
  for (std::size_t i = 0; i < loops; ++i) {
    SALLYPORT_TRY(socket, bind_tcp(door.address, PortSharing::among_ours));
    SALLYPORT_CHECK(listen_on(socket, door.address));
    door.sockets.push_back(std::move(socket));
  }
  return door;
}

/// The directory stays open, and locked against another sallyport that starts at the same time.
Result<Descriptor> enter_private_directory(const std::string& directory) {
  Descriptor opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!opened)
    return fail(Code::not_found,
                concat("no directory ", directory, " for the socket (a symlink does not count)"));
  struct stat facts {};
  if (::fstat(opened.get(), &facts) != 0)
    return fail(Code::unavailable, concat("cannot look at ", directory));
  if (facts.st_uid != ::geteuid()) {
    return fail(Code::permission_denied,
                concat("the socket's directory ", directory, " belongs to another user"));
  }
  if ((facts.st_mode & 077) != 0) {
    return fail(Code::permission_denied,
                concat(directory, " is open to other users; run: chmod 700 ", directory));
  }
  if (::flock(opened.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail(Code::unavailable, concat("another program holds a lock on ", directory, "; try again"));
  }
  return opened;
}

enum class Served : std::uint8_t { no, yes };

Served probe(const KernelAddress& target) {
  const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  // Anything but a refusal leaves room for doubt, and then it is not ours to take.
  const bool refused =
      probe && ::connect(probe.get(), target.get(), target.bytes) != 0 && errno == ECONNREFUSED;
  return refused ? Served::no : Served::yes;
}

Status clear_stale_socket(const std::string& path, const KernelAddress& target) {
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) != 0) {
    if (errno == ENOENT) return ok();
    return fail(Code::unavailable, concat("cannot look at ", path));
  }
  if (!S_ISSOCK(facts.st_mode))
    return fail(Code::already_exists, concat(path, " exists and is no socket; remove it first"));
  if (facts.st_uid != ::geteuid())
    return fail(Code::permission_denied, concat(path, " is another user's socket"));
  if (probe(target) == Served::yes) {
    return fail(Code::already_exists,
                concat("another program serves ", path, "; stop it, or choose another path"));
  }
  if (::unlink(path.c_str()) != 0)
    return fail(Code::permission_denied, concat("cannot replace the stale socket ", path));
  return ok();
}

Result<OpenedDoor> open_unix(const SocketAddress& address, std::size_t loops) {
  const std::optional<KernelAddress> target = to_kernel(address);
  const std::size_t slash = address.path.rfind('/');
  if (!target.has_value() || slash == std::string::npos || slash + 1 == address.path.size()) {
    return fail(Code::invalid_argument,
                "a Unix socket needs a path of at most 107 bytes, with its directory");
  }
  SALLYPORT_TRY(lock, enter_private_directory(address.path.substr(0, slash == 0 ? 1 : slash)));
  SALLYPORT_CHECK(clear_stale_socket(address.path, *target));
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return bind_error(address, errno);
  // The file takes the socket's own mode: 0600 from its first moment, without umask(2), which all threads
  // share.
  if (::fchmod(socket.get(), S_IRUSR | S_IWUSR) != 0) return bind_error(address, errno);
  if (::bind(socket.get(), target->get(), target->bytes) != 0) return bind_error(address, errno);
  Descriptor bound(::open(address.path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat facts {};
  const bool seen = bound && ::fstat(bound.get(), &facts) == 0;
  OpenedDoor door;
  door.address = address;
  door.file = std::make_unique<SocketFile>(address.path, std::move(bound));
  if (!seen || !S_ISSOCK(facts.st_mode) || (facts.st_mode & 0777) != 0600 || facts.st_uid != ::geteuid()) {
    return fail(Code::permission_denied,
                concat(address.path, " did not become a private socket; is that a local file system?"));
  }
  SALLYPORT_CHECK(listen_on(socket, address));
  door.sockets.push_back(std::move(socket));
  for (std::size_t i = 1; i < loops; ++i) {
    door.sockets.emplace_back(::fcntl(door.sockets.front().get(), F_DUPFD_CLOEXEC, 0));
    if (!door.sockets.back()) return bind_error(address, errno);
  }
  return door;
}

}  // namespace

SocketFile::~SocketFile() {
  struct stat ours {};
  struct stat there {};
  const bool same = bound_ && ::fstat(bound_.get(), &ours) == 0 && ::lstat(path_.c_str(), &there) == 0 &&
                    ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
  if (same) ::unlink(path_.c_str());
}

Result<OpenedDoor> open_door(const SocketAddress& address, std::size_t loops) {
  return address.is_unix() ? open_unix(address, loops) : open_tcp(address, loops);
}

Result<OpenedDoor> inherit_door(int fd, std::size_t loops) {
  int listening = 0;
  int type = 0;
  socklen_t bytes = sizeof listening;
  const bool listens = ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &bytes) == 0 &&
                       listening == 1 && ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &bytes) == 0 &&
                       type == SOCK_STREAM;
  if (!listens) return fail(Code::invalid_argument, concat("descriptor ", fd, " is no listening socket"));
  OpenedDoor door;
  door.sockets.emplace_back(fd);
  door.address = local_address(fd);
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 || ::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
    return fail(Code::unavailable, concat("cannot prepare descriptor ", fd));
  }
  if (!door.address.is_unix()) set_tcp_options(fd);
  for (std::size_t i = 1; i < loops; ++i) {
    door.sockets.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!door.sockets.back())
      return fail(Code::exhausted, concat("no descriptor left to share descriptor ", fd));
  }
  return door;
}

}  // namespace sallyport
