// SPDX-License-Identifier: Apache-2.0
// ServerConnection: one client's connection and its calls.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "sallyport/rpc/server.h"

namespace sallyport {

/// ServerConnection is on its server's loop; the task that runs it owns it.
class ServerConnection final : public Http2Events {
 public:
  ServerConnection(RpcServer& server, std::unique_ptr<Stream> stream);
  ~ServerConnection() override;

  void on_fields(Http2StreamId stream, Http2Fields&& fields, Http2Part part, Http2End end) override;
  void on_data(Http2StreamId stream, std::string_view bytes) override;
  void on_end(Http2StreamId stream) override;
  void on_sent(Http2StreamId stream, std::size_t unsent_bytes) override;
  void on_closed(Http2StreamId stream, Http2Code code) override;
  void on_goaway(Http2StreamId last, Http2Code code, std::string_view debug) override;

  /// settle sends the status, tells the interceptors, and lets go of the call. The first word counts.
  void settle(RpcServerCall& call, const RpcStatus& status);
  /// abandon is settle() without a word to the client, who knows or is gone.
  void abandon(RpcServerCall& call, const RpcStatus& status, Http2Code reset);
  bool put(RpcServerCall& call, std::string_view message);
  void send_head(RpcServerCall& call);
  std::optional<std::string> take_message(RpcServerCall& call);
  /// lost ends what is still open when the connection has.
  void lost();

  RpcServer& server;
  std::shared_ptr<ConnectionFacts> facts;
  std::shared_ptr<const PeerCertificate> certificate;
  Http2Connection connection;
  std::unordered_map<Http2StreamId, std::shared_ptr<RpcServerCall>> calls;

 private:
  void refuse_http(Http2StreamId stream, std::string_view status);
  RpcStatus read_head(RpcServerCall& call, const Http2Fields& fields);
  void begin(const std::shared_ptr<RpcServerCall>& call);
  void run_unary(const std::shared_ptr<RpcServerCall>& call, const RpcServer::Method& method);
  void tell_end(RpcServerCall& call, const RpcStatus& status);
  static Task<void> run_streaming(std::shared_ptr<RpcServerCall> call, const RpcServer::Streaming& handler);
  static Task<void> run_on_pool(std::shared_ptr<RpcServerCall> call, const RpcServer::Method& method,
                                Loop& loop, std::string request);
  static Task<void> run_blocking(std::shared_ptr<RpcServerCall> call, const RpcServer::Method& method,
                                 Loop& loop);
};

/// blocking_call lets a pool thread use `call` through `loop`.
std::unique_ptr<RpcBlockingCall> blocking_call(std::shared_ptr<RpcServerCall> call, Loop& loop);

}  // namespace sallyport
