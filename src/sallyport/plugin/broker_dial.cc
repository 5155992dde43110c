// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/net/dialer.h"
#include "sallyport/plugin/internal/broker_parts.h"
#include "sallyport/plugin/stream_bridge.h"

namespace sallyport {
namespace {

/// judged gives `stream` on, unless another process than the other side is at its end.
Result<std::unique_ptr<Stream>> judged(std::unique_ptr<Stream> stream, const PluginPeerRule& peers,
                                       const SocketAddress& address) {
  const auto transport = address.is_unix() ? PluginTransport::unix_socket : PluginTransport::tcp;
  const auto refusal = peers.refusal(stream->peer_process(), transport);
  if (refusal) return fail(Code::permission_denied, concat("who answers is not who told: ", *refusal));
  return stream;
}

}  // namespace

Result<ConnInfo> PluginBroker::await_info(SharedLoop::Hold& hold, std::uint32_t id, MonotonicTime deadline) {
  forget_old();
  if (const auto found = announced_.find(id); found != announced_.end()) {
    ConnInfo info = std::move(found->second.info);
    announced_.erase(found);
    return info;
  }
  Wait wait;
  if (life_ == Life::closed || !waiting_.try_emplace(id, &wait).second)
    return fail(Code::unavailable, concat("number ", id, " is being dialled, or the broker is closed"));
  means_.loop->wait(hold, wait.turn, deadline);
  waiting_.erase(id);
  if (wait.info) return *std::move(wait.info);
  if (life_ == Life::closed) return fail(Code::unavailable, "the other side of the broker is gone");
  return fail(Code::deadline_exceeded, concat("the other side never said where its service ", id,
                                              " is; does it call Accept with the same number?"));
}

/// knock asks for a stream of the shared connection, and opens it once the other side expects it.
Result<std::unique_ptr<Stream>> PluginBroker::knock(SharedLoop::Hold& hold, std::uint32_t id,
                                                    MonotonicTime deadline) {
  if (peer_ == Peer::gone) return fail(Code::unavailable, "the other side of the broker is not there");
  say({id, {}, {}, ConnInfo::Knock{true, false, {}}});
  means_.loop->loop().nudge();
  SALLYPORT_TRY(answer, await_info(hold, id, deadline));
  if (!answer.knock->error.empty()) {
    return fail(Code::unavailable,
                concat("the other side refused service ", id, ": ", escaped(answer.knock->error)));
  }
  return means_.share->open();
}

Task<void> PluginBroker::connect_for(std::shared_ptr<Dialling> dialling) {
  Loop& loop = dialling->loop->loop();
  SocketDialer dialer(loop);
  Result<std::unique_ptr<Stream>> stream = fail(Code::internal, "");
  if (dialling->shared == nullptr) {
    stream = co_await dialer.dial(dialling->address, dialling->deadline);
    if (stream) stream = judged(*std::move(stream), dialling->peers, dialling->address);
  } else if (dialling->tls) {
    stream = socket_before(loop, std::move(dialling->shared));
  } else {
    stream = std::move(dialling->shared);
  }
  if (stream && dialling->tls) {
    std::unique_ptr<Stream> plain = *std::move(stream);
    stream = co_await dialling->tls->connect(loop, std::move(plain), dialling->deadline);
  }
  dialling->stream = std::move(stream);
  dialling->loop->finish(dialling->turn);
}

Result<std::unique_ptr<Stream>> PluginBroker::connect(SharedLoop::Hold& hold,
                                                      const std::shared_ptr<Dialling>& dialling,
                                                      MonotonicTime deadline) {
  dialling->loop = means_.loop;
  dialling->tls = means_.tls;
  dialling->peers = means_.peers;
  dialling->deadline = deadline;
  means_.loop->loop().spawn(connect_for(dialling));
  means_.loop->wait(hold, dialling->turn, deadline);
  return std::move(dialling->stream);
}

Result<std::shared_ptr<RpcChannel>> PluginBroker::dial(std::uint32_t id, RpcChannelOptions options) {
  std::unique_ptr<Stream> stream;
  std::unique_lock one_at_a_time(knocking_, std::defer_lock);
  if (means_.share) one_at_a_time.lock();
  {
    SharedLoop::Hold hold(*means_.loop);
    const MonotonicTime deadline = after(means_.loop->now(), means_.patience);
    auto dialling = std::make_shared<Dialling>();
    if (means_.share) {
      SALLYPORT_TRY(opened, knock(hold, id, deadline));
      dialling->shared = std::move(opened);
    } else {
      SALLYPORT_TRY(info, await_info(hold, id, deadline));
      SALLYPORT_TRY(address, info.where());
      dialling->address = std::move(address);
    }
    SALLYPORT_TRY(connected, connect(hold, dialling, deadline));
    stream = std::move(connected);
  }
  return RpcChannel::over(means_.loop, std::move(stream), std::move(options));
}

}  // namespace sallyport
