// SPDX-License-Identifier: Apache-2.0
// Span: what a trace tells of one request.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "sallyport/base/time.h"
#include "sallyport/http/trace_context.h"

namespace sallyport {

/// Span holds nothing that opens anything: no query, no field of the request, and no path of the gate's own
/// pages. Who asked is in the audit log, found by the request id.
struct Span {
  TraceContext context;                              ///< of the span itself
  std::optional<std::array<std::byte, 8>> parent{};  ///< the client's span
  WallTime begin{};
  WallTime end{};
  std::string method;
  std::string path;        ///< as it was judged; empty: one of the gate's own
  std::string session;     ///< empty: none was asked for
  std::string request_id;  ///< as in the audit log
  int status = 0;          ///< 0: no answer was begun
  bool operator==(const Span&) const = default;
};

}  // namespace sallyport
