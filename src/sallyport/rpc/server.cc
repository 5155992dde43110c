// SPDX-License-Identifier: Apache-2.0
#include "sallyport/rpc/server.h"

#include <algorithm>
#include <utility>

#include "sallyport/rpc/internal/server_connection.h"

namespace sallyport {

RpcServer::RpcServer(Loop& loop, RpcServerOptions options)
    : loop_(loop), options_(std::move(options)), fewer_(loop.scheduler()) {}
RpcServer::~RpcServer() = default;

void RpcServer::add(std::string_view method, Unary handler) {
  Method& made = methods_[std::string(method)] = Method();
  made.unary = std::move(handler);
}

void RpcServer::add_streaming(std::string_view method, Streaming handler) {
  Method& made = methods_[std::string(method)] = Method();
  made.streaming = std::move(handler);
}

void RpcServer::add_on(BlockingPool& pool, std::string_view method, Unary handler) {
  add(method, std::move(handler));
  methods_.find(method)->second.pool = &pool;
}

void RpcServer::add_blocking_on(BlockingPool& pool, std::string_view method, Blocking handler) {
  Method& made = methods_[std::string(method)] = Method();
  made.blocking = std::move(handler);
  made.pool = &pool;
}

std::vector<std::string> RpcServer::services() const {
  std::vector<std::string> names;
  for (const auto& [method, handler] : methods_) {
    const std::size_t slash = method.rfind('/');
    const std::string name = slash == std::string::npos || slash < 2 ? method : method.substr(1, slash - 1);
    if (names.empty() || names.back() != name) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

void RpcServer::serve(std::unique_ptr<Stream> stream) {
  if (life_ == Life::closing) return;
  ++counters_.connections;
  auto connection = std::make_shared<ServerConnection>(*this, std::move(stream));
  connections_.push_back(connection);
  loop_.spawn(run(std::move(connection)));
}

Task<void> RpcServer::run(std::shared_ptr<ServerConnection> connection) {
  co_await connection->connection.run();
  connection->lost();
  std::erase(connections_, connection);
  fewer_.notify_all();
}

void RpcServer::shut_down() {
  life_ = Life::closing;
  const std::vector<std::shared_ptr<ServerConnection>> all = connections_;
  for (const auto& one : all) {
    one->connection.session().go_away(Http2Code::no_error, {});
    one->connection.flush();
  }
}

Task<bool> RpcServer::drain(MonotonicTime deadline) {
  shut_down();
  while (!connections_.empty() && loop_.now() < deadline) co_await fewer_.wait(deadline);
  const bool in_order = connections_.empty();
  cut();
  while (!connections_.empty()) co_await fewer_.wait();
  co_return in_order;
}

void RpcServer::end_calls(const std::function<bool(const RpcServerCall&)>& chosen, const RpcStatus& status) {
  const std::vector<std::shared_ptr<ServerConnection>> all = connections_;
  for (const auto& one : all) {
    std::vector<std::shared_ptr<RpcServerCall>> ending;
    for (const auto& [stream, call] : one->calls) {
      if (chosen(*call)) ending.push_back(call);
    }
    for (const auto& call : ending) call->end(status);
  }
}

void RpcServer::cut() {
  const std::vector<std::shared_ptr<ServerConnection>> all = connections_;
  for (const auto& one : all) one->connection.close();
}

}  // namespace sallyport
