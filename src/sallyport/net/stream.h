// SPDX-License-Identifier: Apache-2.0
// Stream: one connection as a sequence of bytes each way: TCP, Unix socket, TLS, or memory in tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "sallyport/base/result.h"
#include "sallyport/env/posix/descriptor.h"
#include "sallyport/identity/facts.h"
#include "sallyport/net/limiter.h"
#include "sallyport/net/loop.h"
#include "sallyport/net/task.h"
#include "sallyport/net/wait.h"

namespace sallyport {

/// IoState is what became of one operation.
enum class IoState : std::uint8_t {
  done,         ///< `bytes` bytes went through; for a read, at least one
  would_block,  ///< nothing now: wait, then try again
  closed,       ///< the peer has ended its side, in order
  failed,       ///< the connection is broken: reset, cut without TLS's close_notify, or closed by us
  deadline,     ///< from the awaiting helpers only: the stream's deadline has passed
  cancelled,    ///< from the awaiting helpers only: cancel() or interrupt()
};

struct IoResult {
  IoState state = IoState::failed;
  std::size_t bytes = 0;
};

/// More says whether the kernel should hold a small write back for the next one (MSG_MORE). TLS ignores it.
enum class More : std::uint8_t { no, yes };

/// At most this many pieces leave with one try_write_pieces call; the rest is simply not written yet.
inline constexpr std::size_t kPiecesMax = 16;

/// PeerCertificate is what the other end proved in TLS to hold the key of. Whether it is trusted was decided
/// in the handshake.
struct PeerCertificate {
  std::string der;
  std::string sha256;  ///< of `der`, 64 hexadecimal digits: its identity in logs and rules
};

/// Stream is used on its loop's thread only. The scheme on the hot path is: await readable(), which is free
/// while more may be there and sleeps when the last read emptied the source; then try_read(); treat
/// would_block as "again". For writing: try_write() first, and await writable() on would_block or on a part
/// written. One coroutine may read while another writes. Destroying a stream closes it; whoever still waits
/// on it resumes `cancelled` in the loop's next turn.
class Stream {
 public:
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  virtual ~Stream() = default;

  /// try_read reads what is there, up to into.size() (> 0) bytes.
  virtual IoResult try_read(std::span<char> into) = 0;
  /// try_write writes what goes; less than piece.size() bytes means that the next try would block.
  virtual IoResult try_write(std::string_view piece, More more) = 0;
  IoResult try_write(std::string_view piece) { return try_write(piece, More::no); }
  /// try_write_pieces writes the pieces as if they were one, with one system call where it can.
  virtual IoResult try_write_pieces(std::span<const std::string_view> pieces, More more) = 0;

  /// readable and writable give a WaitResult; one coroutine at each.
  WaitPair::Awaiter readable() noexcept { return waits_.readable(); }
  WaitPair::Awaiter writable() noexcept { return waits_.writable(); }
  /// drained says that the last read emptied the source, or that nothing has come yet.
  [[nodiscard]] bool drained() const noexcept { return !waits_.is_ready(WaitPair::Side::read); }
  /// at_rest says that nothing came, not even a hang-up, since the source was emptied: a pooled connection
  /// that is not at rest is of no use. Free: the loop notes it as it happens.
  [[nodiscard]] bool at_rest() const noexcept { return drained() && !waits_.hung_up(); }
  /// hung_up says that the peer has ended its side or the connection broke, though bytes may still be unread.
  /// Free.
  [[nodiscard]] bool hung_up() const noexcept { return waits_.hung_up(); }

  /// set_deadline replaces the one deadline of this stream, for waits on both sides; kNever: none. Seen up to
  /// kDeadlineTick late. Hot: call it at every phase of a request.
  void set_deadline(MonotonicTime when) noexcept { waits_.set_deadline(when); }
  /// cancel ends pending and later waits with `cancelled`, in the loop's next turn: how a live connection is
  /// cut. What can be written without waiting still can, and close() is still to come.
  void cancel() noexcept { waits_.cancel(); }
  [[nodiscard]] bool cancelled() const noexcept { return waits_.cancelled(); }
  /// interrupt ends one pending wait only; the stream stays usable.
  void interrupt(WaitPair::Side side) noexcept { waits_.interrupt(side); }

  /// shutdown_write ends our side in order (TLS: close_notify first); would_block: await writable(), then
  /// call it again.
  virtual IoState shutdown_write() = 0;
  /// close closes both sides; waits end `cancelled`, later operations `failed`. A second call does nothing.
  virtual void close() = 0;
  /// reset closes so that the peer sees an error, not an end: for a body that was cut short and has no
  /// length.
  virtual void reset() = 0;

  /// facts lives as long as the stream. `process` is filled in by peer_process().
  [[nodiscard]] const ConnectionFacts& facts() const noexcept { return facts_; }
  /// peer_process asks the kernel, once, who owns the other end: SO_PEERCRED for a Unix socket, the socket
  /// table for loopback TCP (uid only). None where it cannot be known, such as a peer that has closed
  /// already. Costs one or two system calls the first time.
  const std::optional<PeerProcess>& peer_process();

  /// peer_certificate is null where there is no TLS, or the other end showed none. Copies it.
  [[nodiscard]] virtual std::shared_ptr<const PeerCertificate> peer_certificate() const { return nullptr; }

  /// splice_descriptor is the socket where bytes may bypass us (splice(2)), -1 where they may not.
  [[nodiscard]] int splice_descriptor() const noexcept { return splice_descriptor_; }
  /// release gives the socket away, unregistered, and leaves the stream closed. None where there is no
  /// socket, or where it has a state that would be lost.
  virtual std::optional<Descriptor> release() { return std::nullopt; }
  /// hold keeps a place among the connections for as long as this stream lives; give_up_place passes it on.
  void hold(ConnectionLimiter::Place place) noexcept { place_ = std::move(place); }
  [[nodiscard]] ConnectionLimiter::Place give_up_place() noexcept { return std::move(place_); }

 protected:
  Stream(Scheduler& scheduler, ConnectionFacts facts) : waits_(scheduler), facts_(std::move(facts)) {}
  virtual std::optional<PeerProcess> look_up_peer() { return std::nullopt; }

  WaitPair waits_;
  ConnectionFacts facts_;
  int splice_descriptor_ = -1;

 private:
  friend class Splice;
  ConnectionLimiter::Place place_;
  enum class Lookup : std::uint8_t { open, made } lookup_ = Lookup::open;
};

/// socket_stream makes a Stream of a connected, non-blocking TCP or Unix socket. Fails with exhausted where
/// the kernel refuses to watch it.
Result<std::unique_ptr<Stream>> socket_stream(Loop& loop, Descriptor socket, ConnectionFacts facts);

/// read_some reads at least one byte; never would_block.
Task<IoResult> read_some(Stream& stream, std::span<char> into);
/// write_all writes all of `text`, or says why not, with the bytes that were written; never would_block. Try
/// try_write() yourself first where a frame is too dear.
Task<IoResult> write_all(Stream& stream, std::string_view text);
/// write_pieces is write_all for several pieces; it moves the views in `pieces` along as they are written.
Task<IoResult> write_pieces(Stream& stream, std::span<std::string_view> pieces);
/// finish_write is shutdown_write that waits: done, or why not.
Task<IoState> finish_write(Stream& stream);

/// state_of translates the end of a wait that was not `ready`.
constexpr IoState state_of(WaitResult result) noexcept {
  return result == WaitResult::deadline ? IoState::deadline : IoState::cancelled;
}

/// Splice moves bytes between plain sockets through a pipe without copying them into this process.
class Splice {
 public:
  /// fill moves up to `bytes_max` from the stream into the pipe. done, would_block (nothing came, or the pipe
  /// is full: empty it first), closed, failed.
  static IoResult fill(Stream& from, Pipe& pipe, std::size_t bytes_max);
  /// drain moves what the pipe holds into the stream, as much as goes at once; a part says nothing about the
  /// next try.
  static IoResult drain(Pipe& pipe, Stream& to, More more);
};

}  // namespace sallyport
