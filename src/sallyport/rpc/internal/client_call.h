// SPDX-License-Identifier: Apache-2.0
// ClientCall: what a channel remembers of one call; and ChannelCore, the connection that its events come
// from.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "sallyport/net/wheel.h"
#include "sallyport/rpc/channel.h"

namespace sallyport {

class ChannelCore;

/// ClientCall is guarded by its SharedLoop's lock.
struct ClientCall final : Timer, std::enable_shared_from_this<ClientCall> {
  ClientCall(ChannelCore& of, std::size_t message_bytes_max);
  [[nodiscard]] bool unary() const noexcept { return kind != Kind::stream; }
  RpcReply take_reply();
  /// disarm takes the deadline off the loop, so that the call may die outside the lock.
  void disarm() noexcept { unlink(); }

  ChannelCore& core;
  enum class Kind : std::uint8_t { stream, unary } kind = Kind::stream;
  Http2StreamId id = 0;
  MonotonicTime deadline = kNever;
  RpcEncoding encoding = RpcEncoding::identity;
  RpcUnframer unframer;
  std::size_t uncredited_bytes = 0;        ///< received, and not yet given back to the windows
  std::optional<std::string> http_status;  ///< where the head says that this is no gRPC
  bool head_seen = false;
  bool over = false;
  RpcStatus status;
  RpcMetadata head;
  RpcMetadata trailers;
  std::vector<SharedLoop::Turn*> waiting;
  std::function<void(RpcReply)> done;                          ///< of call_async
  std::function<void(std::optional<std::string>)> on_message;  ///< of RpcStream::on_message
  bool pumping = false;
};

/// ChannelCore is guarded by its SharedLoop's lock. The task that runs its connection owns it too.
class ChannelCore final : public Http2Events, public std::enable_shared_from_this<ChannelCore> {
 public:
  ChannelCore(SharedLoop& shared, std::unique_ptr<Stream> stream, RpcChannelOptions options);
  static void start(const std::shared_ptr<ChannelCore>& core);

  /// begin opens the stream; on failure the call is over, with the reason.
  void begin(const std::shared_ptr<ClientCall>& call, std::string_view method, const RpcCallOptions& options);
  /// end_call settles how a call ended; the first word counts. `reset`: tell the server.
  void end_call(ClientCall& call, RpcStatus status, std::optional<Http2Code> reset);
  void expire(ClientCall& call);
  void changed(ClientCall& call);
  /// pump hands messages to on_message, one after the other, outside the lock.
  void pump(const std::shared_ptr<ClientCall>& call);
  /// next_message gives the next one and its bytes' credit to the server.
  std::optional<std::string> next_message(ClientCall& call);
  /// wait returns when `condition` holds or the call is over.
  template <class Condition>
  void wait(SharedLoop::Hold& hold, ClientCall& call, Condition condition);

  void on_fields(Http2StreamId stream, Http2Fields&& fields, Http2Part part, Http2End end) override;
  void on_data(Http2StreamId stream, std::string_view bytes) override;
  void on_end(Http2StreamId stream) override;
  void on_sent(Http2StreamId stream, std::size_t unsent_bytes) override;
  void on_closed(Http2StreamId stream, Http2Code code) override;
  void on_goaway(Http2StreamId last, Http2Code code, std::string_view debug) override;

  SharedLoop& shared;
  const RpcChannelOptions options;
  Http2Connection connection;
  std::unordered_map<Http2StreamId, std::shared_ptr<ClientCall>> calls;
  enum class Life : std::uint8_t { open, going, over } life = Life::open;
  std::string goaway_debug;
  std::vector<SharedLoop::Turn*> closing;  ///< who waits for the end of the connection, or of its calls

 private:
  static Task<void> run(std::shared_ptr<ChannelCore> core);
  ClientCall* find(Http2StreamId stream) noexcept;
  void on_head(ClientCall& call, const Http2Fields& fields);
  void on_trailers(ClientCall& call, const Http2Fields& fields);
  void notify_closing() noexcept;
};

template <class Condition>
void ChannelCore::wait(SharedLoop::Hold& hold, ClientCall& call, Condition condition) {
  while (!call.over && !condition()) {
    SharedLoop::Turn turn;
    call.waiting.push_back(&turn);
    const bool woken = shared.wait(hold, turn, call.deadline);
    std::erase(call.waiting, &turn);
    if (!woken && !call.over) expire(call);
  }
}

/// FramedMessage is a message with its prefix in two pieces; `room` holds what compression made.
struct FramedMessage {
  FramedMessage(std::string_view message, RpcEncoding encoding);
  std::string room;
  std::string_view body;
  std::array<char, kRpcPrefixBytes> prefix{};
  RpcStatus fault = rpc_ok();
  [[nodiscard]] std::string_view head() const noexcept { return {prefix.data(), prefix.size()}; }
};

}  // namespace sallyport
