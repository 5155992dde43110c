// SPDX-License-Identifier: Apache-2.0
// StdioCapture: what a plugin's code prints goes to its host by GRPCStdio, not into the pipe of the handshake
// line. At the level of descriptors, so that printf, std::cout and a library's own write(2) all count.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "sallyport/base/result.h"
#include "sallyport/env/posix/descriptor.h"
#include "sallyport/net/loop.h"
#include "sallyport/rpc/server.h"

namespace sallyport {

inline constexpr std::size_t kStdioKeptBytesMax = std::size_t{1} << 20;  ///< beyond, output is dropped
inline constexpr std::size_t kStdioChunkBytesMax = 4096;

/// StdioChunk is a piece of what was printed. A value.
struct StdioChunk {
  enum class Channel : std::uint8_t { out = 1, err = 2 } channel = Channel::out;  ///< with its wire number
  std::string data;
};

/// encode_stdio_data writes the message StdioData.
std::string encode_stdio_data(const StdioChunk& chunk);

/// StdioQueue keeps output until the host takes it: bounded, and nobody who prints ever waits for the host.
/// Any thread.
class StdioQueue {
 public:
  /// put adds a chunk, or drops it where too much waits already.
  void put(StdioChunk chunk);
  std::optional<StdioChunk> take();
  [[nodiscard]] bool empty() const;
  /// flush brings in what was printed and not put yet; on_flush says how.
  void flush();
  void on_flush(std::function<void()> call);
  /// on_change is called, on any thread and without locks held, when something was put or the end has come.
  void on_change(std::function<void()> call);
  void end();
  [[nodiscard]] bool ended() const;
  [[nodiscard]] std::uint64_t dropped_bytes() const;

 private:
  void call(const std::function<void()>& which) const;
  mutable std::mutex mutex_;
  std::deque<StdioChunk> chunks_;  ///< all guarded by mutex_
  std::size_t bytes_ = 0;
  std::uint64_t dropped_bytes_ = 0;
  bool ended_ = false;
  std::function<void()> changed_;
  std::function<void()> flush_;
};

/// StdioCapture puts pipes in the place of descriptors 1 and 2 and reads them on a thread of its own: a
/// program that prints more than a pipe holds, on whatever thread, must not wait for itself. A process has
/// one at most. A resource.
class StdioCapture {
 public:
  /// begin: exhausted (no descriptor), unavailable. `queue` outlives the capture.
  static Result<std::unique_ptr<StdioCapture>> begin(StdioQueue& queue);
  StdioCapture(const StdioCapture&) = delete;
  StdioCapture& operator=(const StdioCapture&) = delete;
  /// Puts the original descriptors back, and reads what was printed until then.
  ~StdioCapture();
  /// finish is that end, and ends the queue. A second call does nothing.
  void finish();
  /// flush reads what was printed until now. Any thread.
  void flush();
  /// The original descriptors.
  [[nodiscard]] int original_out() const noexcept { return out_.get(); }
  [[nodiscard]] int original_err() const noexcept { return err_.get(); }

 private:
  explicit StdioCapture(StdioQueue& queue) : queue_(queue) {}
  void pump();
  bool drain(int descriptor, StdioChunk::Channel channel);
  std::mutex reading_;  ///< so that what is read in order is put in order

  StdioQueue& queue_;
  Descriptor out_;
  Descriptor err_;
  Descriptor from_out_;
  Descriptor from_err_;
  Descriptor stop_;
  std::thread pump_;
};

/// PluginStdio is the service plugin.GRPCStdio: one host at a time takes what the queue has. On the server's
/// loop; outlives the server; `queue` outlives it.
class PluginStdio {
 public:
  PluginStdio(Loop& loop, StdioQueue& queue);
  PluginStdio(const PluginStdio&) = delete;
  PluginStdio& operator=(const PluginStdio&) = delete;
  ~PluginStdio();
  void add_to(RpcServer& server);
  /// until_sent waits until a host that listens was sent all there is, or `deadline`.
  static Task<void> until_sent(PluginStdio& stdio, MonotonicTime deadline);

 private:
  static Task<RpcStatus> stream(PluginStdio& stdio, RpcServerCall& call);
  Loop& loop_;
  StdioQueue& queue_;
  std::shared_ptr<Signal> changed_;  ///< shared with what was posted
  enum class Listener : std::uint8_t { none, waits, is_sent } listener_ = Listener::none;
};

}  // namespace sallyport
