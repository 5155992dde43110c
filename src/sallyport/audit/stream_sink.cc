// SPDX-License-Identifier: Apache-2.0
#include "sallyport/audit/stream_sink.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "sallyport/audit/event.h"
#include "sallyport/audit/file_sink.h"
#include "sallyport/base/text.h"

namespace sallyport {
namespace {

constexpr std::string_view kSyslogSocket = "/dev/log";
constexpr std::string_view kJournalSocket = "/run/systemd/journal/socket";
constexpr int kSendWaitMs = 1000;
constexpr int kPriority = 10 * 8 + 5;  // RFC 5424 section 6.2.1: facility authpriv, severity notice

struct Place {
  bool socket = false;
  LogProtocol protocol = LogProtocol::syslog;
  std::string path;
};

Place place_of(std::string_view where) {
  const auto colon = where.find(':');
  const auto word = where.substr(0, colon);
  const auto path = colon == std::string_view::npos ? std::string_view() : where.substr(colon + 1);
  if (word == "syslog") return {true, LogProtocol::syslog, std::string(path.empty() ? kSyslogSocket : path)};
  if (word == "journald")
    return {true, LogProtocol::journald, std::string(path.empty() ? kJournalSocket : path)};
  return {};
}

}  // namespace

void write_syslog(std::string& out, std::string_view line, WallTime now, int pid) {
  out += concat('<', kPriority, ">1 ");
  append_utc(out, now);
  // The host is for the daemon to know; RFC 5424 section 6.2.4 allows "-".
  out += concat(" - sallyport ", pid, " audit - ", line);
}

void write_journal(std::string& out, std::string_view line, int pid) {
  out += concat("MESSAGE=", line,
                "\nPRIORITY=5\nSYSLOG_FACILITY=10\nSYSLOG_IDENTIFIER=sallyport\nSYSLOG_PID=", pid,
                "\nSALLYPORT_LOG=audit\n");
}

SocketSink::SocketSink(std::string path, LogProtocol protocol, AuditSinkOptions options)
    : path_(std::move(path)), protocol_(protocol), clock_(options.clock), chain_(options.key) {}

Result<std::unique_ptr<AuditSink>> SocketSink::open(std::string socket_path, LogProtocol protocol,
                                                    AuditSinkOptions options) {
  auto sink = std::unique_ptr<SocketSink>(new SocketSink(std::move(socket_path), protocol, options));
  SALLYPORT_CHECK(sink->connect());
  return std::unique_ptr<AuditSink>(std::move(sink));
}

Status SocketSink::connect() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path)
    return fail(Code::invalid_argument, concat("the name of the socket ", path_, " is too long"));
  path_.copy(address.sun_path, path_.size());
  Descriptor made(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!made || ::connect(made.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail(Code::unavailable,
                concat("cannot reach the system's log at ", path_, ": ", std::strerror(errno),
                       "; is its daemon running? Else log to a file: --audit FILE"));
  }
  socket_ = std::move(made);
  return ok();
}

Status SocketSink::send(std::string_view line) {
  datagram_.clear();
  const int pid = ::getpid();
  if (protocol_ == LogProtocol::syslog) {
    write_syslog(datagram_, line, clock_.now(), pid);
  } else {
    write_journal(datagram_, line, pid);
  }
  for (;;) {
    if (::send(socket_.get(), datagram_.data(), datagram_.size(), MSG_NOSIGNAL) >= 0) return ok();
    const int error = errno;
    if (error == EINTR) continue;
    pollfd room{socket_.get(), POLLOUT, 0};
    if ((error == EAGAIN || error == ENOBUFS) && ::poll(&room, 1, kSendWaitMs) > 0) continue;
    return fail(Code::unavailable,
                concat("cannot write to the system's log at ", path_, ": ", std::strerror(error)));
  }
}

Status SocketSink::append(std::string_view lines, std::size_t& taken) {
  while (!lines.empty()) {
    const auto end = std::min(lines.find('\n'), lines.size() - 1) + 1;
    const ChainPoint before = chain_.at();
    line_.clear();
    chain_.append(line_, lines.substr(0, end), before.seq == 0 ? NamesPrevious::yes : NamesPrevious::no);
    line_.pop_back();
    auto sent = send(line_);
    if (!sent) {
      const auto again = connect();  // the daemon may have been restarted
      if (again) sent = send(line_);
    }
    if (!sent) {
      chain_.move_to(before);
      return sent;
    }
    taken += end;
    lines.remove_prefix(end);
  }
  return ok();
}

Status SocketSink::reopen() { return connect(); }

bool is_log_file(std::string_view where) noexcept {
  return where != "-" && where != "syslog" && where != "journald" && !where.starts_with("syslog:") &&
         !where.starts_with("journald:");
}

Result<std::unique_ptr<AuditSink>> open_audit_sink(const std::string& where, AuditSinkOptions options) {
  Place place = place_of(where);
  if (place.socket) return SocketSink::open(std::move(place.path), place.protocol, options);
  return FileSink::open(where, options);
}

}  // namespace sallyport
