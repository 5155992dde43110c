// SPDX-License-Identifier: Apache-2.0
// HeaderId: the field names that sallyport knows, and what it must do with each. Names are classified once,
// while the head is parsed; a name that differs from a guarded one only in '-', '_' and '.' is caught there
// too, because CGI-like backends read all three as the same variable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sallyport {

/// HeaderId names a known field; `other` is every name that is not in the table, and every odd spelling of
/// one that is.
enum class HeaderId : std::uint8_t {
  other,
  accept,
  accept_encoding,
  accept_language,
  access_control_request_headers,
  access_control_request_method,
  age,
  authorization,
  cache_control,
  connection,
  content_encoding,
  content_length,
  content_type,
  cookie,
  date,
  etag,
  expect,
  forwarded,
  host,
  http2_settings,
  if_match,
  if_modified_since,
  if_none_match,
  if_range,
  if_unmodified_since,
  keep_alive,
  last_modified,
  location,
  origin,
  pragma,
  proxy,
  proxy_authenticate,
  proxy_authorization,
  proxy_connection,
  range,
  referer,
  retry_after,
  sec_fetch_dest,
  sec_fetch_mode,
  sec_fetch_site,
  sec_fetch_user,
  sec_websocket_accept,
  sec_websocket_extensions,
  sec_websocket_key,
  sec_websocket_protocol,
  sec_websocket_version,
  server,
  set_cookie,
  te,
  traceparent,
  tracestate,
  trailer,
  transfer_encoding,
  upgrade,
  upgrade_insecure_requests,
  user_agent,
  vary,
  via,
  www_authenticate,
  x_forwarded_for,
  x_forwarded_groups,
  x_forwarded_host,
  x_forwarded_method,
  x_forwarded_port,
  x_forwarded_proto,
  x_forwarded_uri,
  x_forwarded_user,
  x_original_method,
  x_original_url,
  x_real_ip,
  x_request_id,
  x_requested_with,
  x_session_id,
  x_session_token,
  count_of_ids,  ///< not a field: how many there are
};
inline constexpr std::size_t kHeaderIdCount = static_cast<std::size_t>(HeaderId::count_of_ids);

/// canonical_name_of returns the usual spelling ("X-Session-Token"); empty for `other`.
std::string_view canonical_name_of(HeaderId id) noexcept;

/// FieldFlag says what the proxy does with a field. A field without flags goes through.
enum class FieldFlag : std::uint8_t {
  hop_by_hop = 1,  ///< belongs to this connection (RFC 9110 section 7.6.1): never forwarded
  identity =
      2,  ///< says who somebody is, or is an odd spelling of a guarded name: never forwarded, whoever sent it
  forwarded = 4,  ///< the mark of a proxy or tunnel: not forwarded as is, and evidence against local trust
  connection_listed = 8,  ///< named in this message's Connection field: never forwarded
};

/// FieldClass is what one name means.
struct FieldClass {
  HeaderId id = HeaderId::other;
  std::uint8_t flags = 0;  ///< FieldFlag bits
  [[nodiscard]] constexpr bool has(FieldFlag flag) const noexcept {
    return (flags & static_cast<std::uint8_t>(flag)) != 0;
  }
};

/// classify_name looks any name up, in any case. Spellings with '_' or '.' of a guarded name come back as
/// `other` with `identity` set.
FieldClass classify_name(std::string_view name) noexcept;

/// is_singleton_in_request: a second field of that name makes a request ambiguous (RFC 9110 section 5.3);
/// likewise for a response.
bool is_singleton_in_request(HeaderId id) noexcept;
bool is_singleton_in_response(HeaderId id) noexcept;

}  // namespace sallyport
