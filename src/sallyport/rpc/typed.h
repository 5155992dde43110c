// SPDX-License-Identifier: Apache-2.0
// The typed layer that protoc-gen-sallyport's code stands on: messages instead of bytes. It asks of a message
// SerializeToString() and ParseFromArray(), and includes no protobuf itself.
#pragma once

#include <climits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "sallyport/rpc/channel.h"
#include "sallyport/rpc/server.h"

namespace sallyport {

/// parse_message reads a message, false where the bytes are none.
template <class Message>
bool parse_message(std::string_view bytes, Message& into) {
  return bytes.size() <= INT_MAX && into.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

/// serialised gives a message's bytes.
template <class Message>
std::string serialised(const Message& message) {
  std::string bytes;
  message.SerializeToString(&bytes);
  return bytes;
}

/// TypedReply is the end of a typed unary call.
template <class Response>
struct TypedReply {
  RpcStatus status;
  Response message;
  RpcMetadata head;
  RpcMetadata trailers;
};

/// typed_call is a unary call. A response that cannot be parsed is `internal`.
template <class Response, class Request>
TypedReply<Response> typed_call(RpcChannel& channel, std::string_view method, const Request& request,
                                RpcCallOptions options) {
  RpcReply raw = channel.call(method, serialised(request), std::move(options));
  TypedReply<Response> reply{std::move(raw.status), {}, std::move(raw.head), std::move(raw.trailers)};
  if (reply.status.is_ok() && !parse_message(raw.message, reply.message))
    reply.status = RpcStatus(RpcCode::internal, "the response cannot be parsed");
  return reply;
}

/// TypedStream is the client's end of a streaming call; see RpcStream.
template <class Request, class Response>
class TypedStream {
 public:
  explicit TypedStream(std::shared_ptr<RpcStream> raw) : raw_(std::move(raw)) {}
  bool write(const Request& message) { return raw_->write(serialised(message)); }
  void finish_writes() { raw_->finish_writes(); }
  /// read gives none at the end, and where a message cannot be parsed: then the call is cancelled.
  std::optional<Response> read() {
    const std::optional<std::string> bytes = raw_->read();
    Response message;
    if (!bytes.has_value()) return std::nullopt;
    if (parse_message(*bytes, message)) return message;
    raw_->cancel();
    return std::nullopt;
  }
  RpcStatus finish() { return raw_->finish(); }
  void cancel() { raw_->cancel(); }
  RpcStream& raw() noexcept { return *raw_; }

 private:
  std::shared_ptr<RpcStream> raw_;
};

/// TypedServerStream is the handler's end of a streaming call; see RpcServerCall.
template <class Request, class Response>
class TypedServerStream {
 public:
  explicit TypedServerStream(RpcServerCall& call) noexcept : call_(call) {}
  RpcServerCall& call() noexcept { return call_; }
  /// read gives none at the end, and where a message cannot be parsed: then the call has ended.
  Task<std::optional<Request>> read() {
    const std::optional<std::string> bytes = co_await call_.read();
    std::optional<Request> message;
    if (!bytes.has_value()) co_return message;
    message.emplace();
    if (parse_message(*bytes, *message)) co_return message;
    const RpcStatus malformed(RpcCode::internal, "a request cannot be parsed");
    call_.end(malformed);
    message.reset();
    co_return message;
  }
  Task<bool> write(const Response& message) {
    const std::string bytes = serialised(message);
    const bool sent = co_await call_.write(bytes);
    co_return sent;
  }

 private:
  RpcServerCall& call_;
};

/// typed_unary wraps a typed handler: (RpcServerCall&, const Request&, Response&) -> RpcStatus.
template <class Request, class Response, class Handler>
RpcServer::Unary typed_unary(Handler handler) {
  return [handle = std::move(handler)](RpcServerCall& call, std::string_view bytes, std::string& out) {
    Request request;
    if (!parse_message(bytes, request)) return RpcStatus(RpcCode::internal, "the request cannot be parsed");
    Response response;
    RpcStatus status = handle(call, request, response);
    if (status.is_ok()) out = serialised(response);
    return status;
  };
}

/// typed_streaming runs Handler, (TypedServerStream&) -> Task<RpcStatus>, with a stream that lives as long.
template <class Request, class Response, class Service>
Task<RpcStatus> typed_streaming(Service& service,
                                Task<RpcStatus> (Service::*handler)(TypedServerStream<Request, Response>&),
                                RpcServerCall& call) {
  TypedServerStream<Request, Response> stream(call);
  const RpcStatus status = co_await (service.*handler)(stream);
  co_return status;
}

inline Task<RpcStatus> rpc_unimplemented() {
  const RpcStatus status(RpcCode::unimplemented, "not implemented");
  co_return status;
}

}  // namespace sallyport
