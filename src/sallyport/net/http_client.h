// SPDX-License-Identifier: Apache-2.0
// fetch_http: one request to a service that we ask (a secret manager, a local daemon), outside the event
// loops.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/address.h"
#include "sallyport/base/result.h"
#include "sallyport/base/secret.h"
#include "sallyport/env/clock.h"
#include "sallyport/http/message.h"

namespace sallyport {

inline constexpr std::size_t kFetchedBodyBytesMax = std::size_t{1} << 20;

/// HttpEndpoint is where a service listens: a Unix socket where `socket_path` is set, else host and port.
struct HttpEndpoint {
  enum class Scheme : std::uint8_t { http, https } scheme = Scheme::https;
  std::string host;  ///< a DNS name or an address without brackets; also the Host sent and the name checked
  std::uint16_t port = 443;
  std::string socket_path;       ///< Scheme::http only
  std::string roots_pem;         ///< whom to trust; empty: the system's certificates
  std::string client_chain_pem;  ///< shown where the service asks; empty: none
  SecretText client_key_pem;

  /// parse takes "https://HOST[:PORT][/]", "http://HOST[:PORT][/]" and "unix:PATH"; invalid_argument for
  /// anything else, userinfo, queries and fragments included.
  static Result<HttpEndpoint> parse(std::string_view url);
};

/// HttpCall is one request. A field's value may be a secret.
struct HttpCall {
  struct Field {
    std::string name;
    SecretText value;
  };
  Method method = Method::get;
  std::string method_text;    ///< where not empty: this token instead, such as LIST
  std::string target = "/";   ///< as it is to be sent: escaped by the caller
  std::vector<Field> fields;  ///< besides Host, Connection and Content-Length
  SecretText body;
};

struct HttpAnswer {
  std::uint16_t status = 0;
  SecretText body;
  std::string retry_after;  ///< as it came; empty: none
};

/// fetch_http opens a connection, sends the call, and reads the whole answer; nothing is kept, redirects are
/// not followed, no proxy variable is heeded. Over TLS (1.2 or 1.3) the certificate must be from `roots_pem`
/// and for `host`. Blocks until `deadline` at most, name lookup apart: not on a loop. Any thread. Errors:
/// unavailable (cannot connect, broken answer), unauthenticated (TLS: who answers is not whom we asked),
/// deadline_exceeded, exhausted (a body above kFetchedBodyBytesMax), invalid_argument (a call that cannot be
/// sent, PEM that cannot be read). Errors quote no field and no body.
Result<HttpAnswer> fetch_http(const MonotonicClock& clock, const HttpEndpoint& endpoint, const HttpCall& call,
                              MonotonicTime deadline);

}  // namespace sallyport
