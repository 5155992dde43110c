// SPDX-License-Identifier: Apache-2.0
#include "sallyport/plugin/stream_bridge.h"

#include <sys/socket.h>

#include <array>
#include <utility>

namespace sallyport {
namespace {

constexpr std::size_t kBridgeBytes = std::size_t{16} * 1024;

/// carry brings what `from` says to `to`, until it ends; then `to` ends, too, or both break.
Task<void> carry(Stream& from, Stream& to) {
  std::array<char, kBridgeBytes> room;
  while (true) {
    const IoResult got = co_await read_some(from, room);
    if (got.state == IoState::closed) {
      const IoState ended = co_await finish_write(to);
      if (ended == IoState::done) co_return;
    }
    if (got.state != IoState::done) break;
    const IoResult put = co_await write_all(to, std::string_view(room.data(), got.bytes));
    if (put.state != IoState::done) break;
  }
  from.cancel();
  to.cancel();
}

Task<void> bridge(std::unique_ptr<Stream> one, std::unique_ptr<Stream> other) {
  Task<void> there = carry(*one, *other);
  Task<void> back = carry(*other, *one);
  co_await both(std::move(there), std::move(back));
}

}  // namespace

Result<std::unique_ptr<Stream>> socket_before(Loop& loop, std::unique_ptr<Stream> inner) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return fail(Code::exhausted, "no descriptor is left for one more stream");
  Descriptor outer(ends[0]);
  Descriptor middle(ends[1]);
  SALLYPORT_TRY(socket, socket_stream(loop, std::move(outer), inner->facts()));
  SALLYPORT_TRY(relay, socket_stream(loop, std::move(middle), inner->facts()));
  loop.spawn(bridge(std::move(relay), std::move(inner)));
  return socket;
}

}  // namespace sallyport
