// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/http1_server.h"

#include <algorithm>
#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/http/date.h"
#include "sallyport/net/http1_connection.h"

namespace sallyport {
namespace {

constexpr std::size_t kIdPrefixBytes = 8;
constexpr std::size_t kWorkspacesKeptMax = 128;
constexpr std::string_view kHexDigits = "0123456789abcdef";

Http1Connection& connection_of(Link* link) noexcept { return *static_cast<Http1Connection*>(link); }

ServerLimits served(ServerLimits limits) noexcept {
  limits.head.head_bytes_max = std::min(limits.head.head_bytes_max, kServedHeadBytesMax);
  return limits;
}

}  // namespace

std::string_view name_of(CutReason reason) noexcept {
  constexpr std::string_view names[] = {"revoked",       "rotated",       "expired",    "logged_out",
                                        "session_ended", "shutting_down", "client_gone"};
  return names[static_cast<std::size_t>(reason)];
}

void RequestHandler::on_refused(const ConnectionFacts&, Refusal, ParseFault) noexcept {}

Http1Server::Http1Server(Loop& loop, RequestHandler& handler, const ServerLimits& limits, const Clock& clock,
                         Entropy& entropy)
    : Timer([](Timer& timer) noexcept { static_cast<Http1Server&>(timer).sweep(); }),
      loop_(loop),
      handler_(handler),
      limits_(served(limits)),
      clock_(clock),
      ended_(loop.scheduler()) {
  std::array<std::byte, kIdPrefixBytes / 2> random{};
  entropy.fill(random);
  const std::string prefix = to_hex(random);
  prefix.copy(id_prefix_.data(), kIdPrefixBytes);
  workspaces_.reserve(kWorkspacesKeptMax);
}

Http1Server::~Http1Server() = default;

void Http1Server::mint_id(RequestId& id) noexcept {
  id = id_prefix_;
  std::uint64_t count = ++id_count_;
  for (std::size_t i = kRequestIdBytes; i-- > kIdPrefixBytes; count >>= 4U) id[i] = kHexDigits[count & 15U];
}

std::string_view Http1Server::date_line() {
  if (loop_.now() < date_until_) return date_;
  const WallTime wall = clock_.now();
  const auto second = std::chrono::floor<std::chrono::seconds>(wall);
  date_until_ = loop_.now() + (second + std::chrono::seconds(1) - wall);
  const auto text = http_date(wall);
  date_ = concat("Date: ", std::string_view(text.data(), text.size()), "\r\n");
  return date_;
}

std::unique_ptr<Http1Workspace> Http1Server::take_workspace() {
  if (workspaces_.empty()) return std::make_unique<Http1Workspace>();
  auto space = std::move(workspaces_.back());
  workspaces_.pop_back();
  return space;
}

void Http1Server::give_workspace(std::unique_ptr<Http1Workspace> space) noexcept {
  if (workspaces_.size() >= kWorkspacesKeptMax) return;
  space->buffer.give_back();
  space->floor = space->begin = space->end = space->seen = 0;
  workspaces_.push_back(std::move(space));
}

void Http1Server::exchange_begins() noexcept {
  ++counters_.requests;
  ++counters_.active;
  if (sweeping_) return;
  sweeping_ = true;
  loop_.scheduler().wheel().set(*this, loop_.now() + kLiveSweepEvery);
}

void Http1Server::leave(Http1Connection&) noexcept {
  --counters_.open;
  if (counters_.open == 0) ended_.notify_all();
}

void Http1Server::sweep() noexcept {
  for (Link* at = connections_.next(); at != &connections_; at = at->next()) {
    Http1Connection& connection = connection_of(at);
    Exchange* exchange = connection.exchange();
    if (exchange == nullptr || exchange->cut_) continue;
    const LiveBinding* binding = exchange->binding_;
    if (binding != nullptr && binding->expires <= loop_.now()) {
      exchange->cut(CutReason::expired);
    } else if (exchange->minds_hang_up_ && exchange->body_.ended() && connection.stream().hung_up()) {
      exchange->cut(CutReason::client_gone);
    }
  }
  sweeping_ = counters_.active != 0;
  if (sweeping_) loop_.scheduler().wheel().set(*this, loop_.now() + kLiveSweepEvery);
}

std::size_t Http1Server::cut_if(const std::function<bool(const LiveBinding&)>& fits, CutReason reason) {
  std::size_t count = 0;
  for (Link* at = connections_.next(); at != &connections_; at = at->next()) {
    Exchange* exchange = connection_of(at).exchange();
    if (exchange == nullptr || exchange->cut_ || exchange->binding_ == nullptr || !fits(*exchange->binding_))
      continue;
    exchange->cut(reason);
    ++count;
  }
  return count;
}

Task<void> Http1Server::drain(MonotonicTime deadline) {
  draining_ = true;
  for (Link* at = connections_.next(); at != &connections_; at = at->next())
    connection_of(at).hang_up_if_idle();
  while (counters_.open != 0 && loop_.now() < deadline) {
    [[maybe_unused]] const WaitResult woken = co_await ended_.wait(deadline);
  }
  for (Link* at = connections_.next(); at != &connections_; at = at->next()) {
    Http1Connection& connection = connection_of(at);
    if (connection.exchange() != nullptr) connection.exchange()->cut(CutReason::shutting_down);
    connection.hang_up_if_idle();
  }
  while (counters_.open != 0) {
    [[maybe_unused]] const WaitResult woken = co_await ended_.wait();
  }
}

Task<void> Http1Server::serve(std::unique_ptr<Stream> stream) {
  if (draining_) co_return;
  if (counters_.open >= limits_.connections_max) {
    ++counters_.refused;
    handler_.on_refused(stream->facts(), Refusal::too_many_connections, ParseFault::none);
    co_return;
  }
  Http1Connection connection(*this, std::move(stream));
  connection.stream().set_deadline(after(loop_.now(), limits_.head_time_max));
  for (;;) {
    const WaitResult woken = co_await connection.stream().readable();
    if (woken != WaitResult::ready || draining_) break;
    const Http1Connection::Next next = co_await connection.work();
    if (next == Http1Connection::Next::close) break;
    connection.stream().set_deadline(after(loop_.now(), limits_.idle_time_max));
  }
}

}  // namespace sallyport
