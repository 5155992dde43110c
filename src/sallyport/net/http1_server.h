// SPDX-License-Identifier: Apache-2.0
// Http1Server: HTTP/1.1 on accepted streams of one loop (RFC 9112), strict, with a limit for every phase.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/env/clock.h"
#include "sallyport/net/http1_exchange.h"
#include "sallyport/net/http1_types.h"
#include "sallyport/net/link.h"
#include "sallyport/net/loop.h"
#include "sallyport/net/relaxed_count.h"
#include "sallyport/net/wheel.h"

namespace sallyport {

class Http1Connection;
struct Http1Workspace;

/// Refusal is why a client was turned away before there was a request to judge.
enum class Refusal : std::uint8_t { malformed, slow_head, too_many_connections };

/// RequestHandler answers exchanges. It outlives the server.
class RequestHandler {
 public:
  virtual ~RequestHandler() = default;
  /// handle answers `exchange`; the connection's next request waits until it returns.
  virtual Task<void> handle(Exchange& exchange) = 0;
  /// on_refused is for the audit log; `fault` tells more about `malformed`. The client gets its answer from
  /// the server.
  virtual void on_refused(const ConnectionFacts& facts, Refusal refusal, ParseFault fault) noexcept;
};

/// ServerCounters are for metrics and tests: counted on the loop's thread, read on any.
struct ServerCounters {
  RelaxedCount connections;  ///< accepted so far
  RelaxedCount requests;
  RelaxedCount refused;
  RelaxedCount cut;
  RelaxedCount open;    ///< connections now
  RelaxedCount active;  ///< exchanges now
};

/// How often live exchanges are looked at: expired bindings and clients that went away. One sweep for all of
/// them.
inline constexpr Duration kLiveSweepEvery = std::chrono::seconds(1);

/// Http1Server serves connections of one loop, on that loop's thread. It must outlive the coroutines of
/// serve(): drain() first, or drop the loop's tasks.
class Http1Server final : private Timer {
 public:
  Http1Server(Loop& loop, RequestHandler& handler, const ServerLimits& limits, const Clock& clock,
              Entropy& entropy);
  Http1Server(const Http1Server&) = delete;
  Http1Server& operator=(const Http1Server&) = delete;
  ~Http1Server();

  /// serve speaks HTTP/1.1 on `stream` until either side ends it. An idle connection holds no buffer.
  Task<void> serve(std::unique_ptr<Stream> stream);
  /// cut_if ends every live exchange that is bound and fits: waits end at once, a tunnel sends its Close
  /// frame, other answers break off. Returns their number. Nothing is resumed inside this call.
  std::size_t cut_if(const std::function<bool(const LiveBinding&)>& fits, CutReason reason);
  /// drain refuses new connections, closes idle ones, lets the others finish their exchange until `deadline`,
  /// then cuts them; it ends when all have ended.
  Task<void> drain(MonotonicTime deadline);

  [[nodiscard]] const ServerLimits& limits() const noexcept { return limits_; }
  [[nodiscard]] const ServerCounters& counters() const noexcept { return counters_; }
  [[nodiscard]] bool draining() const noexcept { return draining_; }
  [[nodiscard]] Loop& loop() noexcept { return loop_; }

 private:
  friend class Http1Connection;
  friend class Exchange;
  using RequestId = std::array<char, kRequestIdBytes>;
  void mint_id(RequestId& id) noexcept;
  /// date_line is "Date: ...\r\n", made anew once per second.
  std::string_view date_line();
  std::unique_ptr<Http1Workspace> take_workspace();
  void give_workspace(std::unique_ptr<Http1Workspace> space) noexcept;
  void exchange_begins() noexcept;
  void exchange_ends() noexcept { --counters_.active; }
  void leave(Http1Connection& connection) noexcept;
  void sweep() noexcept;

  Loop& loop_;
  RequestHandler& handler_;
  const ServerLimits limits_;
  const Clock& clock_;
  ServerCounters counters_;
  Link connections_;  // of Http1Connection
  std::vector<std::unique_ptr<Http1Workspace>> workspaces_;
  RequestId id_prefix_{};
  std::uint64_t id_count_ = 0;
  std::string date_;
  MonotonicTime date_until_{};
  Signal ended_;
  bool draining_ = false;
  bool sweeping_ = false;
};

}  // namespace sallyport
