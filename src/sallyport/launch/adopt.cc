// SPDX-License-Identifier: Apache-2.0
// Process::adopt: from a door in the file system to a tool that is ours again.
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "sallyport/base/text.h"
#include "sallyport/launch/internal/shepherd_wire.h"
#include "sallyport/launch/process.h"
#include "sallyport/launch/process_tree.h"

namespace sallyport {
namespace {

constexpr int kAdoptWaitMs = 5000;

struct Welcome {
  shepherd_wire::Greeting greeting{};
  Descriptor out;
  Descriptor err;
};

Result<Descriptor> knock(const std::string& door) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (door.size() >= sizeof address.sun_path) return fail(Code::not_found, "no socket has such a path");
  std::strcpy(address.sun_path, door.c_str());
  Descriptor control(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!control) return fail(Code::exhausted, concat("cannot make a socket: ", std::strerror(errno)));
  if (::connect(control.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    return control;
  if (errno == ENOENT || errno == ECONNREFUSED) return fail(Code::not_found, "no tool waits there");
  return fail(Code::unavailable, concat("cannot reach ", door, ": ", std::strerror(errno)));
}

/// receive takes the greeting and the two descriptors that belong to it, whole or not at all.
Result<Welcome> receive(const Descriptor& control) {
  pollfd wait{control.get(), POLLIN, 0};
  if (::poll(&wait, 1, kAdoptWaitMs) <= 0) return fail(Code::unavailable, "its shepherd does not answer");
  Welcome welcome;
  int descriptors[2] = {-1, -1};
  iovec part{&welcome.greeting, sizeof welcome.greeting};
  alignas(cmsghdr) char space[CMSG_SPACE(sizeof descriptors)] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = space;
  message.msg_controllen = sizeof space;
  const auto got = ::recvmsg(control.get(), &message, MSG_CMSG_CLOEXEC);
  if (got <= 0) return fail(Code::not_found, "it ended meanwhile");
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header != nullptr && header->cmsg_type == SCM_RIGHTS &&
      header->cmsg_len == CMSG_LEN(sizeof descriptors)) {
    std::memcpy(descriptors, CMSG_DATA(header), sizeof descriptors);
    welcome.out.reset(descriptors[0]);
    welcome.err.reset(descriptors[1]);
  }
  const bool whole = got == sizeof welcome.greeting && welcome.out && welcome.err;
  if (whole && welcome.greeting.version == shepherd_wire::kVersion) return welcome;
  return fail(Code::unavailable, "its shepherd is of another version");
}

}  // namespace

Result<Adopted> Process::adopt(const std::string& door) {
  SALLYPORT_TRY(control, knock(door));
  ucred peer{};
  socklen_t bytes = sizeof peer;
  if (::getsockopt(control.get(), SOL_SOCKET, SO_PEERCRED, &peer, &bytes) != 0 || peer.uid != ::geteuid())
    return fail(Code::permission_denied, concat(door, " is held by another user"));
  // The number alone may be another's by now: the descriptor is of one process, which then has to say when it
  // started.
  const Descriptor shepherd(static_cast<int>(::syscall(SYS_pidfd_open, peer.pid, 0)));
  auto welcome = receive(control);
  const bool is_it = welcome && welcome->greeting.shepherd_started == start_of(peer.pid);
  if (!shepherd || (welcome && !is_it)) return fail(Code::not_found, "it ended meanwhile");
  if (!welcome) {
    // Two tools of one session must not run: what cannot be adopted goes, and the tool with it.
    if (welcome.error().code == Code::unavailable)
      ::syscall(SYS_pidfd_send_signal, shepherd.get(), SIGKILL, nullptr, 0);
    return std::move(welcome).error();
  }
  Process process(peer.pid, std::move(control), std::move(welcome->out), std::move(welcome->err));
  return Adopted{std::move(process), welcome->greeting.tool, welcome->greeting.port};
}

}  // namespace sallyport
