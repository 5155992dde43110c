// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/dialer.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

#include "sallyport/base/text.h"
#include "sallyport/net/internal/addresses.h"
#include "sallyport/net/internal/socket_base.h"

namespace sallyport {
namespace {

Error dial_error(const SocketAddress& address, int error) {
  switch (error) {
    case ETIMEDOUT:
      return fail(Code::deadline_exceeded, concat("connecting to ", address.str(), " took too long"));
    case EACCES:
    case EPERM:
      return fail(Code::permission_denied, concat("not allowed to connect to ", address.str()));
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      return fail(Code::exhausted, concat("no descriptor or memory left to connect to ", address.str()));
    case ENOENT:
      return fail(Code::unavailable, concat("there is no socket at ", address.str()));
    default:
      return fail(Code::unavailable, concat("cannot connect to ", address.str(), ": ",
                                            error == ECONNREFUSED ? "connection refused" : "unreachable"));
  }
}

Descriptor new_socket(const SocketAddress& address) {
  const int family = address.is_unix() ? AF_UNIX : address.ip.is_v4() ? AF_INET : AF_INET6;
  Descriptor socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  if (socket && !address.is_unix()) ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return socket;
}

int pending_error(int socket) noexcept {
  int error = 0;
  socklen_t bytes = sizeof error;
  return ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &bytes) == 0 ? error : errno;
}

}  // namespace

Task<Result<std::unique_ptr<Stream>>> SocketDialer::dial(const SocketAddress& address,
                                                         MonotonicTime deadline) {
  const std::optional<KernelAddress> target = to_kernel(address);
  if (!target.has_value()) co_return fail(Code::invalid_argument, "a Unix socket's path has 1 to 107 bytes");
  Descriptor socket = new_socket(address);
  if (!socket) co_return dial_error(address, errno);
  int error = ::connect(socket.get(), target->get(), target->bytes) == 0 ? 0 : errno;
  while (address.is_unix() && error == EAGAIN) {  // its backlog is full, and nothing tells us when it is not
    if (loop_.now() >= deadline) co_return dial_error(address, ETIMEDOUT);
    co_await loop_.sleep_until(loop_.now() + kDeadlineTick);
    error = ::connect(socket.get(), target->get(), target->bytes) == 0 ? 0 : errno;
  }
  if (error != 0 && error != EINPROGRESS) co_return dial_error(address, error);

  const int fd = socket.get();
  ConnectionFacts facts;
  facts.peer = address;
  auto made = socket_stream(loop_, std::move(socket), std::move(facts));
  if (!made) co_return std::move(made).error();
  std::unique_ptr<Stream> stream = *std::move(made);
  if (error == EINPROGRESS) {
    stream->set_deadline(deadline);
    const WaitResult wait = co_await stream->writable();
    if (wait == WaitResult::deadline) co_return dial_error(address, ETIMEDOUT);
    if (wait == WaitResult::cancelled) co_return fail(Code::cancelled, "the loop closes");
    stream->set_deadline(kNever);
    error = pending_error(fd);
    if (error != 0) co_return dial_error(address, error);
  }
  if (!address.is_unix() && local_address(fd) == address) co_return dial_error(address, ECONNREFUSED);
  co_return stream;
}

}  // namespace sallyport
