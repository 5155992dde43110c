// SPDX-License-Identifier: Apache-2.0
// Tunnel: an upgraded connection, bytes both ways until one side ends it or we do.
#pragma once

#include <cstddef>
#include <string_view>

#include "sallyport/http/websocket_frame.h"
#include "sallyport/net/buffers.h"
#include "sallyport/net/http1_exchange.h"
#include "sallyport/net/stream.h"
#include "sallyport/net/task.h"
#include "sallyport/proxy/transfer.h"

namespace sallyport {

/// Tunnel runs after the backend's own 101 has been checked. It reads what one side sends only as fast as the
/// other side takes it, and lends buffers to a direction only while bytes are in it. When the exchange is
/// cut, the client gets a Close frame (1008; 1001 at shutdown), if the bytes that it has got end with a whole
/// frame.
class Tunnel {
 public:
  /// `transfer` has received the 101; it and `exchange` outlive the tunnel.
  Tunnel(Exchange& exchange, Transfer& transfer, const ForwardPlan& plan) noexcept;
  Tunnel(const Tunnel&) = delete;
  Tunnel& operator=(const Tunnel&) = delete;
  ~Tunnel();

  /// run sends `head` (the 101), then what came early on either side, then relays. It settles the exchange.
  Task<void> run(std::string_view head);

 private:
  /// Way is one direction.
  struct Way {
    Way(Stream& source, Stream& sink, Duration sink_time) noexcept
        : from(source), to(sink), write_idle(sink_time) {}
    Stream& from;
    Stream& to;
    Duration write_idle;
    bool writing = false;  // waits for room in `to`
    bool ended = false;
  };
  /// Flow is what is left to do after a step.
  enum class Flow : std::uint8_t { going, over };

  Task<void> go_up();
  Task<void> go_down(std::string_view head);
  Task<void> pump(Way& way);
  Task<Flow> deliver(Way& way, std::string_view bytes);
  Task<Flow> await_bytes(Way& way);
  Task<void> end_in_order(Way& way);
  void count(const Way& way, std::string_view bytes) noexcept;
  void arm(Stream& stream) noexcept;
  [[nodiscard]] bool too_idle() const noexcept;
  void stop(std::string_view reason) noexcept;
  void say_goodbye() noexcept;

  Exchange& exchange_;
  Transfer& transfer_;
  const ForwardPlan& plan_;
  Way up_;
  Way down_;
  FrameTracker frames_;  // of what the client has got
  bool head_sent_ = false;
  std::string_view stopped_by_;
};

}  // namespace sallyport
