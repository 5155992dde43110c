// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/testing/memory_network.h"

#include <algorithm>
#include <array>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

class MemoryStream;
constexpr std::uint32_t kPeerEnded = 0x2000;  // EPOLLRDHUP

enum class Way : std::uint8_t { open, ended, broken };

/// Lane is one direction.
struct Lane {
  std::string bytes;
  Way way = Way::open;
};

/// Wire is what the two ends share; end i writes to lane i.
struct Wire {
  explicit Wire(const MemoryRules& shape) : rules(shape) {}
  MemoryRules rules;
  std::array<Lane, 2> lanes;
  std::array<MemoryStream*, 2> ends{};
};

class MemoryStream final : public Stream {
 public:
  MemoryStream(Loop& loop, ConnectionFacts facts, std::shared_ptr<Wire> wire, std::size_t end)
      : Stream(loop.scheduler(), std::move(facts)), wire_(std::move(wire)), end_(end) {
    wire_->ends[end_] = this;
    waits_.note(kEventOut);
  }
  ~MemoryStream() override { close(); }

  IoResult try_read(std::span<char> into) override {
    if (!wire_ || in().way == Way::broken) return {IoState::failed, 0};
    std::string& bytes = in().bytes;
    if (bytes.empty()) {
      if (in().way == Way::ended) return {IoState::closed, 0};
      waits_.blocked(WaitPair::Side::read, kReadEvents);
      return {IoState::would_block, 0};
    }
    const bool was_full = bytes.size() >= wire_->rules.capacity_bytes;
    const std::size_t count = std::min({into.size(), bytes.size(), wire_->rules.read_bytes_max});
    std::copy_n(bytes.begin(), count, into.begin());
    bytes.erase(0, count);
    if (bytes.empty()) waits_.short_read();
    if (was_full) tell_peer(kEventOut);
    return {IoState::done, count};
  }

  IoResult try_write(std::string_view piece, More) override {
    if (!wire_ || out().way != Way::open) return {IoState::failed, 0};
    std::string& bytes = out().bytes;
    const std::size_t room =
        wire_->rules.capacity_bytes - std::min(bytes.size(), wire_->rules.capacity_bytes);
    const std::size_t count = std::min({piece.size(), room, wire_->rules.write_bytes_max});
    bytes.append(piece.substr(0, count));
    if (count != 0) tell_peer(kEventIn);
    if (count == room && count < piece.size()) waits_.blocked(WaitPair::Side::write, kWriteEvents);
    if (count == 0 && !piece.empty()) return {IoState::would_block, 0};
    return {IoState::done, count};
  }

  IoResult try_write_pieces(std::span<const std::string_view> pieces, More more) override {
    std::string whole;
    for (const std::string_view piece : pieces.first(std::min(pieces.size(), kPiecesMax)))
      whole.append(piece);
    return try_write(whole, more);
  }

  IoState shutdown_write() override {
    if (!wire_) return IoState::failed;
    if (out().way == Way::open) out().way = Way::ended;
    tell_peer(kEventIn | kPeerEnded);
    return IoState::done;
  }
  void close() override {
    if (!wire_) return;
    if (out().way == Way::open) out().way = Way::ended;
    leave();
  }
  void reset() override {
    if (!wire_) return;
    out().way = Way::broken;
    leave();
  }

 private:
  Lane& out() noexcept { return wire_->lanes[end_]; }
  Lane& in() noexcept { return wire_->lanes[1 - end_]; }
  void tell_peer(std::uint32_t events) noexcept {
    MemoryStream* const peer = wire_->ends[1 - end_];
    if (peer != nullptr) peer->waits_.note(events);
  }
  void leave() noexcept {
    in().way = Way::broken;
    tell_peer(kEventIn | kEventOut | kEventHangup);
    wire_->ends[end_] = nullptr;
    wire_.reset();
    waits_.cancel();
  }

  std::shared_ptr<Wire> wire_;
  std::size_t end_;
};

}  // namespace

StreamPair memory_pair(Loop& loop, const ConnectionFacts& server_facts, const MemoryRules& rules) {
  auto wire = std::make_shared<Wire>(rules);
  ConnectionFacts client_facts = server_facts;
  std::swap(client_facts.peer, client_facts.local);
  client_facts.process.reset();
  StreamPair pair;
  pair.client = std::make_unique<MemoryStream>(loop, std::move(client_facts), wire, 0);
  pair.server = std::make_unique<MemoryStream>(loop, server_facts, wire, 1);
  return pair;
}

void MemoryNetwork::listen(const SocketAddress& address, OnConnection on_connection) {
  listeners_[address.str()] = std::move(on_connection);
}

void MemoryNetwork::unlisten(const SocketAddress& address) { listeners_.erase(address.str()); }

void MemoryNetwork::black_hole(const SocketAddress& address) { black_holes_.insert(address.str()); }

std::unique_ptr<Stream> MemoryNetwork::connect(const ConnectionFacts& facts) {
  const auto found = listeners_.find(facts.local.str());
  if (found == listeners_.end()) return nullptr;
  StreamPair pair = memory_pair(loop_, facts, rules);
  const OnConnection on_connection = found->second;  // it may replace itself
  on_connection(std::move(pair.server));
  return std::move(pair.client);
}

Task<Result<std::unique_ptr<Stream>>> MemoryNetwork::dial(const SocketAddress& address,
                                                          MonotonicTime deadline) {
  ++dials;
  co_await loop_.yield();
  if (black_holes_.contains(address.str())) {
    co_await loop_.sleep_until(deadline);
    co_return fail(Code::deadline_exceeded, concat("connecting to ", address.str(), " took too long"));
  }
  ConnectionFacts facts;
  facts.peer = SocketAddress::tcp(IpAddress::v4({127, 0, 0, 1}), 50000);
  facts.local = address;
  std::unique_ptr<Stream> stream = connect(facts);
  if (stream == nullptr)
    co_return fail(Code::unavailable, concat("cannot connect to ", address.str(), ": connection refused"));
  co_return stream;
}

}  // namespace sallyport
