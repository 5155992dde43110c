// SPDX-License-Identifier: Apache-2.0
#include "sallyport/plugin/server_stdio.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "sallyport/rpc/wire.h"

namespace sallyport {
namespace {

constexpr Duration kStdioGlance = std::chrono::seconds(1);  ///< how late a host that left is noticed

Result<Descriptor> kept_copy(int descriptor) {
  Descriptor copy(::fcntl(descriptor, F_DUPFD_CLOEXEC, 3));
  if (!copy) return fail(Code::exhausted, "stdout or stderr is closed, or no descriptor is left");
  return copy;
}

/// replace puts a pipe in the place of `descriptor` and gives the end to read from.
Result<Descriptor> replace(int descriptor) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(Code::exhausted, "no descriptor is left for a pipe");
  Descriptor from(ends[0]);
  const Descriptor into(ends[1]);
  if (::fcntl(from.get(), F_SETFL, O_NONBLOCK) != 0 || ::dup2(into.get(), descriptor) < 0)
    return fail(Code::unavailable, "stdout or stderr cannot be replaced by a pipe");
  return from;
}

}  // namespace

std::string encode_stdio_data(const StdioChunk& chunk) {
  std::string message;
  wire_put(message, 1, static_cast<std::uint64_t>(chunk.channel));
  wire_put(message, 2, std::string_view(chunk.data));
  return message;
}

void StdioQueue::put(StdioChunk chunk) {
  {
    const std::lock_guard lock(mutex_);
    if (bytes_ + chunk.data.size() > kStdioKeptBytesMax) {
      dropped_bytes_ += chunk.data.size();
      return;
    }
    bytes_ += chunk.data.size();
    chunks_.push_back(std::move(chunk));
  }
  call(changed_);
}

std::optional<StdioChunk> StdioQueue::take() {
  const std::lock_guard lock(mutex_);
  if (chunks_.empty()) return std::nullopt;
  StdioChunk chunk = std::move(chunks_.front());
  chunks_.pop_front();
  bytes_ -= chunk.data.size();
  return chunk;
}

bool StdioQueue::empty() const {
  const std::lock_guard lock(mutex_);
  return chunks_.empty();
}

void StdioQueue::on_change(std::function<void()> call) {
  const std::lock_guard lock(mutex_);
  changed_ = std::move(call);
}

void StdioQueue::end() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  call(changed_);
}

bool StdioQueue::ended() const {
  const std::lock_guard lock(mutex_);
  return ended_;
}

std::uint64_t StdioQueue::dropped_bytes() const {
  const std::lock_guard lock(mutex_);
  return dropped_bytes_;
}

void StdioQueue::flush() { call(flush_); }

void StdioQueue::on_flush(std::function<void()> call) {
  const std::lock_guard lock(mutex_);
  flush_ = std::move(call);
}

void StdioQueue::call(const std::function<void()>& which) const {
  std::function<void()> copy;
  {
    const std::lock_guard lock(mutex_);
    copy = which;
  }
  if (copy) copy();
}

Result<std::unique_ptr<StdioCapture>> StdioCapture::begin(StdioQueue& queue) {
  std::unique_ptr<StdioCapture> capture(new StdioCapture(queue));
  SALLYPORT_TRY(out, kept_copy(STDOUT_FILENO));
  SALLYPORT_TRY(err, kept_copy(STDERR_FILENO));
  std::fflush(stdout);
  SALLYPORT_TRY(from_out, replace(STDOUT_FILENO));
  capture->out_ = std::move(out);
  capture->from_out_ = std::move(from_out);
  SALLYPORT_TRY(from_err, replace(STDERR_FILENO));
  capture->err_ = std::move(err);
  capture->from_err_ = std::move(from_err);
  capture->stop_ = Descriptor(::eventfd(0, EFD_CLOEXEC));
  if (!capture->stop_) return fail(Code::exhausted, "no descriptor is left");
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // a pipe would be buffered whole, and the host kept waiting
  queue.on_flush([it = capture.get()] { it->flush(); });
  capture->pump_ = std::thread(&StdioCapture::pump, capture.get());
  return capture;
}

StdioCapture::~StdioCapture() { finish(); }

void StdioCapture::flush() {
  std::fflush(stdout);
  drain(from_out_.get(), StdioChunk::Channel::out);
  drain(from_err_.get(), StdioChunk::Channel::err);
}

void StdioCapture::finish() {
  if (!out_) return;
  queue_.on_flush(nullptr);
  std::fflush(stdout);
  ::dup2(out_.get(), STDOUT_FILENO);
  if (err_) ::dup2(err_.get(), STDERR_FILENO);
  const std::uint64_t one = 1;
  if (stop_ && ::write(stop_.get(), &one, sizeof one) < 0) return;  // cannot be: the counter is empty
  if (pump_.joinable()) pump_.join();
  out_.reset();
  err_.reset();
  queue_.end();
}

/// drain reads what is there; false at the end.
bool StdioCapture::drain(int descriptor, StdioChunk::Channel channel) {
  const std::lock_guard lock(reading_);
  std::array<char, kStdioChunkBytesMax> room;
  while (true) {
    const ssize_t got = ::read(descriptor, room.data(), room.size());
    if (got > 0) {
      queue_.put({channel, std::string(room.data(), static_cast<std::size_t>(got))});
    } else if (got == 0 || errno != EINTR) {
      return got != 0 && errno == EAGAIN;
    }
  }
}

void StdioCapture::pump() {
  std::array<pollfd, 3> waits{
      {{from_out_.get(), POLLIN, 0}, {from_err_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
  const std::array channels{StdioChunk::Channel::out, StdioChunk::Channel::err};
  // A child of the plugin may hold the pipes open for as long as it likes: the end is when we say so.
  while (waits[2].revents == 0) {
    if (::poll(waits.data(), waits.size(), -1) < 0) continue;
    for (std::size_t i = 0; i < channels.size(); ++i) {
      if (waits[i].fd >= 0 && !drain(waits[i].fd, channels[i])) waits[i].fd = -1;
    }
  }
}

PluginStdio::PluginStdio(Loop& loop, StdioQueue& queue)
    : loop_(loop), queue_(queue), changed_(std::make_shared<Signal>(loop.scheduler())) {
  queue_.on_change([&loop, weak = std::weak_ptr<Signal>(changed_)] {
    loop.post([weak] {
      if (const auto changed = weak.lock()) changed->notify_all();
    });
  });
}

PluginStdio::~PluginStdio() { queue_.on_change(nullptr); }

void PluginStdio::add_to(RpcServer& server) {
  server.add_streaming("/plugin.GRPCStdio/StreamStdio",
                       [this](RpcServerCall& call) { return stream(*this, call); });
}

Task<RpcStatus> PluginStdio::stream(PluginStdio& stdio, RpcServerCall& call) {
  const RpcStatus taken(RpcCode::failed_precondition, "another host takes the output already");
  if (stdio.listener_ != Listener::none) co_return taken;
  stdio.listener_ = Listener::is_sent;
  call.send_head();
  while (!call.over()) {
    const std::optional<StdioChunk> chunk = stdio.queue_.take();
    if (chunk.has_value()) {
      const std::string message = encode_stdio_data(*chunk);
      const bool sent = co_await call.write(message);
      if (!sent) break;
      continue;
    }
    if (stdio.queue_.ended()) break;
    stdio.listener_ = Listener::waits;
    stdio.changed_->notify_all();
    const MonotonicTime glance = after(call.now(), kStdioGlance);
    co_await stdio.changed_->wait(glance);
    stdio.listener_ = Listener::is_sent;
  }
  stdio.listener_ = Listener::none;
  stdio.changed_->notify_all();
  co_return rpc_ok();
}

Task<void> PluginStdio::until_sent(PluginStdio& stdio, MonotonicTime deadline) {
  const auto sent = [&stdio] {
    return stdio.listener_ == Listener::none || (stdio.listener_ == Listener::waits && stdio.queue_.empty());
  };
  while (!sent() && stdio.loop_.now() < deadline) co_await stdio.changed_->wait(deadline);
}

}  // namespace sallyport
