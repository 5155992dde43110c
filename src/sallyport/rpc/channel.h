// SPDX-License-Identifier: Apache-2.0
// RpcChannel: the client's end of a gRPC connection. RpcStream: one call that streams.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/address.h"
#include "sallyport/base/result.h"
#include "sallyport/identity/facts.h"
#include "sallyport/net/http2_connection.h"
#include "sallyport/net/stream.h"
#include "sallyport/rpc/framing.h"
#include "sallyport/rpc/metadata.h"
#include "sallyport/rpc/shared_loop.h"
#include "sallyport/rpc/status.h"

namespace sallyport {

/// RpcCallOptions shape one call. A value.
struct RpcCallOptions {
  RpcCallOptions() = default;
  RpcMetadata metadata;
  MonotonicTime deadline = kNever;
  RpcEncoding encoding = RpcEncoding::identity;  ///< of what we send; what we receive is the server's choice
};

/// RpcReply is the end of a unary call, and what came with it.
struct RpcReply {
  RpcStatus status;
  std::string message;  ///< empty unless status is ok
  RpcMetadata head;
  RpcMetadata trailers;
};

/// RpcClientInterceptor sees every call of a channel. Any thread, without locks held.
class RpcClientInterceptor {
 public:
  virtual ~RpcClientInterceptor() = default;
  /// on_call may add metadata or change the deadline. A status that is not ok ends the call before it begins.
  virtual RpcStatus on_call(std::string_view method, RpcCallOptions& options) = 0;
  /// on_end is told how a call ended that on_call let begin.
  virtual void on_end(std::string_view method, const RpcStatus& status) = 0;
};

/// RpcChannelOptions shape a channel. A value.
struct RpcChannelOptions {
  RpcChannelOptions() = default;
  std::string authority = "localhost";
  std::string user_agent = "grpc-c++-sallyport";
  std::size_t message_bytes_max = kRpcMessageBytesMax;  ///< received
  std::size_t unsent_bytes_max = 256 * 1024;            ///< of one stream; beyond, write() waits
  Http2Limits limits;
  Http2Pace pace;  ///< no pings by default: a server may punish them (gRPC keepalive)
  std::vector<std::shared_ptr<RpcClientInterceptor>> interceptors;  ///< first to last, and back at the end
};

/// RpcStream is one call that is under way. Any thread; one at a time reads, and one at a time writes. Its
/// end cancels the call if it is not over.
class RpcStream {
 public:
  RpcStream(const RpcStream&) = delete;
  RpcStream& operator=(const RpcStream&) = delete;
  virtual ~RpcStream() = default;

  /// write sends one message, and waits while too much is unsent. False: the call is over, see finish().
  virtual bool write(std::string_view message) = 0;
  /// finish_writes says that no message follows.
  virtual void finish_writes() = 0;
  /// read waits for the next message. None: the call is over, see finish().
  virtual std::optional<std::string> read() = 0;
  /// on_message calls `take` with each message, in order and one at a time, and with none at the end, instead
  /// of read(): on whatever thread is at hand, which it must not hold up for long. It may use this stream and
  /// the channel. Call it once.
  virtual void on_message(std::function<void(std::optional<std::string>)> take) = 0;
  /// head waits for the response head: what the server said before its first message.
  virtual RpcMetadata head() = 0;
  /// finish waits for the end; messages that were not read are dropped.
  virtual RpcStatus finish() = 0;
  /// trailers are there after the end.
  virtual RpcMetadata trailers() = 0;
  /// cancel ends the call for both sides, with `cancelled`.
  virtual void cancel() = 0;

 protected:
  RpcStream() = default;
};

/// RpcChannel is one connection to a gRPC server. When the connection ends every call ends with
/// `unavailable`, and so does every later one: make another channel. Any thread.
class RpcChannel {
 public:
  /// connect opens a connection (blocks until it stands, or `deadline`) on `loop`, which other channels may
  /// share. Errors: those of Dialer::dial.
  static Result<std::shared_ptr<RpcChannel>> connect(const std::shared_ptr<SharedLoop>& loop,
                                                     const SocketAddress& address, RpcChannelOptions options,
                                                     MonotonicTime deadline);
  /// over speaks on a stream of `loop` that stands already, TLS or not. Under no lock of `loop`.
  static std::shared_ptr<RpcChannel> over(const std::shared_ptr<SharedLoop>& loop,
                                          std::unique_ptr<Stream> stream, RpcChannelOptions options);
  RpcChannel(const RpcChannel&) = delete;
  RpcChannel& operator=(const RpcChannel&) = delete;
  /// Cuts the connection; calls that are under way end `cancelled`.
  ~RpcChannel();

  /// call is a unary call: `method` is "/package.Service/Method". Blocks until it ends.
  RpcReply call(std::string_view method, std::string_view request, RpcCallOptions options = {});
  /// call_async calls `done` when the call ends: on whatever thread is at hand, without locks held.
  void call_async(std::string_view method, std::string_view request, RpcCallOptions options,
                  std::function<void(RpcReply)> done);
  /// open begins a call that streams in one direction or both. A call that cannot begin is over already.
  std::shared_ptr<RpcStream> open(std::string_view method, RpcCallOptions options = {});

  /// over says that the connection has ended, or takes no more calls.
  [[nodiscard]] bool is_over() const;
  /// close lets calls under way end, until `deadline`, then cuts the connection.
  void close(MonotonicTime deadline);
  [[nodiscard]] const ConnectionFacts& facts() const noexcept;
  /// peer_process is the kernel's word about the server (SO_PEERCRED on Unix sockets).
  [[nodiscard]] std::optional<PeerProcess> peer_process() const;

 private:
  class Core;
  explicit RpcChannel(std::shared_ptr<Core> core);
  std::shared_ptr<Core> core_;
};

}  // namespace sallyport
