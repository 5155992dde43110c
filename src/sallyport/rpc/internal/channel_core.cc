// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <deque>
#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/rpc/internal/client_call.h"
#include "sallyport/rpc/timeout.h"

namespace sallyport {
namespace {

void expired(Timer& timer) noexcept {
  auto& call = static_cast<ClientCall&>(timer);
  call.core.expire(call);
}

/// RequestFields are the fields of a call's request, in gRPC's order: the time-out right after the pseudo
/// fields.
class RequestFields {
 public:
  RequestFields(const ChannelCore& core, std::string_view method, const RpcCallOptions& options,
                MonotonicTime now)
      : timeout_(options.deadline == kNever ? "" : grpc_timeout_format(options.deadline - now)) {
    fields_.reserve(10 + options.metadata.size());
    fields_.push_back({":method", "POST"});
    fields_.push_back({":scheme", core.connection.facts().tls == Tls::on ? "https" : "http"});
    fields_.push_back({":path", method});
    fields_.push_back({":authority", core.options.authority});
    if (!timeout_.empty()) fields_.push_back({"grpc-timeout", timeout_, Http2Indexing::never});
    fields_.push_back({"te", "trailers"});
    fields_.push_back({"content-type", "application/grpc"});
    fields_.push_back({"user-agent", core.options.user_agent});
    fields_.push_back({"grpc-accept-encoding", "identity,gzip"});
    if (options.encoding == RpcEncoding::gzip) fields_.push_back({"grpc-encoding", "gzip"});
    for (const auto& [key, value] : options.metadata) {
      if (is_binary_key(key)) texts_.push_back(metadata_encode(value));
      fields_.push_back(
          {key, is_binary_key(key) ? std::string_view(texts_.back()) : std::string_view(value)});
    }
  }
  [[nodiscard]] std::span<const Http2Field> all() const noexcept { return fields_; }

 private:
  std::string timeout_;
  std::deque<std::string> texts_;
  std::vector<Http2Field> fields_;
};

bool is_method(std::string_view method) noexcept {
  return method.size() >= 4 && method.front() == '/' && method.find('/', 1) != std::string_view::npos &&
         std::all_of(method.begin(), method.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

}  // namespace

ClientCall::ClientCall(ChannelCore& of, std::size_t message_bytes_max)
    : Timer(&expired), core(of), unframer(message_bytes_max) {}

RpcReply ClientCall::take_reply() {
  RpcReply reply;
  reply.status = std::move(status);
  reply.head = std::move(head);
  reply.trailers = std::move(trailers);
  if (!reply.status.is_ok()) return reply;
  std::optional<std::string> message = unframer.next();
  if (!message.has_value() && !unframer.fault().is_ok()) {
    reply.status = unframer.fault();
  } else if (!message.has_value() || unframer.has_next() || !unframer.whole()) {
    reply.status = RpcStatus(RpcCode::internal, "the server did not send exactly one message");
  } else {
    reply.message = *std::move(message);
  }
  return reply;
}

FramedMessage::FramedMessage(std::string_view message, RpcEncoding encoding) : body(message) {
  if (encoding == RpcEncoding::gzip) {
    Result<std::string> compressed = gzip_compress(message);
    if (!compressed) {
      fault = RpcStatus(RpcCode::internal, compressed.error().what);
      return;
    }
    room = *std::move(compressed);
    body = room;
  }
  if (body.size() > UINT32_MAX)
    fault = RpcStatus(RpcCode::resource_exhausted, "the message is too large for gRPC");
  prefix = rpc_prefix(body.size(), encoding);
}

ChannelCore::ChannelCore(SharedLoop& on, std::unique_ptr<Stream> stream, RpcChannelOptions with)
    : shared(on),
      options(std::move(with)),
      connection(on.loop(), std::move(stream), Http2Role::client, options.limits, options.pace, *this) {}

void ChannelCore::start(const std::shared_ptr<ChannelCore>& core) { core->shared.loop().spawn(run(core)); }

Task<void> ChannelCore::run(std::shared_ptr<ChannelCore> core) {
  const Http2Ending ending = co_await core->connection.run();
  core->life = Life::over;
  const std::string_view why = ending == Http2Ending::protocol  ? "the connection broke the protocol"
                               : ending == Http2Ending::stalled ? "the server reads nothing any more"
                                                                : "the connection to the server has ended";
  const std::string debug = core->goaway_debug.empty() ? "" : concat(" (", core->goaway_debug, ")");
  while (!core->calls.empty()) {
    const std::shared_ptr<ClientCall> call = core->calls.begin()->second;
    core->calls.erase(core->calls.begin());
    const bool ours = ending == Http2Ending::cancelled;
    core->end_call(*call,
                   ours ? RpcStatus(RpcCode::cancelled, "the channel was closed")
                        : RpcStatus(RpcCode::unavailable, concat(why, debug)),
                   std::nullopt);
  }
  core->notify_closing();
}

void ChannelCore::notify_closing() noexcept {
  for (SharedLoop::Turn* const turn : closing) shared.finish(*turn);
  closing.clear();
}

void ChannelCore::begin(const std::shared_ptr<ClientCall>& call, std::string_view method,
                        const RpcCallOptions& with) {
  call->deadline = with.deadline;
  call->encoding = with.encoding;
  const MonotonicTime now = shared.now();
  if (with.deadline <= now)
    return end_call(*call, {RpcCode::deadline_exceeded, "the deadline has passed"}, {});
  if (!is_method(method))
    return end_call(*call, {RpcCode::internal, "a method is \"/package.Service/Method\""}, {});
  if (life != Life::open || connection.session().going_away())
    return end_call(*call, {RpcCode::unavailable, "the connection to the server has ended"}, {});
  const RequestFields fields(*this, method, with, now);
  const Result<Http2StreamId> id = connection.session().request(fields.all(), Http2End::no);
  if (!id) return end_call(*call, {rpc_code_of(id.error().code), id.error().what}, {});
  call->id = *id;
  calls[*id] = call;
  if (with.deadline == kNever) return;
  shared.loop().scheduler().wheel().set(*call, with.deadline);
}

void ChannelCore::end_call(ClientCall& call, RpcStatus status, std::optional<Http2Code> reset) {
  if (call.over) return;
  call.over = true;
  call.status = std::move(status);
  call.disarm();
  if (reset.has_value()) {
    connection.session().reset(call.id, *reset);
    connection.flush();
  }
  changed(call);
  if (!call.done) return;
  auto tell = [done = std::move(call.done), reply = call.take_reply()]() mutable { done(std::move(reply)); };
  call.done = nullptr;
  shared.interest(-1);
  shared.defer(std::move(tell));
}

void ChannelCore::expire(ClientCall& call) {
  end_call(call, {RpcCode::deadline_exceeded, "the deadline has passed"}, Http2Code::cancel);
}

void ChannelCore::changed(ClientCall& call) {
  for (SharedLoop::Turn* const turn : call.waiting) shared.finish(*turn);
  if (call.on_message && !call.pumping) pump(call.shared_from_this());
}

void ChannelCore::pump(const std::shared_ptr<ClientCall>& call) {
  call->pumping = true;
  auto hand_over = [call, core = shared_from_this()] {
    while (true) {
      std::optional<std::string> message;
      {
        const SharedLoop::Hold hold(core->shared);
        message = core->next_message(*call);
        if (!message.has_value() && !call->over) {
          call->pumping = false;
          return;
        }
      }
      const bool is_last = !message.has_value();
      call->on_message(std::move(message));
      if (!is_last) continue;
      const SharedLoop::Hold hold(core->shared);
      call->on_message = nullptr;
      core->shared.interest(-1);
      return;
    }
  };
  shared.defer(std::move(hand_over));
}

std::optional<std::string> ChannelCore::next_message(ClientCall& call) {
  std::optional<std::string> message = call.unframer.next();
  if (!message.has_value() && !call.unframer.fault().is_ok())
    end_call(call, call.unframer.fault(), Http2Code::cancel);
  if (call.unframer.has_next() || call.uncredited_bytes == 0) return message;
  connection.session().consume(call.id, std::exchange(call.uncredited_bytes, 0));
  connection.flush();
  return message;
}

ClientCall* ChannelCore::find(Http2StreamId stream) noexcept {
  const auto found = calls.find(stream);
  return found == calls.end() ? nullptr : found->second.get();
}

void ChannelCore::on_head(ClientCall& call, const Http2Fields& fields) {
  const std::string_view status = fields.find(":status").value_or("");
  const std::string_view type = fields.find("content-type").value_or("");
  if (status != "200" || !type.starts_with("application/grpc")) call.http_status = status;
  const std::string_view encoding = fields.find("grpc-encoding").value_or("identity");
  const std::optional<RpcEncoding> known = rpc_encoding_of(encoding);
  if (!known.has_value()) {
    return end_call(call, {RpcCode::internal, concat("the server compresses with ", escaped(encoding, 32))},
                    Http2Code::cancel);
  }
  call.unframer.set_encoding(*known);
  call.head = metadata_of(fields).value_or(RpcMetadata());
  call.head_seen = true;
  if (call.kind == ClientCall::Kind::stream) changed(call);
}

void ChannelCore::on_trailers(ClientCall& call, const Http2Fields& fields) {
  RpcStatus status =
      rpc_status_of_trailers(fields).value_or(rpc_status_of_http(call.http_status.value_or("200")));
  call.trailers = metadata_of(fields).value_or(RpcMetadata());
  if (!call.unframer.whole() && status.is_ok())
    status = RpcStatus(RpcCode::internal, "the server cut a message short");
  end_call(call, std::move(status), std::nullopt);
  // A server that has said all needs no more from us; nothing is lost where our side has ended as well.
  connection.session().reset(call.id, Http2Code::no_error);
}

void ChannelCore::on_fields(Http2StreamId stream, Http2Fields&& fields, Http2Part part, Http2End end) {
  ClientCall* const call = find(stream);
  if (call == nullptr || part == Http2Part::interim) return;
  const std::shared_ptr<ClientCall> keep = calls[stream];
  if (part == Http2Part::head) on_head(*call, fields);
  if (end == Http2End::yes) on_trailers(*call, fields);
}

void ChannelCore::on_data(Http2StreamId stream, std::string_view bytes) {
  ClientCall* const call = find(stream);
  if (call == nullptr || call->over || call->http_status.has_value())
    return connection.session().consume(stream, bytes.size());
  call->uncredited_bytes += bytes.size();
  if (!call->unframer.add(bytes)) {
    const std::shared_ptr<ClientCall> keep = calls[stream];
    return end_call(*call, call->unframer.fault(), Http2Code::cancel);
  }
  // A message that is still arriving is bounded by its own limit, and needs its window back to go on; whole
  // ones that nobody has read hold the window shut.
  if (!call->unframer.has_next() || call->unary())
    connection.session().consume(stream, std::exchange(call->uncredited_bytes, 0));
  if (call->unframer.has_next() && !call->unary()) changed(*call);
}

void ChannelCore::on_end(Http2StreamId stream) {
  ClientCall* const call = find(stream);
  if (call == nullptr || call->over) return;
  const std::shared_ptr<ClientCall> keep = calls[stream];
  end_call(*call, rpc_status_of_http(call->http_status.value_or("200")), Http2Code::cancel);
}

void ChannelCore::on_sent(Http2StreamId stream, std::size_t unsent_bytes) {
  ClientCall* const call = find(stream);
  if (call != nullptr && !call->unary() && unsent_bytes <= options.unsent_bytes_max / 2 &&
      !call->waiting.empty())
    changed(*call);
}

void ChannelCore::on_closed(Http2StreamId stream, Http2Code code) {
  const auto found = calls.find(stream);
  if (found == calls.end()) return;
  const std::shared_ptr<ClientCall> call = found->second;
  const bool late = call->deadline != kNever && shared.now() >= call->deadline;
  RpcStatus status = rpc_status_of_reset(code);
  if (status.code == RpcCode::cancelled && late)
    status = RpcStatus(RpcCode::deadline_exceeded, "the deadline has passed");
  end_call(*call, std::move(status), std::nullopt);
  calls.erase(stream);
  if (calls.empty() && life != Life::open) notify_closing();
}

void ChannelCore::on_goaway(Http2StreamId, Http2Code code, std::string_view debug) {
  if (life == Life::open) life = Life::going;
  goaway_debug = concat("GOAWAY ", name_of(code), debug.empty() ? "" : ": ", escaped(debug, 80));
}

}  // namespace sallyport
