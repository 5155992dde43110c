// SPDX-License-Identifier: Apache-2.0
// Http2Connection: an Http2Session on a Stream.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "sallyport/net/http2_session.h"
#include "sallyport/net/loop.h"
#include "sallyport/net/stream.h"
#include "sallyport/net/task.h"

namespace sallyport {

/// Http2Pace is how long a connection may take. Zero switches one off.
struct Http2Pace {
  Http2Pace() = default;
  Duration stalled_max = std::chrono::seconds(60);  ///< without a byte written while bytes wait
  Duration idle_max{};                              ///< without an open stream: GOAWAY, then closed
  Duration ping_after{};  ///< nothing read for this long while streams are open: PING
  Duration pong_max = std::chrono::seconds(20);
};

/// Http2Ending is why a connection is over.
enum class Http2Ending : std::uint8_t {
  in_order,   ///< GOAWAY, or the peer closed between streams
  cut,        ///< the socket broke, or the peer closed with streams open
  protocol,   ///< one side broke the protocol, or a limit: GOAWAY tells
  stalled,    ///< the peer read nothing, or did not answer a PING
  cancelled,  ///< close() of ours
};

/// Http2Connection is used on its loop's thread, or by whoever holds the lock of the loop's sharers. What
/// session() is asked to send leaves with flush(): one call after a batch, so that it is one write.
class Http2Connection {
  enum class Busy : std::uint8_t { no, yes };

 public:
  Http2Connection(Loop& loop, std::unique_ptr<Stream> stream, Http2Role role, const Http2Limits& limits,
                  const Http2Pace& pace, Http2Events& events);
  Http2Connection(const Http2Connection&) = delete;
  Http2Connection& operator=(const Http2Connection&) = delete;

  /// run reads and writes until the connection is over, and closes the stream. Streams that are open then get
  /// no further event. `this` outlives the task.
  Task<Http2Ending> run();
  Http2Session& session() noexcept { return session_; }
  [[nodiscard]] const ConnectionFacts& facts() const noexcept { return stream_->facts(); }
  [[nodiscard]] const std::optional<PeerProcess>& peer_process() { return stream_->peer_process(); }
  [[nodiscard]] std::shared_ptr<const PeerCertificate> peer_certificate() const {
    return stream_->peer_certificate();
  }
  /// flush writes what goes without waiting; run() writes the rest. From within an event it does nothing: the
  /// batch is flushed at its end.
  void flush();
  /// Batch keeps flush() from writing until it ends, so that several things leave as one.
  class Batch {
   public:
    explicit Batch(Http2Connection& connection) noexcept
        : connection_(connection), before_(std::exchange(connection.busy_, Busy::yes)) {}
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;
    ~Batch() { connection_.busy_ = before_; }

   private:
    Http2Connection& connection_;
    Busy before_;
  };
  /// close ends run() soon, after what can be written at once.
  void close() noexcept;
  [[nodiscard]] bool over() const noexcept { return over_; }

 private:
  Task<void> read_side();
  Task<void> write_side();
  Task<void> watch_side();
  void end(Http2Ending why) noexcept;
  void watch(MonotonicTime now);

  Loop& loop_;
  std::unique_ptr<Stream> stream_;
  Http2Pace pace_;
  Http2Session session_;
  std::string out_;
  std::size_t written_bytes_ = 0;
  Signal blocked_;
  Signal ended_;
  Busy busy_ = Busy::no;
  bool over_ = false;
  bool watching_ = false;
  Http2Ending ending_ = Http2Ending::cancelled;
  MonotonicTime last_read_;
  MonotonicTime blocked_since_ = kNever;
  MonotonicTime pinged_ = kNever;
  MonotonicTime idle_since_ = kNever;
};

}  // namespace sallyport
