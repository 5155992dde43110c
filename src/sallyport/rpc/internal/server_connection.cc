// SPDX-License-Identifier: Apache-2.0
#include "sallyport/rpc/internal/server_connection.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/rpc/internal/client_call.h"
#include "sallyport/rpc/timeout.h"

namespace sallyport {
namespace {

/// AnswerFields are fields to send, with the room for the texts that had to be made for them.
class AnswerFields {
 public:
  void add(std::string_view name, std::string_view value) { fields_.push_back({name, value}); }
  void add_made(std::string_view name, std::string value) {
    texts_.push_back(std::move(value));
    fields_.push_back({name, texts_.back()});
  }
  void add_metadata(const RpcMetadata& metadata) {
    for (const auto& [key, value] : metadata) {
      if (is_binary_key(key)) {
        add_made(key, metadata_encode(value));
      } else {
        add(key, value);
      }
    }
  }
  void add_status(const RpcStatus& status) {
    add_made("grpc-status", concat(static_cast<unsigned>(status.code)));
    if (!status.message.empty()) add_made("grpc-message", grpc_message_encode(status.message));
    if (!status.details.empty()) add_made("grpc-status-details-bin", metadata_encode(status.details));
  }
  [[nodiscard]] std::span<const Http2Field> all() const noexcept { return fields_; }

 private:
  std::deque<std::string> texts_;
  std::vector<Http2Field> fields_;
};

constexpr std::string_view kContentType = "application/grpc";

/// is_grpc: application/grpc, alone or with "+proto" or parameters.
bool is_grpc(std::string_view type) noexcept {
  if (!type.starts_with(kContentType)) return false;
  type.remove_prefix(kContentType.size());
  return type.empty() || type.front() == '+' || type.front() == ';';
}

}  // namespace

ServerConnection::ServerConnection(RpcServer& of, std::unique_ptr<Stream> stream)
    : server(of),
      facts(std::make_shared<ConnectionFacts>(stream->facts())),
      certificate(stream->peer_certificate()),
      connection(of.loop_, std::move(stream), Http2Role::server, of.options_.limits, of.options_.pace,
                 *this) {
  facts->process = connection.peer_process();
}

ServerConnection::~ServerConnection() { lost(); }

void ServerConnection::lost() {
  while (!calls.empty()) {
    const std::shared_ptr<RpcServerCall> call = calls.begin()->second;
    abandon(*call, {RpcCode::cancelled, "the connection has ended"}, Http2Code::cancel);
  }
}

void ServerConnection::refuse_http(Http2StreamId stream, std::string_view status) {
  ++server.counters_.malformed;
  const Http2Field field{":status", status};
  connection.session().respond(stream, {&field, 1}, Http2End::yes);
}

/// What makes a call malformed beyond what HTTP/2 itself checks. Deny by default: nothing is guessed.
RpcStatus ServerConnection::read_head(RpcServerCall& call, const Http2Fields& fields) {
  call.method_ = fields.find(":path").value_or("");
  call.authority_ = fields.find(":authority").value_or("");
  if (accepts_gzip(fields.find("grpc-accept-encoding").value_or("")))
    call.accepts_ = RpcServerCall::Accepts::gzip;
  const std::string_view name = fields.find("grpc-encoding").value_or("identity");
  const std::optional<RpcEncoding> encoding = rpc_encoding_of(name);
  if (!encoding.has_value())
    return {RpcCode::unimplemented, concat("messages in \"", escaped(name, 32), "\" cannot be read here")};
  call.unframer_.set_encoding(*encoding);
  const auto timeout = fields.find("grpc-timeout");
  const auto left =
      timeout.has_value() ? grpc_timeout_parse(*timeout) : std::optional<Duration>(Duration::max());
  if (!left.has_value()) return {RpcCode::internal, "grpc-timeout cannot be read"};
  call.deadline_ = after(server.loop_.now(), *left);
  std::optional<RpcMetadata> metadata = metadata_of(fields);
  if (!metadata.has_value()) return {RpcCode::internal, "binary metadata is not base64"};
  call.metadata_ = *std::move(metadata);
  return rpc_ok();
}

void ServerConnection::on_fields(Http2StreamId stream, Http2Fields&& fields, Http2Part part, Http2End) {
  if (part != Http2Part::head) return;  // trailers of a request mean nothing to gRPC
  if (fields.find(":method") != "POST") return refuse_http(stream, "405");
  if (!is_grpc(fields.find("content-type").value_or(""))) return refuse_http(stream, "415");
  if (fields.find("te") != "trailers") return refuse_http(stream, "400");
  ++server.counters_.calls;
  const auto call =
      std::make_shared<RpcServerCall>(*this, server.loop_, stream, server.options_.message_bytes_max);
  calls[stream] = call;
  const RpcStatus malformed = read_head(*call, fields);
  if (!malformed.is_ok()) {
    ++server.counters_.malformed;
    return settle(*call, malformed);
  }
  for (const auto& interceptor : server.options_.interceptors) {
    const RpcStatus verdict = interceptor->on_call(*call);
    if (!verdict.is_ok()) {
      ++server.counters_.refused;
      return settle(*call, verdict);
    }
    ++call->passed_;
  }
  if (call->deadline_ != kNever) server.loop_.scheduler().wheel().set(*call, call->deadline_);
  begin(call);
}

void ServerConnection::begin(const std::shared_ptr<RpcServerCall>& call) {
  const auto found = server.methods_.find(call->method_);
  if (found == server.methods_.end())
    return settle(*call, {RpcCode::unimplemented, concat("unknown method ", escaped(call->method_, 120))});
  const RpcServer::Method& method = found->second;
  if (method.streaming) server.loop_.spawn(run_streaming(call, method.streaming));
  if (method.blocking) server.loop_.spawn(run_blocking(call, method, server.loop_));
}

void ServerConnection::run_unary(const std::shared_ptr<RpcServerCall>& call,
                                 const RpcServer::Method& method) {
  std::optional<std::string> request = take_message(*call);
  if (call->over()) return;
  if (!request.has_value() || call->unframer_.has_next())
    return settle(*call, {RpcCode::internal, "a unary call takes exactly one message"});
  if (method.pool != nullptr)
    return server.loop_.spawn(run_on_pool(call, method, server.loop_, *std::move(request)));
  std::string response;
  const RpcStatus status = method.unary(*call, *request, response);
  if (status.is_ok() && !call->over()) put(*call, response);
  settle(*call, status);
}

Task<void> ServerConnection::run_streaming(std::shared_ptr<RpcServerCall> call,
                                           const RpcServer::Streaming& handler) {
  const RpcStatus status = co_await handler(*call);
  call->end(status);
}

Task<void> ServerConnection::run_on_pool(std::shared_ptr<RpcServerCall> call, const RpcServer::Method& method,
                                         Loop& loop, std::string request) {
  struct Outcome {
    RpcStatus status;
    std::string response;
  };
  auto work = [call, unary = method.unary, asked = std::move(request)] {
    Outcome outcome;
    if (!call->over()) outcome.status = unary(*call, asked, outcome.response);
    return outcome;
  };
  Result<Outcome> outcome = co_await method.pool->run(loop, std::move(work));
  if (!outcome) {
    call->end({RpcCode::resource_exhausted, "too many calls wait"});
    co_return;
  }
  if (outcome->status.is_ok() && !call->over() && call->connection_ != nullptr)
    call->connection_->put(*call, outcome->response);
  call->end(outcome->status);
}

Task<void> ServerConnection::run_blocking(std::shared_ptr<RpcServerCall> call,
                                          const RpcServer::Method& method, Loop& loop) {
  auto work = [call, handler = method.blocking, &loop] {
    const std::unique_ptr<RpcBlockingCall> blocking = blocking_call(call, loop);
    return handler(*blocking);
  };
  const Result<RpcStatus> status = co_await method.pool->run(loop, std::move(work));
  const RpcStatus refused(RpcCode::resource_exhausted, "too many calls wait");
  call->end(status ? *status : refused);
}

void ServerConnection::on_data(Http2StreamId stream, std::string_view bytes) {
  const auto found = calls.find(stream);
  if (found == calls.end()) return connection.session().consume(stream, bytes.size());
  const std::shared_ptr<RpcServerCall> call = found->second;
  call->uncredited_bytes_ += bytes.size();
  if (!call->unframer_.add(bytes)) {
    ++server.counters_.malformed;
    return settle(*call, call->unframer_.fault());
  }
  // As on the client's side: whole messages that nobody has read hold the window shut.
  if (!call->unframer_.has_next()) {
    connection.session().consume(stream, std::exchange(call->uncredited_bytes_, 0));
  } else {
    call->changed_.notify_all();
  }
}

void ServerConnection::on_end(Http2StreamId stream) {
  const auto found = calls.find(stream);
  if (found == calls.end()) return;
  const std::shared_ptr<RpcServerCall> call = found->second;
  call->input_ = RpcServerCall::Input::ended;
  if (!call->unframer_.whole()) {
    ++server.counters_.malformed;
    return settle(*call, {RpcCode::internal, "a message was cut short"});
  }
  call->changed_.notify_all();
  const auto method = server.methods_.find(call->method_);
  if (method != server.methods_.end() && method->second.unary) run_unary(call, method->second);
}

void ServerConnection::on_sent(Http2StreamId stream, std::size_t unsent_bytes) {
  if (unsent_bytes > server.options_.unsent_bytes_max / 2) return;
  const auto found = calls.find(stream);
  if (found != calls.end()) found->second->changed_.notify_all();
}

void ServerConnection::on_closed(Http2StreamId stream, Http2Code) {
  const auto found = calls.find(stream);
  if (found == calls.end()) return;
  const std::shared_ptr<RpcServerCall> call = found->second;
  abandon(*call, {RpcCode::cancelled, "the client cancelled the call"}, Http2Code::cancel);
}

void ServerConnection::on_goaway(Http2StreamId, Http2Code, std::string_view) {}

std::optional<std::string> ServerConnection::take_message(RpcServerCall& call) {
  std::optional<std::string> message = call.unframer_.next();
  if (!message.has_value() && !call.unframer_.fault().is_ok()) {
    ++server.counters_.malformed;
    settle(call, call.unframer_.fault());
    return std::nullopt;
  }
  if (call.unframer_.has_next() || call.uncredited_bytes_ == 0) return message;
  connection.session().consume(call.stream_, std::exchange(call.uncredited_bytes_, 0));
  connection.flush();
  return message;
}

void ServerConnection::send_head(RpcServerCall& call) {
  if (call.head_state_ == RpcServerCall::Head::sent) return;
  call.head_state_ = RpcServerCall::Head::sent;
  AnswerFields fields;
  fields.add(":status", "200");
  fields.add("content-type", kContentType);
  if (call.encoding_ == RpcEncoding::gzip) fields.add("grpc-encoding", "gzip");
  fields.add("grpc-accept-encoding", "identity,gzip");
  fields.add_metadata(call.head_);
  connection.session().respond(call.stream_, fields.all(), Http2End::no);
  connection.flush();
}

bool ServerConnection::put(RpcServerCall& call, std::string_view message) {
  const FramedMessage framed(message, call.encoding_);
  if (!framed.fault.is_ok()) {
    settle(call, framed.fault);
    return false;
  }
  if (call.head_state_ == RpcServerCall::Head::due) {
    const Http2Connection::Batch batch(connection);
    send_head(call);
  }
  const bool sent = connection.session().send_pieces(call.stream_, framed.head(), framed.body);
  connection.flush();
  return sent;
}

void ServerConnection::tell_end(RpcServerCall& call, const RpcStatus& status) {
  call.settled_ = true;
  call.unlink();
  call.over_.store(true, std::memory_order_release);
  call.changed_.notify_all();
  while (call.passed_ > 0) server.options_.interceptors[--call.passed_]->on_end(call, status);
  const Http2StreamId stream = call.stream_;
  call.connection_ = nullptr;
  calls.erase(stream);  // may destroy the call
}

void ServerConnection::settle(RpcServerCall& call, const RpcStatus& status) {
  if (call.settled_) return;
  AnswerFields fields;
  const bool alone = call.head_state_ == RpcServerCall::Head::due;
  if (alone) {
    fields.add(":status", "200");
    fields.add("content-type", kContentType);
    if (status.code == RpcCode::unimplemented) fields.add("grpc-accept-encoding", "identity,gzip");
    fields.add_metadata(call.head_);
  }
  fields.add_status(status);
  fields.add_metadata(call.trailers_);
  if (alone) {
    connection.session().respond(call.stream_, fields.all(), Http2End::yes);
  } else {
    connection.session().finish(call.stream_, fields.all());
  }
  tell_end(call, status);
  connection.flush();
}

void ServerConnection::abandon(RpcServerCall& call, const RpcStatus& status, Http2Code reset) {
  if (call.settled_) return;
  connection.session().reset(call.stream_, reset);
  tell_end(call, status);
  connection.flush();
}

}  // namespace sallyport
