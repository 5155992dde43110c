// SPDX-License-Identifier: Apache-2.0
#include "admin_client.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "sallyport/base/text.h"
#include "sallyport/env/posix/descriptor.h"

namespace sallyport {
namespace {

constexpr std::size_t kAnswerBytesMax = 8 << 20;
constexpr timeval kAnswerTimeout{30, 0};

Result<Descriptor> connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return fail(Code::invalid_argument, concat(path, " is too long for a socket"));
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) {
    return fail(Code::unavailable,
                concat("no gateway is running at ", path, "; start one with: sallyport run -- TOOL"));
  }
  if (info.st_uid != geteuid())
    return fail(Code::permission_denied, concat(path, " belongs to another user"));
  Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return fail(Code::internal, std::strerror(errno));
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &kAnswerTimeout, sizeof kAnswerTimeout);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail(Code::unavailable, concat("the gateway at ", path, " does not answer (", std::strerror(errno),
                                          "); it may have ended"));
  }
  return fd;
}

Result<std::string> exchange(int fd, std::string_view request) {
  while (!request.empty()) {
    const ssize_t put = ::send(fd, request.data(), request.size(), MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0)
      return fail(Code::unavailable, concat("the gateway closed the connection: ", std::strerror(errno)));
    request.remove_prefix(static_cast<std::size_t>(put));
  }
  std::string answer;
  char piece[16384];
  for (;;) {
    const ssize_t got = ::recv(fd, piece, sizeof piece, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(Code::unavailable, concat("no answer from the gateway: ", std::strerror(errno)));
    if (got == 0) return answer;
    answer.append(piece, static_cast<std::size_t>(got));
    if (answer.size() > kAnswerBytesMax) return fail(Code::exhausted, "the gateway's answer is too large");
  }
}

}  // namespace

Result<AdminAnswer> admin_call(const std::string& path, std::string_view method, std::string_view target,
                               std::string_view json_body) {
  SALLYPORT_TRY(fd, connect_to(path));
  std::string request = concat(method, ' ', target, " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
  if (!json_body.empty() || method != "GET") {
    request += concat("Content-Type: application/json\r\nContent-Length: ", json_body.size(), "\r\n");
  }
  request += concat("\r\n", json_body);
  SALLYPORT_TRY(raw, exchange(fd.get(), request));
  const auto head_end = raw.find("\r\n\r\n");
  if (head_end == std::string::npos || !raw.starts_with("HTTP/1.1 ") || raw.size() < 12) {
    return fail(Code::internal, "the gateway's answer is not HTTP");
  }
  const auto status = parse_decimal<unsigned>(std::string_view(raw).substr(9, 3));
  if (!status) return fail(Code::internal, "the gateway's answer has no status");
  return AdminAnswer{static_cast<int>(*status), raw.substr(head_end + 4)};
}

std::string find_admin_socket(const std::string& state_dir, std::string_view session) {
  if (!session.empty()) {
    std::string own = concat(state_dir, "/run/", session, ".sock");
    struct stat info {};
    if (::lstat(own.c_str(), &info) == 0) return own;
  }
  return concat(state_dir, "/admin.sock");
}

}  // namespace sallyport
