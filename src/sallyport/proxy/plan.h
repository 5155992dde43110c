// SPDX-License-Identifier: Apache-2.0
// ForwardPlan: all that the gate and the session decide about one proxied request. A plan is views and
// numbers, so that it costs nothing to make; what it points to must live until forward() returns.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>

#include "sallyport/base/address.h"
#include "sallyport/base/time.h"

namespace sallyport {

/// ForwardTimeouts are idle times between two events, never totals: a slow transfer that moves is left alone.
struct ForwardTimeouts {
  Duration connect = std::chrono::seconds(5);
  Duration response =
      std::chrono::seconds(120);  ///< end of the request's last movement to the first head byte
  Duration body_idle =
      std::chrono::minutes(10);  ///< backend sends nothing of a body; 0 s in an SSE stream is usual
  Duration client_body_idle = std::chrono::seconds(60);
  Duration client_write_idle = std::chrono::seconds(60);
  Duration tunnel_idle = std::chrono::hours(1);
  Duration half_closed_idle = std::chrono::seconds(30);  ///< one side of a tunnel has ended
};

/// ClientAuthorization says what becomes of the client's Authorization field where none of ours replaces it.
enum class ClientAuthorization : std::uint8_t { remove, pass };

/// ForwardHygiene names what is ours in a request and must not reach the backend.
struct ForwardHygiene {
  std::span<const std::string_view> cookies;  ///< names of our cookies; the others keep their bytes and order
  /// Further names that the client may not set, because a line of ours carries them: lower case, with '-'.
  std::span<const std::string_view> reserved_names;
  std::string_view ticket_parameter =
      "ticket";                            ///< dropped from the query of an upgrade; empty: none is ours
  std::string_view ticket_value = "spt_";  ///< ... and from other queries where its value begins like this
  ClientAuthorization authorization = ClientAuthorization::remove;
};

/// ForwardedFacts is what we tell the backend about the client. Empty texts: the facts of the connection
/// itself. The gateway fills them only behind a trusted proxy.
struct ForwardedFacts {
  std::string_view client;  ///< X-Forwarded-For
  std::string_view scheme;  ///< X-Forwarded-Proto
  std::string_view host;    ///< X-Forwarded-Host
};

/// TrafficCounters of one session, written by every loop: relaxed atomics, read by the idle watch and the
/// metrics.
struct TrafficCounters {
  std::atomic<std::int64_t> last_active_ns{0};  ///< MonotonicTime of the last movement in either direction
  std::atomic<std::uint64_t> bytes_up{0};       ///< body and tunnel bytes, client to backend
  std::atomic<std::uint64_t> bytes_down{0};
  std::atomic<std::uint32_t> tunnels{0};  ///< open now
};

/// A long transfer that goes on tells so at most this often.
inline constexpr Duration kMovementStep = std::chrono::seconds(5);

/// MovementWatch is told that bytes of a transfer have moved, either way, once in kMovementStep at most: what
/// is silent tells nothing. On the transfer's loop; hot enough not to block.
class MovementWatch {
 public:
  virtual ~MovementWatch() = default;
  virtual void moved(MonotonicTime now) noexcept = 0;
};

/// AnswerRewrite is what a backend that does not know its place on a path says of paths: its redirects and
/// its cookies are moved below `prefix`. Links inside of pages are not.
struct AnswerRewrite {
  std::string_view prefix;  ///< "/s/name", without a slash at its end; empty: nothing is rewritten
  std::string_view host;    ///< of the client's request: a redirect to it is one to ourselves
};

/// TraceFields takes the place of the client's, where the gateway tells of the request itself (W3C Trace
/// Context).
struct TraceFields {
  std::string_view traceparent;  ///< empty: the client's fields pass as they came
  enum class Tracestate : std::uint8_t { keep, drop } tracestate = Tracestate::keep;
};

/// ForwardPlan is one request's way to its backend.
struct ForwardPlan {
  const SocketAddress* upstream = nullptr;
  /// Field lines that are added last, each "Name: value\r\n", made once per admission: the backend
  /// credential, X-Session-ID, X-Forwarded-User, ... The caller vouches that no value holds a control
  /// character.
  std::string_view injected_lines;
  std::string_view host;         ///< Host sent to the backend; empty: the client's
  std::string_view path_prefix;  ///< put before the path
  std::size_t path_bytes_cut =
      0;  ///< bytes cut from the front of the raw path; "/" is what is left of an empty one
  AnswerRewrite rewrite;
  ForwardHygiene hygiene;
  ForwardedFacts forwarded;
  TraceFields trace;
  ForwardTimeouts timeouts;
  TrafficCounters* traffic = nullptr;
  MovementWatch* watch = nullptr;  ///< none: nobody wants to know
};

/// ForwardEnd is how a forward() ended. Down to client_slow nothing was written to the client: the gateway
/// answers.
enum class ForwardEnd : std::uint8_t {
  unreachable,      ///< connect refused or failed: 502
  bad_backend,      ///< garbage, or death before the head: 502
  backend_timeout,  ///< no head in time: 504
  bad_request,      ///< the client's own bytes cannot be forwarded (malformed chunk, broken handshake): 400
  client_slow,      ///< the client stopped sending its body: 408
  answered,         ///< the whole answer was delivered
  truncated,  ///< backend died or fell silent inside the body; the client connection is cut so that it shows
  client_gone,    ///< the client went away, or took nothing for too long
  cut,            ///< ended by cut_if or shutdown
  tunnel_closed,  ///< an upgraded connection came to its end
};
std::string_view name_of(ForwardEnd end) noexcept;

/// ForwardOutcome is for the access log, the metrics, and the error page.
struct ForwardOutcome {
  ForwardEnd end = ForwardEnd::bad_backend;
  int status = 0;  ///< the backend's, 0 where there was none
  std::uint64_t bytes_up = 0;
  std::uint64_t bytes_down = 0;
  std::string_view reason;  ///< fixed text for the operator; empty when answered
  /// unanswered says whether the caller has to answer.
  [[nodiscard]] bool unanswered() const noexcept { return end <= ForwardEnd::client_slow; }
};

}  // namespace sallyport
