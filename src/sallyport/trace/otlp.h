// SPDX-License-Identifier: Apache-2.0
// The JSON form of OTLP, version 1: opentelemetry-proto's ExportTraceServiceRequest.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "sallyport/trace/span.h"

namespace sallyport {

/// TraceSource says who tells.
struct TraceSource {
  std::string service;  ///< service.name
  std::string version;
  std::string instance;  ///< unique for this process
};

/// write_otlp makes one request of many spans, with the names of the semantic conventions for HTTP servers.
std::string write_otlp(const TraceSource& source, std::span<const Span> spans);

}  // namespace sallyport
