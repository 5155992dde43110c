// SPDX-License-Identifier: Apache-2.0
// Tracer: begins and ends the spans of a gateway's requests.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sallyport/env/clock.h"
#include "sallyport/http/message.h"
#include "sallyport/trace/exporter.h"

namespace sallyport {

/// TraceStep is one request in its trace.
struct TraceStep {
  Span span;
  std::string traceparent;  ///< for the tool: our span is the parent of its own
  /// what becomes of the client's tracestate, which belongs to the trace that it is in
  enum class Tracestate : std::uint8_t { keep, drop } tracestate = Tracestate::drop;
};

/// Tracer continues the trace that a request is in, or begins one. Whether it is told follows the client's
/// word where there is one, and else the share of requests. Any thread.
class Tracer {
 public:
  struct Powers {
    const Clock& clock;
    Entropy& entropy;
  };
  /// `percent` of the traces that begin here are told.
  Tracer(TraceExporter& exporter, Powers powers, unsigned percent) noexcept
      : exporter_(exporter), powers_(powers), percent_(percent) {}

  [[nodiscard]] TraceStep begin(const RequestHead& head) const;
  /// end tells the collector, where the trace is one of those.
  void end(TraceStep step) const;

 private:
  TraceExporter& exporter_;
  const Powers powers_;
  const unsigned percent_;
};

}  // namespace sallyport
