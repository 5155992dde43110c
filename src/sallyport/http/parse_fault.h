// SPDX-License-Identifier: Apache-2.0
// ParseFault: why a message was refused before anybody looked at what it asks. One value per rule; after any
// of them the connection is closed, since nobody knows where the next message would begin.
#pragma once

#include <cstdint>
#include <string_view>

namespace sallyport {

enum class ParseFault : std::uint8_t {
  none,
  line_ending,          ///< bare LF or bare CR (RFC 9112 section 2.2)
  request_line,         ///< not METHOD SP TARGET SP VERSION
  method_token,         ///< not a token, or too long
  method_refused,       ///< CONNECT: this is no forward proxy
  target_byte,          ///< a byte that a request target cannot hold
  target_encoding,      ///< bad percent-encoding, or one that hides a separator, control or second encoding
  target_segments,      ///< "." or ".." as a segment, in any spelling
  target_form,          ///< no path, "*" without OPTIONS, userinfo, foreign scheme
  target_host_differs,  ///< absolute-form disagrees with Host
  target_too_long,
  version_malformed,    ///< HTTP/0.9 included
  version_unsupported,  ///< neither 1.0 nor 1.1
  status_line,          ///< response only
  folded_line,          ///< obs-fold
  field_name,           ///< empty, blank before the colon, or not a token
  field_value,          ///< a control character
  field_repeated,       ///< two of a field that there can be only one of
  too_many_fields,
  head_too_large,
  host_missing,
  host_malformed,
  content_length_malformed,
  length_and_coding,  ///< Content-Length together with Transfer-Encoding
  coding_malformed,   ///< Transfer-Encoding whose last coding is not one single "chunked"
  coding_unknown,     ///< a coding besides chunked
  coding_in_http10,
  connection_option,  ///< Connection is no list of tokens, or names Host, Content-Length or Transfer-Encoding
  expectation_unknown,  ///< Expect other than 100-continue
  chunk_size,           ///< chunked body: size line
  chunk_extension,      ///< chunked body: extension malformed or too long
  chunk_ending,         ///< chunked body: no CRLF after the data
  trailer,              ///< chunked body: trailer malformed or too long
};

/// name_of returns the fault's spelling, for the audit log.
std::string_view name_of(ParseFault fault) noexcept;
/// status_of returns the status of the answer: 400, 414, 417, 431, 501 or 505.
std::uint16_t status_of(ParseFault fault) noexcept;

}  // namespace sallyport
