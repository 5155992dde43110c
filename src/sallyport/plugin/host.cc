// SPDX-License-Identifier: Apache-2.0
#include "sallyport/plugin/host.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/plugin/internal/plugin_connection.h"
#include "sallyport/plugin/internal/plugin_start.h"
#include "sallyport/rpc/wire.h"

namespace sallyport {
namespace {

constexpr std::string_view kShutdown = "/plugin.GRPCController/Shutdown";
constexpr std::string_view kStreamStdio = "/plugin.GRPCStdio/StreamStdio";
constexpr std::string_view kHealthCheck = "/grpc.health.v1.Health/Check";
constexpr std::uint64_t kServing = 1;  // grpc.health.v1.HealthCheckResponse
constexpr Duration kStdioPatience = std::chrono::milliseconds(500);
constexpr Duration kAttachTimeout = std::chrono::seconds(10);

/// stdio_of reads a StdioData; none where it is malformed or of an unknown channel.
std::optional<std::pair<PluginNotices::Output, std::string>> stdio_of(std::string_view message) {
  std::uint64_t channel = 0;
  std::string_view data;
  WireReader reader(message);
  while (reader.next()) {
    if (reader.field() == 1 && !reader.is_bytes()) channel = reader.number();
    if (reader.field() == 2 && reader.is_bytes()) data = reader.text();
  }
  if (!reader.ok() || channel == 0 || channel > 2) return std::nullopt;
  return std::pair(channel == 1 ? PluginNotices::Output::out : PluginNotices::Output::err, std::string(data));
}

/// StdioTap is what outlives the host in a call that still runs.
struct StdioTap {
  std::mutex mutex;
  std::condition_variable changed;
  std::function<void(PluginNotices::Output, std::string_view)> output;  ///< guarded by mutex, as is over
  bool over = false;

  void take(const std::optional<std::string>& message) {
    const std::lock_guard lock(mutex);
    if (!message) {
      over = true;
      changed.notify_all();
    } else if (const auto piece = stdio_of(*message); piece && output) {
      output(piece->first, piece->second);
    }
  }
};

}  // namespace

struct PluginHost::State {
  State(const PluginPowers& with, PluginNotices notify) : powers(with), notices(std::move(notify)) {}
  PluginPowers powers;
  PluginNotices notices;
  PluginHandshake handshake;
  Tls tls = Tls::off;
  StopWaits waits;
  std::optional<StartedPlugin> started;  ///< none: attached to
  std::optional<PluginReattach> attached;
  Descriptor process;  ///< of what was attached to
  std::shared_ptr<RpcChannel> channel;
  std::shared_ptr<RpcStream> stdio;
  std::shared_ptr<StdioTap> tap = std::make_shared<StdioTap>();
  std::mutex stopping;
  std::optional<PluginEnding> ending;  ///< guarded by stopping

  void speak(std::unique_ptr<Stream> stream);
  void listen_to_stdio();
  void leave_stdio(Duration patience);
  RpcStatus ask_to_leave(MonotonicTime deadline);
  PluginEnding end_started();
  PluginEnding end_attached();
  bool attached_left(MonotonicTime deadline) const;
};

void PluginHost::State::speak(std::unique_ptr<Stream> stream) {
  channel = RpcChannel::over(powers.loop, std::move(stream), {});
  listen_to_stdio();
}

/// listen_to_stdio takes what the plugin prints, always: a Go plugin waits for whoever does not.
void PluginHost::State::listen_to_stdio() {
  stdio = channel->open(kStreamStdio);
  stdio->write("");
  stdio->finish_writes();
  tap->output = notices.output;
  auto take = [tap = tap](const std::optional<std::string>& message) { tap->take(message); };
  stdio->on_message(std::move(take));
}

/// leave_stdio lets what the plugin printed last come in, and nothing after that.
void PluginHost::State::leave_stdio(Duration patience) {
  std::unique_lock lock(tap->mutex);
  tap->changed.wait_for(lock, patience, [this] { return tap->over; });
  tap->output = nullptr;
  lock.unlock();
  stdio->cancel();
}

RpcStatus PluginHost::State::ask_to_leave(MonotonicTime deadline) {
  RpcCallOptions options;
  options.deadline = deadline;
  return channel->call(kShutdown, "", std::move(options)).status;
}

PluginEnding PluginHost::State::end_started() {
  using By = PluginEnding::By;
  PluginProcess& plugin = *started->process;
  const auto until = [&](Duration wait) { return after(powers.monotonic.now(), wait); };
  const auto ended = [&](By by) { return PluginEnding{by, plugin.exit()}; };
  if (plugin.exit()) return ended(By::itself);
  const auto asked = until(waits.interrupt);
  // A Go plugin is gone before it has answered; one that does not know the call has not been asked.
  const bool heard = ask_to_leave(asked).code != RpcCode::unimplemented;
  if (plugin.wait_exit(heard ? asked : until({}))) return ended(By::itself);
  plugin.send(StopSignal::terminate);
  if (plugin.wait_exit(until(waits.terminate))) return ended(By::terminate);
  plugin.send(StopSignal::kill);
  return ended(plugin.wait_exit(until(waits.kill)) ? By::kill : By::lost);
}

bool PluginHost::State::attached_left(MonotonicTime deadline) const {
  const auto left = std::max(deadline - powers.monotonic.now(), Duration{});
  pollfd wait{process.get(), POLLIN, 0};
  return ::poll(&wait, 1, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count())) == 1;
}

PluginEnding PluginHost::State::end_attached() {
  using By = PluginEnding::By;
  if (attached->test == PluginReattach::Test::yes || !process) return {By::lost, std::nullopt};
  const auto until = [&](Duration wait) { return after(powers.monotonic.now(), wait); };
  const auto asked = until(waits.interrupt);
  static_cast<void>(ask_to_leave(asked));
  if (attached_left(asked)) return {By::itself, std::nullopt};
  const auto send = [&](int signal) { ::syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0); };
  send(SIGTERM);
  if (attached_left(until(waits.terminate))) return {By::terminate, std::nullopt};
  send(SIGKILL);
  return {attached_left(until(waits.kill)) ? By::kill : By::lost, std::nullopt};
}

PluginHost::PluginHost(std::unique_ptr<State> state) : state_(std::move(state)) {}

PluginHost::~PluginHost() { stop(); }

Result<std::unique_ptr<PluginHost>> PluginHost::start(const PluginLaunch& launch, const PluginPowers& powers,
                                                      PluginNotices notices) {
  auto state = std::make_unique<State>(powers, std::move(notices));
  if (!state->powers.loop) state->powers.loop = std::make_shared<SharedLoop>(powers.monotonic);
  PluginProcessNotices told{state->notices.log, state->notices.ended};
  SALLYPORT_TRY(started, start_plugin(launch, state->powers, std::move(told)));
  state->handshake = std::move(started.handshake);
  state->tls = started.tls ? Tls::on : Tls::off;
  state->waits = launch.stop;
  auto stream = std::move(started.stream);
  state->started.emplace(std::move(started));
  state->speak(std::move(stream));
  return std::unique_ptr<PluginHost>(new PluginHost(std::move(state)));
}

Result<std::unique_ptr<PluginHost>> PluginHost::attach(const PluginReattach& to, const PluginPowers& powers,
                                                       PluginNotices notices) {
  auto state = std::make_unique<State>(powers, std::move(notices));
  if (!state->powers.loop) state->powers.loop = std::make_shared<SharedLoop>(powers.monotonic);
  state->waits.interrupt = kPluginAskTimeout;
  state->attached = to;
  state->handshake.app_version = to.app_version;
  state->handshake.address = to.address;
  // Opened before the kernel is asked who listens: the number cannot come to mean another process between.
  state->process.reset(static_cast<int>(::syscall(SYS_pidfd_open, to.pid, 0)));
  if (!state->process)
    return fail(Code::unavailable, concat("there is no process ", to.pid, " to attach to"));
  const PluginPeer peer{static_cast<std::uint32_t>(::geteuid()), to.pid, to.pid, PluginPeer::Below::no};
  const auto deadline = after(powers.monotonic.now(), kAttachTimeout);
  SALLYPORT_TRY(stream, connect_plugin(*state->powers.loop, to.address, peer, nullptr, deadline));
  state->speak(std::move(stream));
  return std::unique_ptr<PluginHost>(new PluginHost(std::move(state)));
}

const PluginHandshake& PluginHost::handshake() const noexcept { return state_->handshake; }
Tls PluginHost::tls() const noexcept { return state_->tls; }
pid_t PluginHost::pid() const {
  return state_->started ? state_->started->process->pid() : state_->attached->pid;
}
const std::shared_ptr<RpcChannel>& PluginHost::channel() const noexcept { return state_->channel; }

Status PluginHost::ping(Duration timeout) {
  RpcCallOptions options;
  options.deadline = after(state_->powers.monotonic.now(), timeout);
  std::string request;
  wire_put(request, 1, kPluginHealthService);
  const auto reply = state_->channel->call(kHealthCheck, request, std::move(options));
  if (reply.status.code == RpcCode::unimplemented)
    return fail(Code::not_found, "the plugin has no health service");
  if (reply.status.code == RpcCode::deadline_exceeded)
    return fail(Code::deadline_exceeded, "the plugin did not say in time how it is");
  if (!reply.status.is_ok()) {
    return fail(Code::unavailable, concat("the plugin's health: ", name_of(reply.status.code), " ",
                                          escaped(reply.status.message)));
  }
  std::uint64_t serving = 0;
  WireReader reader(reply.message);
  while (reader.next()) {
    if (reader.field() == 1 && !reader.is_bytes()) serving = reader.number();
  }
  if (reader.ok() && serving == kServing) return ok();
  return fail(Code::unavailable, "the plugin says that it does not serve");
}

std::optional<ExitStatus> PluginHost::exit() const {
  return state_->started ? state_->started->process->exit() : std::nullopt;
}

bool PluginHost::wait_exit(MonotonicTime deadline) {
  return state_->started ? state_->started->process->wait_exit(deadline) : state_->attached_left(deadline);
}

std::string PluginHost::tail() const {
  return state_->started ? state_->started->process->tail() : std::string();
}

Result<PluginReattach> PluginHost::reattach() const {
  if (state_->tls == Tls::on) {
    return fail(Code::invalid_argument,
                "a plugin under TLS cannot be attached to: the keys do not leave this process");
  }
  if (state_->attached) return *state_->attached;
  return PluginReattach{state_->handshake.app_version, state_->handshake.address, pid()};
}

PluginEnding PluginHost::stop() {
  const std::lock_guard lock(state_->stopping);
  if (state_->ending) return *state_->ending;
  state_->ending = state_->started ? state_->end_started() : state_->end_attached();
  const bool over = state_->ending->by != PluginEnding::By::lost;
  state_->leave_stdio(over ? kStdioPatience : Duration{});
  state_->channel->close(state_->powers.monotonic.now());
  if (state_->started) state_->started->sockets.reset();
  return *state_->ending;
}

}  // namespace sallyport
