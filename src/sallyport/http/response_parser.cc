// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "sallyport/base/text.h"
#include "sallyport/http/internal/field_lines.h"
#include "sallyport/http/parser.h"

namespace sallyport {
namespace {

constexpr std::size_t kStatusPrefixBytes = 13;  // "HTTP/1.1 200 "

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// read_status_line: "HTTP/1.1 200 OK"; the reason may be empty, the blank before it may not (RFC 9112
/// section 4).
HeadParse read_status_line(HeadCursor& cursor, ResponseHead& out) {
  if (cursor.left() < kStatusPrefixBytes) return cursor.out_of_bytes();
  const std::string_view line(cursor.at, kStatusPrefixBytes);
  if (!line.starts_with("HTTP/")) return refused(ParseFault::version_malformed);
  const std::string_view version = line.substr(5, 3);
  if (version != "1.1" && version != "1.0") return refused(ParseFault::version_unsupported);
  out.version = version == "1.1" ? Version::http11 : Version::http10;
  const bool shaped =
      line[8] == ' ' && is_digit(line[9]) && is_digit(line[10]) && is_digit(line[11]) && line[12] == ' ';
  if (!shaped) return refused(ParseFault::status_line);
  out.status = static_cast<std::uint16_t>((line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0'));
  if (out.status < 100 || out.status > 599) return refused(ParseFault::status_line);
  const char* reason = cursor.at + kStatusPrefixBytes;
  const char* stop = scan_value(reason, cursor.end);
  if (stop == cursor.end) return cursor.out_of_bytes();
  if (*stop == '\n') return refused(ParseFault::line_ending);
  if (*stop != '\r') return refused(ParseFault::status_line);
  if (stop + 1 == cursor.end) return cursor.out_of_bytes();
  if (stop[1] != '\n') return refused(ParseFault::line_ending);
  out.reason = {reason, static_cast<std::size_t>(stop - reason)};
  cursor.at = stop + 2;
  return {HeadParse::State::complete, ParseFault::none, 0};
}

/// has_no_body: RFC 9112 section 6.3, rule 1.
bool has_no_body(Method asked, std::uint16_t status) noexcept {
  return asked == Method::head || status < 200 || status == 204 || status == 304;
}

ParseFault judge_response(Method asked, ResponseHead& out) {
  const BodyLength body = read_body_length(out.fields, out.version);
  if (body.fault != ParseFault::none) return body.fault;
  const ConnectionOptions options = read_connection_options(out.fields);
  if (options.fault != ParseFault::none) return options.fault;
  out.content_length = body.content_length;
  out.framing = body.framing == Framing::none ? Framing::until_close : body.framing;
  if (has_no_body(asked, out.status)) out.framing = Framing::none;
  out.keep_alive = !options.close && (out.version == Version::http11 || options.keep_alive) &&
                   out.framing != Framing::until_close;
  // A status that has no body and yet announces one: whatever follows is in doubt (RFC 9110 section 8.6).
  const bool announced = body.framing == Framing::chunked || body.content_length != 0;
  if (announced && (out.status < 200 || out.status == 204)) out.keep_alive = false;
  const bool switched =
      out.status == 101 && options.upgrade && !out.fields.value_of(HeaderId::upgrade).empty();
  out.upgrade = !switched                                                      ? Upgrade::none
                : iequals(out.fields.value_of(HeaderId::upgrade), "websocket") ? Upgrade::websocket
                                                                               : Upgrade::other;
  return ParseFault::none;
}

}  // namespace

HeadParse parse_response_head(std::string_view bytes, Method asked, ResponseHead& out,
                              const HeadLimits& limits, std::size_t seen) {
  HeadCursor cursor(bytes, limits.head_bytes_max);
  if (seen != 0 && !cursor.at_limit && !ends_a_head(bytes, seen)) return cursor.out_of_bytes();
  out.fields.clear();
  if (const HeadParse step = read_status_line(cursor, out); !step.complete()) return step;
  const HeadParse done = parse_field_lines(cursor, Direction::response, limits.field_count_max, out.fields);
  if (!done.complete()) return done;
  const ParseFault fault = judge_response(asked, out);
  return fault == ParseFault::none ? done : refused(fault);
}

}  // namespace sallyport
