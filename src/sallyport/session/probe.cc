// SPDX-License-Identifier: Apache-2.0
#include "sallyport/session/probe.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

struct RawAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

template <class T>
void put(RawAddress& raw, const T& name) {
  std::memcpy(&raw.storage, &name, sizeof name);
  raw.size = sizeof name;
}

RawAddress raw_of(const SocketAddress& address) {
  RawAddress raw;
  if (address.is_unix()) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    address.path.copy(name.sun_path, sizeof name.sun_path - 1);
    put(raw, name);
  } else if (address.ip.is_v4()) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(address.port);
    std::memcpy(&name.sin_addr, address.ip.bytes().data(), sizeof name.sin_addr);
    put(raw, name);
  } else {
    sockaddr_in6 name{};
    name.sin6_family = AF_INET6;
    name.sin6_port = htons(address.port);
    std::memcpy(&name.sin6_addr, address.ip.bytes().data(), sizeof name.sin6_addr);
    put(raw, name);
  }
  return raw;
}

SecretText request_text(const SocketAddress& to, std::string_view path, std::string_view header_lines) {
  const auto head =
      concat("GET ", path, " HTTP/1.1\r\nHost: ", to.is_unix() ? "localhost" : to.str(), "\r\n");
  constexpr std::string_view kTail =
      "Accept: */*\r\nUser-Agent: sallyport-ready\r\nConnection: close\r\n\r\n";
  return SecretText::filled_by(head.size() + header_lines.size() + kTail.size(), [&](std::span<char> out) {
    auto* end = std::copy(head.begin(), head.end(), out.data());
    end = std::copy(header_lines.begin(), header_lines.end(), end);
    std::copy(kTail.begin(), kTail.end(), end);
  });
}

/// is_our_user: the Unix socket's listener runs under our uid. The directory is private, so this is a second
/// lock.
bool is_our_user(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == ::geteuid();
}

}  // namespace

std::optional<int> parse_status_line(std::string_view bytes) {
  constexpr std::string_view kStart = "HTTP/1.";
  constexpr std::size_t kStatusAt = kStart.size() + 2;
  if (!bytes.starts_with(kStart.substr(0, bytes.size()))) return 0;
  const auto end = bytes.find('\n');
  if (end == std::string_view::npos)
    return bytes.size() >= kProbeAnswerBytesMax ? std::optional(0) : std::nullopt;
  const auto line = bytes.substr(0, end);
  if (line.size() < kStatusAt + 3 || line[kStatusAt - 1] != ' ') return 0;
  const auto status = parse_decimal<unsigned>(line.substr(kStatusAt, 3)).value_or(0);
  return status >= 100 && status <= 599 ? static_cast<int>(status) : 0;
}

Probe::Probe(const SocketAddress& to, std::string_view path, std::string_view header_lines, MonotonicTime now)
    : request_(request_text(to, path, header_lines)),
      deadline_(after(now, kProbeTimeout)),
      family_(to.family) {
  const auto raw = raw_of(to);
  socket_.reset(::socket(raw.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket_ || ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&raw.storage), raw.size) != 0)
    connect_error_ = errno;
}

short Probe::poll_events() const noexcept { return phase_ == Phase::receiving ? POLLIN : POLLOUT; }

Probe::Outcome Probe::failed(std::string why) {
  socket_.reset();
  return {Outcome::Kind::failed, 0, std::move(why)};
}

Probe::Outcome Probe::step(MonotonicTime now) {
  Outcome outcome;
  if (phase_ == Phase::connecting) outcome = connected();
  if (outcome.kind == Outcome::Kind::pending && phase_ == Phase::sending) outcome = send();
  if (outcome.kind == Outcome::Kind::pending && phase_ == Phase::receiving) outcome = receive();
  if (outcome.kind == Outcome::Kind::pending && now >= deadline_) return failed("no answer");
  return outcome;
}

Probe::Outcome Probe::connected() {
  if (connect_error_ != 0 && connect_error_ != EINPROGRESS) return failed(std::strerror(connect_error_));
  pollfd wait{socket_.get(), POLLOUT, 0};
  if (::poll(&wait, 1, 0) == 0) return {};
  int fault = 0;
  socklen_t size = sizeof fault;
  ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &fault, &size);
  if (fault != 0) return failed(std::strerror(fault));
  if (family_ == SocketAddress::Family::unix_socket && !is_our_user(socket_.get()))
    return failed("another user listens there");
  phase_ = Phase::sending;
  return {};
}

Probe::Outcome Probe::send() {
  while (sent_ < request_.size()) {
    const auto rest = request_.expose().substr(sent_);
    const auto got = ::send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (got < 0 && errno == EAGAIN) return {};
    if (got < 0) return failed(std::strerror(errno));
    sent_ += static_cast<std::size_t>(got);
  }
  phase_ = Phase::receiving;
  return {};
}

Probe::Outcome Probe::receive() {
  for (;;) {
    char buffer[kProbeAnswerBytesMax];
    const auto got = ::recv(socket_.get(), buffer, sizeof buffer - answer_.size(), 0);
    if (got < 0 && errno == EAGAIN) return {};
    if (got < 0) return failed(std::strerror(errno));
    if (got == 0) return failed("it closed the connection without an answer");
    answer_.append(buffer, static_cast<std::size_t>(got));
    const auto status = parse_status_line(answer_);
    if (!status) continue;
    if (*status == 0) return failed(concat("it does not answer in HTTP: ", escaped(answer_, 40)));
    socket_.reset();
    return {Outcome::Kind::answered, *status, {}};
  }
}

}  // namespace sallyport
