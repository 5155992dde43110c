// SPDX-License-Identifier: Apache-2.0
#include "admin_client.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>

#include "commands.h"
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
    return fail(Code::unavailable, concat("no gateway is running at ", path,
                                          "; start one with: sallyport run -- TOOL, or sallyport serve"));
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

Status send_all(int fd, std::string_view request) {
  while (!request.empty()) {
    const ssize_t put = ::send(fd, request.data(), request.size(), MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0)
      return fail(Code::unavailable, concat("the gateway closed the connection: ", std::strerror(errno)));
    request.remove_prefix(static_cast<std::size_t>(put));
  }
  return ok();
}

/// status_in reads the status of an answer's head.
std::optional<int> status_in(std::string_view head) {
  if (!head.starts_with("HTTP/1.") || head.size() < 12) return std::nullopt;
  const auto status = parse_decimal<unsigned>(head.substr(9, 3));
  return status ? std::optional<int>(static_cast<int>(*status)) : std::nullopt;
}

/// judge turns a refusal into an Error with the sentence of its RFC 9457 document.
Status judge(const AdminAnswer& answer) {
  if (answer.status < 300) return ok();
  const auto parsed = nlohmann::json::parse(answer.body, nullptr, false);
  const bool told = parsed.is_object() && parsed.contains("detail") && parsed["detail"].is_string();
  const std::string what = told ? parsed["detail"].get<std::string>() : "the gateway refused";
  if (answer.status == 401 || answer.status == 403) return fail(Code::permission_denied, what);
  if (answer.status == 400 || answer.status == 413 || answer.status == 415)
    return fail(Code::invalid_argument, what);
  return fail(answer.status == 404 ? Code::not_found : Code::unavailable, what);
}

Result<std::string> exchange(int fd, std::string_view request) {
  SALLYPORT_CHECK(send_all(fd, request));
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
  const auto status = status_in(raw);
  if (!status) return fail(Code::internal, "the gateway's answer has no status");
  return AdminAnswer{*status, raw.substr(head_end + 4)};
}

Result<std::string> admin_ask(const std::string& state_dir, const Environment& environment,
                              std::string_view session, const AdminRequest& request) {
  std::string directory = state_dir;
  if (directory.empty()) {
    SALLYPORT_TRY(found, state_directory(environment));
    directory = std::move(found);
  }
  SALLYPORT_TRY(answer, admin_call(find_admin_socket(directory, session), request.method, request.target,
                                   request.body));
  SALLYPORT_CHECK(judge(answer));
  return std::move(answer.body);
}

Status admin_follow(const std::string& path, std::string_view target,
                    const std::function<void(std::string_view)>& sink) {
  SALLYPORT_TRY(fd, connect_to(path));
  const timeval patient{};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patient, sizeof patient);
  // Without chunks: the answer ends with the connection (RFC 9112 section 6.3).
  SALLYPORT_CHECK(send_all(fd.get(), concat("GET ", target, " HTTP/1.0\r\nHost: localhost\r\n\r\n")));
  std::string head;
  char piece[16384];
  bool in_body = false;
  for (;;) {
    const ssize_t got = ::recv(fd.get(), piece, sizeof piece, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    const std::string_view text(piece, static_cast<std::size_t>(got));
    if (in_body) {
      sink(text);
      continue;
    }
    head += text;
    const auto end = head.find("\r\n\r\n");
    if (end == std::string::npos) continue;
    SALLYPORT_CHECK(judge(AdminAnswer{status_in(head).value_or(500), head.substr(end + 4)}));
    in_body = true;
    sink(std::string_view(head).substr(end + 4));
  }
  return in_body ? ok() : Status(fail(Code::unavailable, "no answer from the gateway"));
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
