// SPDX-License-Identifier: Apache-2.0
// The plain types of the HTTP/1.1 server: its limits, an answer of our own, and what ties a live exchange to
// a credential.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sallyport/base/digest.h"
#include "sallyport/base/time.h"
#include "sallyport/http/parser.h"
#include "sallyport/identity/principal.h"

namespace sallyport {

/// ServerLimits bounds every phase of a client connection. Times between two events on a connection, not
/// totals, except head_time_max and linger_time_max.
struct ServerLimits {
  HeadLimits head;
  Duration head_time_max = std::chrono::seconds(10);   ///< first byte (or accept) to the end of the head
  Duration idle_time_max = std::chrono::seconds(75);   ///< between two requests
  Duration body_idle_max = std::chrono::seconds(30);   ///< without one byte of a request body that is wanted
  Duration write_idle_max = std::chrono::seconds(60);  ///< client takes no byte of an answer
  Duration linger_time_max =
      std::chrono::seconds(2);  ///< reading on after a closing answer, RFC 9112 section 9.6
  std::size_t linger_bytes_max = 1 << 20;
  std::uint64_t requests_per_connection_max = 1'000'000;
  std::size_t connections_max = 16'384;  ///< per server (one per loop); more are closed at once
};

/// CutReason is why a live exchange is ended from our side.
enum class CutReason : std::uint8_t {
  revoked,
  rotated,
  expired,
  logged_out,
  session_ended,
  shutting_down,
  client_gone
};
std::string_view name_of(CutReason reason) noexcept;

/// LiveBinding is what cut_if looks at: by which credential a live exchange was admitted, until when, to
/// which session.
struct LiveBinding {
  Digest credential;
  MonotonicTime expires = kNever;
  SessionId session;
};

/// HeaderLine is one field of an answer of our own.
struct HeaderLine {
  std::string name;
  std::string value;
};

/// Response is a whole answer of our own, or the head of a stream. Date, Connection and the framing are added
/// by the exchange and must not be in `fields`. Fields with a control character make the answer a 500: nobody
/// splits it.
struct Response {
  int status = 500;
  std::vector<HeaderLine> fields;
  std::string body;

  Response() = default;
  Response(int code, std::string_view content_type, std::string text) : status(code), body(std::move(text)) {
    add("Content-Type", content_type);
  }
  Response& add(std::string_view name, std::string_view value) {
    fields.push_back(HeaderLine{std::string(name), std::string(value)});
    return *this;
  }
};

}  // namespace sallyport
