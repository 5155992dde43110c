// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/stream.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <utility>

#include "sallyport/net/internal/peer_lookup.h"
#include "sallyport/net/internal/socket_base.h"

namespace sallyport {
namespace {

int send_flags(More more) noexcept { return MSG_NOSIGNAL | (more == More::yes ? MSG_MORE : 0); }

/// PlainStream reads and writes the socket itself: the hot path.
class PlainStream final : public SocketBase {
 public:
  PlainStream(Loop& loop, Descriptor socket, ConnectionFacts facts)
      : SocketBase(loop, std::move(socket), std::move(facts)) {
    splice_descriptor_ = fd();
  }

  IoResult try_read(std::span<char> into) override {
    const ssize_t got = ::recv(fd(), into.data(), into.size(), 0);
    if (got > 0) [[likely]] {
      const auto bytes = static_cast<std::size_t>(got);
      if (bytes < into.size()) waits_.short_read();
      return {IoState::done, bytes};
    }
    if (got == 0) return {IoState::closed, 0};
    return {no_progress(WaitPair::Side::read, kReadEvents), 0};
  }

  IoResult try_write(std::string_view piece, More more) override {
    return written(::send(fd(), piece.data(), piece.size(), send_flags(more)), piece.size());
  }

  IoResult try_write_pieces(std::span<const std::string_view> pieces, More more) override {
    std::array<iovec, kPiecesMax> vectors;
    const std::size_t count = std::min(pieces.size(), kPiecesMax);
    std::size_t total = 0;
    for (std::size_t i = 0; i < count; ++i) {
      vectors[i] = {const_cast<char*>(pieces[i].data()), pieces[i].size()};
      total += pieces[i].size();
    }
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    return written(::sendmsg(fd(), &message, send_flags(more)), total);
  }

  IoState shutdown_write() override {
    return ::shutdown(fd(), SHUT_WR) == 0 ? IoState::done : IoState::failed;
  }
  void close() override {
    splice_descriptor_ = -1;
    SocketBase::close();
  }
  std::optional<Descriptor> release() override {
    splice_descriptor_ = -1;
    return detach();
  }

 private:
  IoResult written(ssize_t sent, std::size_t wanted) noexcept {
    if (sent < 0) return {no_progress(WaitPair::Side::write, kWriteEvents), 0};
    const auto bytes = static_cast<std::size_t>(sent);
    if (bytes < wanted) waits_.blocked(WaitPair::Side::write, kWriteEvents);
    return {IoState::done, bytes};
  }
  IoState no_progress(WaitPair::Side side, std::uint32_t events) noexcept {
    if (errno == EINTR) return IoState::would_block;  // still ready: the wait is free
    if (!must_wait(errno)) return IoState::failed;
    waits_.blocked(side, events);
    return IoState::would_block;
  }
};

}  // namespace

const std::optional<PeerProcess>& Stream::peer_process() {
  if (lookup_ == Lookup::open) {
    lookup_ = Lookup::made;
    if (!facts_.process.has_value()) facts_.process = look_up_peer();
  }
  return facts_.process;
}

SocketBase::SocketBase(Loop& loop, Descriptor socket, ConnectionFacts facts)
    : Stream(loop.scheduler(), std::move(facts)), loop_(loop), socket_(std::move(socket)) {
  if (loop_.enrol(socket_.get(), waits_)) enrolled_ = Enrolled::yes;
}

SocketBase::~SocketBase() { detach(); }

Descriptor SocketBase::detach() noexcept {
  if (std::exchange(enrolled_, Enrolled::no) == Enrolled::yes) loop_.dismiss(socket_.get(), waits_);
  return std::move(socket_);
}

void SocketBase::close() {
  detach();
  waits_.cancel();
}

void SocketBase::reset() {
  if (socket_ && !facts_.peer.is_unix()) {
    const linger at_once{1, 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  close();
}

std::optional<PeerProcess> SocketBase::look_up_peer() {
  if (!socket_) return std::nullopt;
  return facts_.peer.is_unix() ? unix_peer(socket_.get()) : loopback_tcp_peer(facts_.peer, facts_.local);
}

Result<std::unique_ptr<Stream>> socket_stream(Loop& loop, Descriptor socket, ConnectionFacts facts) {
  auto stream = std::make_unique<PlainStream>(loop, std::move(socket), std::move(facts));
  if (!stream->enrolled()) return fail(Code::exhausted, "the kernel cannot watch one more socket");
  return std::unique_ptr<Stream>(std::move(stream));
}

Task<IoResult> read_some(Stream& stream, std::span<char> into) {
  while (true) {
    const WaitResult wait = co_await stream.readable();
    if (wait != WaitResult::ready) co_return IoResult{state_of(wait), 0};
    const IoResult got = stream.try_read(into);
    if (got.state != IoState::would_block) co_return got;
  }
}

Task<IoResult> write_all(Stream& stream, std::string_view text) {
  std::size_t written = 0;
  while (true) {
    const IoResult put = stream.try_write(text.substr(written));
    if (put.state != IoState::done && put.state != IoState::would_block)
      co_return IoResult{put.state, written};
    written += put.bytes;
    if (written == text.size()) co_return IoResult{IoState::done, written};
    const WaitResult wait = co_await stream.writable();
    if (wait != WaitResult::ready) co_return IoResult{state_of(wait), written};
  }
}

Task<IoResult> write_pieces(Stream& stream, std::span<std::string_view> pieces) {
  std::size_t written = 0;
  while (true) {
    const IoResult put = stream.try_write_pieces(pieces, More::no);
    if (put.state != IoState::done && put.state != IoState::would_block)
      co_return IoResult{put.state, written};
    written += put.bytes;
    std::size_t left = put.bytes;
    while (!pieces.empty() && left >= pieces.front().size()) {
      left -= pieces.front().size();
      pieces = pieces.subspan(1);
    }
    if (pieces.empty()) co_return IoResult{IoState::done, written};
    pieces.front().remove_prefix(left);
    const WaitResult wait = co_await stream.writable();
    if (wait != WaitResult::ready) co_return IoResult{state_of(wait), written};
  }
}

Task<IoState> finish_write(Stream& stream) {
  while (true) {
    const IoState state = stream.shutdown_write();
    if (state != IoState::would_block) co_return state;
    const WaitResult wait = co_await stream.writable();
    if (wait != WaitResult::ready) co_return state_of(wait);
  }
}

IoResult Splice::fill(Stream& from, Pipe& pipe, std::size_t bytes_max) {
  const std::size_t wanted = std::min(bytes_max, pipe.room_bytes());
  if (wanted == 0) return {IoState::would_block, 0};
  const ssize_t got = ::splice(from.splice_descriptor(), nullptr, pipe.in_.get(), nullptr, wanted,
                               SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  if (got > 0) {
    pipe.held_bytes_ += static_cast<std::size_t>(got);
    return {IoState::done, static_cast<std::size_t>(got)};
  }
  if (got == 0) return {IoState::closed, 0};
  if (!must_wait(errno)) return {IoState::failed, 0};
  // A pipe's pages may be full of small segments long before its bytes are: then the source is not what
  // blocks.
  if (pipe.held_bytes_ == 0) from.waits_.blocked(WaitPair::Side::read, kReadEvents);
  return {IoState::would_block, 0};
}

IoResult Splice::drain(Pipe& pipe, Stream& to, More more) {
  if (pipe.held_bytes_ == 0) return {IoState::done, 0};
  const unsigned flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK | (more == More::yes ? SPLICE_F_MORE : 0U);
  const ssize_t sent =
      ::splice(pipe.out_.get(), nullptr, to.splice_descriptor(), nullptr, pipe.held_bytes_, flags);
  if (sent > 0) {
    pipe.held_bytes_ -= static_cast<std::size_t>(sent);
    return {IoState::done, static_cast<std::size_t>(sent)};
  }
  if (sent == 0 || !must_wait(errno)) return {IoState::failed, 0};
  to.waits_.blocked(WaitPair::Side::write, kWriteEvents);
  return {IoState::would_block, 0};
}

}  // namespace sallyport
