// SPDX-License-Identifier: Apache-2.0
#include "sallyport/rpc/channel.h"

#include <algorithm>
#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/net/dialer.h"
#include "sallyport/rpc/internal/client_call.h"

namespace sallyport {
namespace {

constexpr Duration kCutMax = std::chrono::seconds(2);  ///< for a cut connection's task to notice

/// Intercepted is a call on its way through the interceptors.
class Intercepted {
 public:
  Intercepted(const RpcChannelOptions& channel, std::string_view method, RpcCallOptions& options)
      : interceptors_(&channel.interceptors), method_(method) {
    while (passed_ < interceptors_->size()) {
      verdict_ = (*interceptors_)[passed_]->on_call(method_, options);
      if (!verdict_.is_ok()) return;
      ++passed_;
    }
  }
  [[nodiscard]] const RpcStatus& verdict() const noexcept { return verdict_; }
  void end(const RpcStatus& status) {
    while (passed_ > 0) (*interceptors_)[--passed_]->on_end(method_, status);
  }

 private:
  const std::vector<std::shared_ptr<RpcClientInterceptor>>* interceptors_;
  std::string method_;
  std::size_t passed_ = 0;
  RpcStatus verdict_ = rpc_ok();
};

class ClientStream final : public RpcStream {
 public:
  ClientStream(std::shared_ptr<SharedLoop> shared, std::shared_ptr<ChannelCore> core,
               std::shared_ptr<ClientCall> call, Intercepted intercepted)
      : shared_(std::move(shared)),
        core_(std::move(core)),
        call_(std::move(call)),
        intercepted_(std::move(intercepted)) {}
  ~ClientStream() override {
    RpcStatus status;
    {
      SharedLoop::Hold hold(*shared_);
      core_->end_call(*call_, {RpcCode::cancelled, "the call was dropped"}, Http2Code::cancel);
      status = call_->status;
    }
    intercepted_.end(status);
  }

  bool write(std::string_view message) override {
    const FramedMessage framed(message, call_->encoding);
    SharedLoop::Hold hold(*shared_);
    if (call_->over) return false;
    if (!framed.fault.is_ok()) {
      core_->end_call(*call_, framed.fault, Http2Code::cancel);
      return false;
    }
    Http2Session& session = core_->connection.session();
    if (!session.send_pieces(call_->id, framed.head(), framed.body)) return false;
    core_->connection.flush();
    auto room = [&] { return session.unsent_bytes(call_->id) <= core_->options.unsent_bytes_max; };
    core_->wait(hold, *call_, room);
    return true;
  }
  void finish_writes() override {
    const SharedLoop::Hold hold(*shared_);
    if (call_->over) return;
    core_->connection.session().finish(call_->id, {});
    core_->connection.flush();
  }
  std::optional<std::string> read() override {
    SharedLoop::Hold hold(*shared_);
    auto there = [&] { return call_->unframer.has_next(); };
    core_->wait(hold, *call_, there);
    return core_->next_message(*call_);
  }
  void on_message(std::function<void(std::optional<std::string>)> take) override {
    const SharedLoop::Hold hold(*shared_);
    call_->on_message = std::move(take);
    shared_->interest(1);
    if (call_->over || call_->unframer.has_next()) core_->pump(call_);
  }
  RpcMetadata head() override {
    SharedLoop::Hold hold(*shared_);
    auto there = [&] { return call_->head_seen; };
    core_->wait(hold, *call_, there);
    return call_->head;
  }
  RpcStatus finish() override {
    SharedLoop::Hold hold(*shared_);
    auto never = [&] {
      while (!call_->on_message && call_->unframer.has_next() && !call_->over) core_->next_message(*call_);
      return false;
    };
    core_->wait(hold, *call_, never);
    return call_->status;
  }
  RpcMetadata trailers() override {
    const SharedLoop::Hold hold(*shared_);
    return call_->trailers;
  }
  void cancel() override {
    const SharedLoop::Hold hold(*shared_);
    core_->end_call(*call_, {RpcCode::cancelled, "the caller cancelled the call"}, Http2Code::cancel);
  }

 private:
  std::shared_ptr<SharedLoop> shared_;
  std::shared_ptr<ChannelCore> core_;
  std::shared_ptr<ClientCall> call_;
  Intercepted intercepted_;
};

Task<void> dial_on(Loop& loop, SocketAddress address, MonotonicTime deadline,
                   std::optional<Result<std::unique_ptr<Stream>>>& result, SharedLoop& shared,
                   SharedLoop::Turn& turn) {
  SocketDialer dialer(loop);
  result.emplace(co_await dialer.dial(address, deadline));
  shared.finish(turn);
}

/// send_whole sends a unary call's only message.
void send_whole(ChannelCore& core, ClientCall& call, const FramedMessage& framed) {
  if (call.over) return;
  if (!framed.fault.is_ok()) return core.end_call(call, framed.fault, Http2Code::cancel);
  Http2Session& session = core.connection.session();
  session.send_pieces(call.id, framed.head(), framed.body);
  session.finish(call.id, {});
  core.connection.flush();
}

}  // namespace

class RpcChannel::Core {
 public:
  Core(std::shared_ptr<SharedLoop> on, std::shared_ptr<ChannelCore> of)
      : shared(std::move(on)), core(std::move(of)) {}
  std::shared_ptr<SharedLoop> shared;
  std::shared_ptr<ChannelCore> core;
};

RpcChannel::RpcChannel(std::shared_ptr<Core> core) : core_(std::move(core)) {}

RpcChannel::~RpcChannel() { close(core_->shared->now()); }

Result<std::shared_ptr<RpcChannel>> RpcChannel::connect(const std::shared_ptr<SharedLoop>& loop,
                                                        const SocketAddress& address,
                                                        RpcChannelOptions options, MonotonicTime deadline) {
  std::optional<Result<std::unique_ptr<Stream>>> dialled;
  {
    SharedLoop::Hold hold(*loop);
    SharedLoop::Turn turn;
    loop->loop().spawn(dial_on(loop->loop(), address, deadline, dialled, *loop, turn));
    loop->wait(hold, turn, kNever);  // the dialer itself keeps to the deadline
  }
  if (!dialled.has_value()) return fail(Code::cancelled, "the loop is closing");
  if (!*dialled) return std::move(*dialled).error();
  return over(loop, **std::move(dialled), std::move(options));
}

std::shared_ptr<RpcChannel> RpcChannel::over(const std::shared_ptr<SharedLoop>& loop,
                                             std::unique_ptr<Stream> stream, RpcChannelOptions options) {
  const SharedLoop::Hold hold(*loop);
  auto core = std::make_shared<ChannelCore>(*loop, std::move(stream), std::move(options));
  ChannelCore::start(core);
  return std::shared_ptr<RpcChannel>(new RpcChannel(std::make_shared<Core>(loop, std::move(core))));
}

RpcReply RpcChannel::call(std::string_view method, std::string_view request, RpcCallOptions options) {
  ChannelCore& core = *core_->core;
  Intercepted intercepted(core.options, method, options);
  RpcReply reply;
  reply.status = intercepted.verdict();
  if (reply.status.is_ok()) {
    const FramedMessage framed(request, options.encoding);
    const auto call = std::make_shared<ClientCall>(core, core.options.message_bytes_max);
    call->kind = ClientCall::Kind::unary;
    SharedLoop::Hold hold(*core_->shared);
    core.begin(call, method, options);
    send_whole(core, *call, framed);
    auto never = [] { return false; };
    core.wait(hold, *call, never);
    reply = call->take_reply();
  }
  intercepted.end(reply.status);
  return reply;
}

void RpcChannel::call_async(std::string_view method, std::string_view request, RpcCallOptions options,
                            std::function<void(RpcReply)> done) {
  ChannelCore& core = *core_->core;
  Intercepted intercepted(core.options, method, options);
  auto finish = [intercepted, done = std::move(done)](RpcReply reply) mutable {
    intercepted.end(reply.status);
    done(std::move(reply));
  };
  const FramedMessage framed(request, options.encoding);
  const auto call = std::make_shared<ClientCall>(core, core.options.message_bytes_max);
  call->kind = ClientCall::Kind::unary;
  const SharedLoop::Hold hold(*core_->shared);
  call->done = std::move(finish);
  core_->shared->interest(1);
  if (!intercepted.verdict().is_ok()) return core.end_call(*call, intercepted.verdict(), std::nullopt);
  core.begin(call, method, options);
  send_whole(core, *call, framed);
  core_->shared->loop().nudge();
}

std::shared_ptr<RpcStream> RpcChannel::open(std::string_view method, RpcCallOptions options) {
  ChannelCore& core = *core_->core;
  Intercepted intercepted(core.options, method, options);
  const auto call = std::make_shared<ClientCall>(core, core.options.message_bytes_max);
  const SharedLoop::Hold hold(*core_->shared);
  if (intercepted.verdict().is_ok()) {
    core.begin(call, method, options);
    core.connection.flush();
  } else {
    core.end_call(*call, intercepted.verdict(), std::nullopt);
  }
  return std::make_shared<ClientStream>(core_->shared, core_->core, call, std::move(intercepted));
}

bool RpcChannel::is_over() const {
  const SharedLoop::Hold hold(*core_->shared);
  return core_->core->life != ChannelCore::Life::open || core_->core->connection.over();
}

void RpcChannel::close(MonotonicTime deadline) {
  ChannelCore& core = *core_->core;
  SharedLoop& shared = *core_->shared;
  SharedLoop::Hold hold(shared);
  if (core.life == ChannelCore::Life::open) {
    core.life = ChannelCore::Life::going;
    core.connection.session().go_away(Http2Code::no_error, {});
    core.connection.flush();
  }
  const auto wait_once = [&](MonotonicTime until) {
    SharedLoop::Turn turn;
    core.closing.push_back(&turn);
    const bool woken = shared.wait(hold, turn, until);
    std::erase(core.closing, &turn);
    return woken;
  };
  while (core.life != ChannelCore::Life::over && !core.calls.empty() && wait_once(deadline)) {
  }
  core.connection.close();
  const MonotonicTime cut = after(shared.now(), kCutMax);
  while (core.life != ChannelCore::Life::over && wait_once(cut)) {
  }
}

const ConnectionFacts& RpcChannel::facts() const noexcept { return core_->core->connection.facts(); }

std::optional<PeerProcess> RpcChannel::peer_process() const {
  const SharedLoop::Hold hold(*core_->shared);
  return core_->core->connection.peer_process();
}

}  // namespace sallyport
