// SPDX-License-Identifier: Apache-2.0
// TraceExporter: brings spans to a collector, and never keeps a request waiting for it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "sallyport/base/result.h"
#include "sallyport/env/clock.h"
#include "sallyport/net/http_client.h"
#include "sallyport/trace/otlp.h"

namespace sallyport {

inline constexpr std::size_t kSpansHeldMax = 4096;
inline constexpr std::size_t kSpansSentMax = 512;  ///< in one request
inline constexpr Duration kSpansSentEvery = std::chrono::seconds(2);

/// TraceFigures are sums since the start.
struct TraceFigures {
  std::uint64_t sent = 0;
  std::uint64_t dropped = 0;  ///< no room, or the collector would not have them
  std::string fault;          ///< why sending fails now; empty: it does not
};

/// parse_collector takes "http://HOST[:PORT]" or https, with or without "/v1/traces" behind it, or
/// "unix:PATH"; the error says what to write.
Result<HttpEndpoint> parse_collector(std::string_view url);

/// TraceExporter sends what it is given in batches, OTLP over HTTP as JSON. When the collector is away it
/// tries again with growing pauses and keeps kSpansHeldMax spans; what comes beyond that is counted and
/// dropped. Any thread.
class TraceExporter {
 public:
  struct Powers {
    const MonotonicClock& monotonic;
    /// post sends one body and says what came back; for tests. Empty: fetch_http.
    std::function<Result<std::uint16_t>(std::string body)> post{};
  };
  TraceExporter(HttpEndpoint collector, TraceSource source, Powers powers);
  TraceExporter(const TraceExporter&) = delete;
  TraceExporter& operator=(const TraceExporter&) = delete;
  /// The destructor sends once more what is left, and gives that a second.
  ~TraceExporter();

  void give(Span span);
  [[nodiscard]] TraceFigures figures() const;

 private:
  void run();
  [[nodiscard]] std::vector<Span> take();
  /// send returns false where the same spans should be sent again.
  bool send(const std::vector<Span>& batch, Duration patience);
  Result<std::uint16_t> post(std::string body, Duration patience);

  const HttpEndpoint collector_;
  const TraceSource source_;
  const Powers powers_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Span> held_;  ///< guarded by mutex_
  TraceFigures figures_;    ///< guarded by mutex_
  bool ending_ = false;     ///< guarded by mutex_
  std::thread thread_;
};

}  // namespace sallyport
