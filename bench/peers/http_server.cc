// SPDX-License-Identifier: Apache-2.0
// A keep-alive HTTP/1.1 server for the benchmark's backend and auth service.
#include "http_server.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <memory>
#include <vector>

#include "sockets.h"

namespace sallyport {
namespace {

constexpr std::size_t kHeadBytesMax = 16384;
constexpr std::size_t kReadBytes = 65536;
constexpr int kEventsPerTurn = 256;
constexpr std::string_view kEndOfHead = "\r\n\r\n";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

enum class Step { again, wait, closed };

struct Connection {
  int fd = -1;
  bool client_hung_up = false;
  bool close_after_answer = false;
  bool drained = false;
  std::string in;
  std::uint64_t body_bytes_left = 0;
  std::string_view out;
  std::string_view answer_after_body;
  std::string scratch;
};

class Server {
 public:
  explicit Server(BenchHandler& handler) : handler_(handler), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    if (epoll_ < 0) die("epoll_create1");
  }

  void add_listener(int fd) {
    listeners_.push_back(fd);
    watch(fd, EPOLLIN);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, kEventsPerTurn> events{};
    while (true) {
      const int count = epoll_wait(epoll_, events.data(), kEventsPerTurn, -1);
      for (int i = 0; i < count; ++i) dispatch(events[static_cast<std::size_t>(i)]);
    }
  }

 private:
  void watch(int fd, std::uint32_t what) {
    epoll_event event{};
    event.events = what;
    event.data.fd = fd;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
  }

  void dispatch(const epoll_event& event) {
    const int fd = event.data.fd;
    if (std::find(listeners_.begin(), listeners_.end(), fd) != listeners_.end()) {
      accept_all(fd);
      return;
    }
    Connection& connection = *connections_[static_cast<std::size_t>(fd)];
    if ((event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) connection.client_hung_up = true;
    drive(connection);
  }

  void accept_all(int listener) {
    for (int fd = accept_from(listener); fd >= 0; fd = accept_from(listener)) {
      const auto slot = static_cast<std::size_t>(fd);
      if (slot >= connections_.size()) connections_.resize(slot + 1);
      connections_[slot] = std::make_unique<Connection>();
      connections_[slot]->fd = fd;
      watch(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
    }
  }

  void drive(Connection& connection) {
    Step step = Step::again;
    connection.drained = false;
    while (step == Step::again) {
      step = answer_what_is_here(connection);
      if (step == Step::again) step = read_more(connection);
    }
    if (step != Step::closed) return;
    close(connection.fd);
    connections_[static_cast<std::size_t>(connection.fd)].reset();
  }

  /// Answers every complete request in `in`; `again` means more bytes are needed.
  Step answer_what_is_here(Connection& connection) {
    while (true) {
      if (const Step sent = flush(connection); sent != Step::again) return sent;
      drop_body(connection);
      if (connection.body_bytes_left > 0) return Step::again;
      if (!connection.answer_after_body.empty()) {
        connection.out = connection.answer_after_body;
        connection.answer_after_body = {};
        continue;
      }
      const std::size_t end = connection.in.find(kEndOfHead);
      if (end == std::string::npos) {
        return connection.in.size() > kHeadBytesMax ? Step::closed : Step::again;
      }
      const std::size_t head_bytes = end + kEndOfHead.size();
      take_head(connection, std::string_view(connection.in).substr(0, head_bytes));
      connection.in.erase(0, head_bytes);
    }
  }

  void take_head(Connection& connection, std::string_view head) {
    BenchRequest request{.head = head, .method = {}, .path = {}};
    const std::size_t space = head.find(' ');
    const std::size_t second = space == std::string_view::npos ? space : head.find(' ', space + 1);
    if (second == std::string_view::npos) {
      connection.close_after_answer = true;
      connection.answer_after_body = bad_request_;
      return;
    }
    request.method = head.substr(0, space);
    request.path = head.substr(space + 1, second - space - 1);
    connection.close_after_answer = equal_ignoring_case(find_header(head, "connection"), "close");
    if (!find_header(head, "transfer-encoding").empty()) {
      connection.close_after_answer = true;
      connection.answer_after_body = length_required_;
      return;
    }
    const std::string_view length = find_header(head, "content-length");
    std::from_chars(length.data(), length.data() + length.size(), connection.body_bytes_left);
    connection.answer_after_body = handler_.answer(request, connection.scratch);
  }

  static void drop_body(Connection& connection) {
    const auto here = std::min<std::uint64_t>(connection.body_bytes_left, connection.in.size());
    connection.in.erase(0, static_cast<std::size_t>(here));
    connection.body_bytes_left -= here;
  }

  static Step flush(Connection& connection) {
    const bool had_answer = !connection.out.empty();
    while (!connection.out.empty()) {
      const ssize_t sent = send(connection.fd, connection.out.data(), connection.out.size(), MSG_NOSIGNAL);
      if (sent < 0) return errno == EAGAIN ? Step::wait : Step::closed;
      connection.out.remove_prefix(static_cast<std::size_t>(sent));
    }
    return had_answer && connection.close_after_answer ? Step::closed : Step::again;
  }

  /// A short read says the socket is drained; only a hang-up makes another read worth its price.
  Step read_more(Connection& connection) {
    if (connection.drained && !connection.client_hung_up) return Step::wait;
    const ssize_t got = recv(connection.fd, buffer_.data(), buffer_.size(), 0);
    if (got == 0) return Step::closed;
    if (got < 0) return errno == EAGAIN ? Step::wait : Step::closed;
    const auto bytes = static_cast<std::size_t>(got);
    connection.drained = bytes < buffer_.size();
    connection.in.append(buffer_.data(), bytes);
    return Step::again;
  }

  BenchHandler& handler_;
  int epoll_;
  std::vector<int> listeners_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::array<char, kReadBytes> buffer_{};
  std::string bad_request_ = make_response("400 Bad Request", 0);
  std::string length_required_ = make_response("411 Length Required", 0);
};

}  // namespace

std::string_view find_header(std::string_view head, std::string_view name) {
  std::size_t at = head.find("\r\n");
  while (at != std::string_view::npos && at + 2 < head.size()) {
    const std::size_t start = at + 2;
    at = head.find("\r\n", start);
    const std::string_view line = head.substr(start, at - start);
    if (line.size() <= name.size() || line[name.size()] != ':') continue;
    if (!equal_ignoring_case(line.substr(0, name.size()), name)) continue;
    const std::size_t value = line.find_first_not_of(" \t", name.size() + 1);
    return value == std::string_view::npos ? std::string_view{} : line.substr(value);
  }
  return {};
}

std::string make_response(std::string_view status, std::size_t size) {
  std::string response = "HTTP/1.1 " + std::string(status) + "\r\nContent-Type: text/plain\r\n";
  response += "Content-Length: " + std::to_string(size) + "\r\n\r\n";
  response.append(size, 'x');
  return response;
}

void serve_http(std::span<const int> listeners, BenchHandler& handler) {
  Server server(handler);
  for (const int listener : listeners) server.add_listener(listener);
  server.run();
}

}  // namespace sallyport
