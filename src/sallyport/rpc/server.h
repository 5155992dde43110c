// SPDX-License-Identifier: Apache-2.0
// RpcServer: gRPC methods on one loop, for whatever connections it is given.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/net/blocking.h"
#include "sallyport/net/http2_connection.h"
#include "sallyport/net/loop.h"
#include "sallyport/net/stream.h"
#include "sallyport/rpc/server_call.h"

namespace sallyport {

inline constexpr std::size_t kRpcServerMessageBytesMax = 4 * 1024 * 1024;  ///< gRPC's own default

/// RpcServerInterceptor sees every call: the place of a gate and of an audit. On the loop.
class RpcServerInterceptor {
 public:
  virtual ~RpcServerInterceptor() = default;
  /// on_call judges a call by its head, before any message is read, whether there is such a method or not. A
  /// status that is not ok ends it: unauthenticated, permission_denied, resource_exhausted. What the status
  /// says is sent to the client.
  virtual RpcStatus on_call(RpcServerCall& call) = 0;
  /// on_end is told how a call ended that on_call let pass.
  virtual void on_end(const RpcServerCall& call, const RpcStatus& status) = 0;
};

/// RpcServerOptions shape a server. A value.
struct RpcServerOptions {
  RpcServerOptions() = default;
  std::size_t message_bytes_max = kRpcServerMessageBytesMax;  ///< received
  std::size_t unsent_bytes_max = 256 * 1024;                  ///< of one call; beyond, write() waits
  Http2Limits limits;
  Http2Pace pace;
  std::vector<std::shared_ptr<RpcServerInterceptor>> interceptors;  ///< first to last, and back at the end
};

/// RpcBlockingCall is a streaming call for a handler on a pool thread.
class RpcBlockingCall {
 public:
  virtual ~RpcBlockingCall() = default;
  /// call gives metadata, facts, trailers and so on.
  virtual RpcServerCall& call() noexcept = 0;
  /// read and write block as RpcServerCall's wait.
  virtual std::optional<std::string> read() = 0;
  virtual bool write(std::string message) = 0;
};

/// RpcServerCounters are for tests and metrics.
struct RpcServerCounters {
  std::uint64_t connections = 0;
  std::uint64_t calls = 0;
  std::uint64_t refused = 0;    ///< by an interceptor
  std::uint64_t malformed = 0;  ///< no gRPC, or gRPC that breaks its rules
};

/// RpcServer is used on its loop's thread. Methods are added before the first connection. Outlives its
/// connections' tasks: drain(), cut(), or the loop's drop_tasks() before it dies.
class RpcServer {
 public:
  /// A unary handler fills `response`; it counts where the status is ok.
  using Unary =
      std::function<RpcStatus(RpcServerCall& call, std::string_view request, std::string& response)>;
  /// A streaming handler reads and writes as it likes, for any of the other three kinds of call. `call` lives
  /// until its task ends. A lambda that is a coroutine must not capture: the captures may die before it does.
  using Streaming = std::function<Task<RpcStatus>(RpcServerCall& call)>;
  using Blocking = std::function<RpcStatus(RpcBlockingCall& call)>;

  explicit RpcServer(Loop& loop, RpcServerOptions options = {});
  RpcServer(const RpcServer&) = delete;
  RpcServer& operator=(const RpcServer&) = delete;
  ~RpcServer();

  /// `method` is "/package.Service/Method"; a second handler for it replaces the first.
  /// add runs the handler on the loop: it must be short.
  void add(std::string_view method, Unary handler);
  void add_streaming(std::string_view method, Streaming handler);
  /// add_on and add_blocking_on run the handler on a thread of `pool`, which outlives the server; where too
  /// many calls wait, more are refused with resource_exhausted.
  void add_on(BlockingPool& pool, std::string_view method, Unary handler);
  void add_blocking_on(BlockingPool& pool, std::string_view method, Blocking handler);
  /// services lists "package.Service" of what was added.
  [[nodiscard]] std::vector<std::string> services() const;

  /// serve takes a connection: TCP, Unix socket, TLS, memory.
  void serve(std::unique_ptr<Stream> stream);
  /// shut_down takes no more calls: GOAWAY on every connection; calls under way go on.
  void shut_down();
  /// drain shuts down, waits for the calls under way until `deadline`, then cuts what is left. False where
  /// something had to be cut.
  Task<bool> drain(MonotonicTime deadline);
  /// end_calls ends those calls that `chosen` says, with `status`: their credential was revoked, for
  /// instance.
  void end_calls(const std::function<bool(const RpcServerCall&)>& chosen, const RpcStatus& status);
  /// cut closes every connection.
  void cut();
  [[nodiscard]] std::size_t connections() const noexcept { return connections_.size(); }
  [[nodiscard]] const RpcServerOptions& options() const noexcept { return options_; }
  [[nodiscard]] const RpcServerCounters& counters() const noexcept { return counters_; }

 private:
  friend class ServerConnection;
  struct Method {
    Unary unary;
    Streaming streaming;
    Blocking blocking;
    BlockingPool* pool = nullptr;
  };
  Task<void> run(std::shared_ptr<ServerConnection> connection);

  Loop& loop_;
  const RpcServerOptions options_;
  std::map<std::string, Method, std::less<>> methods_;
  std::vector<std::shared_ptr<ServerConnection>> connections_;
  RpcServerCounters counters_;
  Signal fewer_;
  enum class Life : std::uint8_t { open, closing } life_ = Life::open;
};

}  // namespace sallyport
