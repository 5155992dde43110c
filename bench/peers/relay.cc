// SPDX-License-Identifier: Apache-2.0
// A bare TCP relay: what the kernel charges for two reads and two writes, and so the floor for any
// proxy on sockets. Edge-triggered epoll, one thread, one upstream connection per client.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "sockets.h"

namespace sallyport {
namespace {

constexpr std::size_t kReadBytes = 65536;
constexpr int kEventsPerTurn = 256;

struct Pair;

/// Leg is one side of a relayed connection, with what could not yet be written to it.
struct Leg {
  Pair* pair = nullptr;
  Leg* other = nullptr;
  int fd = -1;
  bool hung_up = false;
  bool ended = false;
  std::string unsent;
};

struct Pair {
  Leg client;
  Leg upstream;
  bool dead = false;
};

class Relay {
 public:
  Relay(int listener, Address upstream)
      : listener_(listener), upstream_(std::move(upstream)), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    if (epoll_ < 0) die("epoll_create1");
    watch(listener_, EPOLLIN, nullptr);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, kEventsPerTurn> events{};
    while (true) {
      const int count = epoll_wait(epoll_, events.data(), kEventsPerTurn, -1);
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        if (event.data.ptr == nullptr) {
          accept_all();
        } else {
          on_ready(*static_cast<Leg*>(event.data.ptr), event.events);
        }
      }
      // Not earlier: a later event of the same batch may name the other leg of a dead pair.
      for (Pair* pair : dead_) pairs_.erase(pair);
      dead_.clear();
    }
  }

 private:
  void watch(int fd, std::uint32_t what, Leg* leg) {
    epoll_event event{};
    event.events = what;
    event.data.ptr = leg;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
  }

  void accept_all() {
    for (int fd = accept_from(listener_); fd >= 0; fd = accept_from(listener_)) {
      const int upstream = connect_to(upstream_);
      if (upstream < 0) {
        close(fd);
        continue;
      }
      auto pair = std::make_unique<Pair>();
      Pair* raw = pair.get();
      raw->client = Leg{.pair = raw, .other = &raw->upstream, .fd = fd, .unsent = {}};
      raw->upstream = Leg{.pair = raw, .other = &raw->client, .fd = upstream, .unsent = {}};
      pairs_.emplace(raw, std::move(pair));
      watch(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, &raw->client);
      watch(upstream, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, &raw->upstream);
    }
  }

  void on_ready(Leg& leg, std::uint32_t events) {
    if (leg.pair->dead) return;
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) leg.hung_up = true;
    if ((events & EPOLLOUT) != 0 && !leg.unsent.empty()) {
      flush(leg);
      if (!leg.pair->dead && leg.unsent.empty()) pump(*leg.other);
    }
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) pump(leg);
  }

  /// Moves bytes from one leg to the other until the source is drained or the target is full.
  void pump(Leg& from) {
    Leg& to = *from.other;
    while (!from.pair->dead && !from.ended && to.unsent.empty()) {
      const ssize_t got = recv(from.fd, buffer_.data(), buffer_.size(), 0);
      if (got < 0) {
        if (errno != EAGAIN) kill(*from.pair);
        return;
      }
      if (got == 0) {
        end(from);
        return;
      }
      const auto bytes = static_cast<std::size_t>(got);
      const ssize_t sent = send(to.fd, buffer_.data(), bytes, MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN) {
        kill(*from.pair);
        return;
      }
      const std::size_t done = sent > 0 ? static_cast<std::size_t>(sent) : 0;
      to.unsent.assign(buffer_.data() + done, bytes - done);
      if (bytes < buffer_.size() && !from.hung_up) return;
    }
  }

  void flush(Leg& leg) {
    const ssize_t sent = send(leg.fd, leg.unsent.data(), leg.unsent.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) kill(*leg.pair);
    if (sent > 0) leg.unsent.erase(0, static_cast<std::size_t>(sent));
    if (leg.unsent.empty() && leg.other->ended) shutdown(leg.fd, SHUT_WR);
  }

  void end(Leg& from) {
    from.ended = true;
    if (from.other->unsent.empty()) shutdown(from.other->fd, SHUT_WR);
    if (from.other->ended) kill(*from.pair);
  }

  void kill(Pair& pair) {
    if (pair.dead) return;
    pair.dead = true;
    close(pair.client.fd);
    close(pair.upstream.fd);
    dead_.push_back(&pair);
  }

  int listener_;
  Address upstream_;
  int epoll_;
  std::unordered_map<Pair*, std::unique_ptr<Pair>> pairs_;
  std::vector<Pair*> dead_;
  std::array<char, kReadBytes> buffer_{};
};

}  // namespace
}  // namespace sallyport

int main(int argc, char** argv) {
  const sallyport::Options options(argc, argv, "--listen --port --unix");
  sallyport::prepare_process();
  const auto listen = options.port("--listen");
  const sallyport::Address upstream{.port = options.port("--port").value_or(0),
                                    .unix_path = options.text("--unix").value_or("")};
  if (!listen || (upstream.port == 0 && upstream.unix_path.empty())) {
    std::fputs("peers_relay: needs --listen N, and --port N or --unix PATH of the backend\n", stderr);
    return 2;
  }
  sallyport::Relay relay(sallyport::listen_tcp(*listen), upstream);
  relay.run();
}
