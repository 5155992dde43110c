// SPDX-License-Identifier: Apache-2.0
#include "sallyport/rpc/server_call.h"

#include "sallyport/rpc/internal/server_connection.h"

namespace sallyport {

RpcServerCall::RpcServerCall(ServerConnection& connection, Loop& loop, Http2StreamId stream,
                             std::size_t message_bytes_max)
    : Timer(&RpcServerCall::expired),
      loop_(loop),
      connection_(&connection),
      stream_(stream),
      facts_(*connection.facts),
      kept_facts_(connection.facts),
      certificate_(connection.certificate),
      unframer_(message_bytes_max),
      changed_(loop.scheduler()) {}

RpcServerCall::~RpcServerCall() = default;

void RpcServerCall::expired(Timer& timer) noexcept {
  auto& call = static_cast<RpcServerCall&>(timer);
  if (call.connection_ == nullptr) return;
  const RpcStatus status(RpcCode::deadline_exceeded, "the deadline has passed");
  call.connection_->abandon(call, status, Http2Code::cancel);
}

void RpcServerCall::compress_with(RpcEncoding encoding) noexcept {
  if (encoding == RpcEncoding::identity || accepts_ == Accepts::gzip) encoding_ = encoding;
}

std::optional<std::string> RpcServerCall::take_message() {
  return connection_ == nullptr ? std::nullopt : connection_->take_message(*this);
}

Task<std::optional<std::string>> RpcServerCall::read() {
  while (!over() && !unframer_.has_next() && input_ == Input::open) co_await changed_.wait();
  if (over()) co_return std::nullopt;
  co_return take_message();
}

Task<bool> RpcServerCall::write(std::string_view message) {
  if (over() || connection_ == nullptr || !connection_->put(*this, message)) co_return false;
  while (!over() && connection_ != nullptr &&
         connection_->connection.session().unsent_bytes(stream_) >
             connection_->server.options().unsent_bytes_max)
    co_await changed_.wait();
  co_return !over();
}

Task<void> RpcServerCall::until_over() {
  while (!over()) co_await changed_.wait();
}

void RpcServerCall::send_head() {
  if (!over() && connection_ != nullptr) connection_->send_head(*this);
}

void RpcServerCall::end(const RpcStatus& status) {
  if (connection_ != nullptr) connection_->settle(*this, status);
}

}  // namespace sallyport
