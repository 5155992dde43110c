// SPDX-License-Identifier: Apache-2.0
#include "sallyport/http/parser.h"

#include <cstring>

#include "sallyport/base/text.h"
#include "sallyport/http/internal/authority.h"
#include "sallyport/http/internal/field_lines.h"
#include "sallyport/http/internal/target_parts.h"

namespace sallyport {
namespace {

constexpr std::size_t kMethodBytesMax = 32;
constexpr std::string_view kVersion11 = "HTTP/1.1\r\n";

HeadParse line_end_or(const HeadCursor& cursor, ParseFault fault) noexcept {
  const char c = *cursor.at;
  return refused(c == '\n' || c == '\r' ? ParseFault::line_ending : fault);
}

constexpr HeadParse kGoOn{HeadParse::State::complete, ParseFault::none, 0};

HeadParse read_method(HeadCursor& cursor, RequestHead& out) {
  const char* start = cursor.at;
  while (cursor.at != cursor.end && byte_is(*cursor.at, kByteToken)) ++cursor.at;
  const auto size = static_cast<std::size_t>(cursor.at - start);
  if (size > kMethodBytesMax) return refused(ParseFault::method_token);
  if (cursor.at == cursor.end) return cursor.out_of_bytes();
  if (size == 0 || *cursor.at != ' ') return line_end_or(cursor, ParseFault::method_token);
  out.method_text = {start, size};
  out.method = method_of(out.method_text);
  ++cursor.at;
  return out.method == Method::connect ? refused(ParseFault::method_refused) : kGoOn;
}

struct RawTarget {
  std::string_view text;
  unsigned seen = 0;  // ByteClass bits
};
/// scan_target goes over bytes that may stand in a target, four at a time, and gathers what occurs.
const char* scan_target(const char* at, const char* end, unsigned& seen) noexcept {
  auto bits = [](const char* byte) -> unsigned { return kByteClasses[static_cast<unsigned char>(*byte)]; };
  while (end - at >= 4) {
    const unsigned a = bits(at), b = bits(at + 1), c = bits(at + 2), d = bits(at + 3);
    if ((a & b & c & d & kByteTarget) == 0) break;
    seen |= a | b | c | d;
    at += 4;
  }
  for (; at != end && (bits(at) & kByteTarget) != 0; ++at) seen |= bits(at);
  return at;
}

HeadParse read_target(HeadCursor& cursor, std::size_t target_bytes_max, RawTarget& out) {
  const char* at = scan_target(cursor.at, cursor.end, out.seen);
  out.text = {cursor.at, static_cast<std::size_t>(at - cursor.at)};
  cursor.at = at;
  if (out.text.size() > target_bytes_max) return refused(ParseFault::target_too_long);
  if (at == cursor.end) return cursor.out_of_bytes();
  if (*at == '\r' || *at == '\n') return refused(ParseFault::version_malformed);  // HTTP/0.9
  if (out.text.empty() || *at != ' ') return refused(ParseFault::target_byte);
  ++cursor.at;
  return kGoOn;
}

HeadParse read_version(HeadCursor& cursor, RequestHead& out) {
  if (cursor.left() < kVersion11.size()) return cursor.out_of_bytes();
  const std::string_view line(cursor.at, kVersion11.size());
  cursor.at += kVersion11.size();
  if (line == kVersion11) {
    out.version = Version::http11;
    return kGoOn;
  }
  const bool is_version = line.starts_with("HTTP/") && line[5] >= '0' && line[5] <= '9' && line[6] == '.' &&
                          line[7] >= '0' && line[7] <= '9';
  if (!is_version) return refused(ParseFault::version_malformed);
  if (line.substr(5, 3) != "1.0" && line.substr(5, 3) != "1.1")
    return refused(ParseFault::version_unsupported);
  if (line.substr(8) != "\r\n")
    return refused(line[8] == '\r' || line[8] == '\n' ? ParseFault::line_ending
                                                      : ParseFault::version_malformed);
  out.version = Version::http10;
  return kGoOn;
}

HeadParse read_request_line(HeadCursor& cursor, const HeadLimits& limits, RequestHead& out) {
  if (const HeadParse step = read_method(cursor, out); !step.complete()) return step;
  RawTarget target;
  if (const HeadParse step = read_target(cursor, limits.target_bytes_max, target); !step.complete())
    return step;
  if (const HeadParse step = read_version(cursor, out); !step.complete()) return step;
  const ParseFault fault = parse_target_seen(target.text, target.seen, limits.encoded_slash, out.target);
  if (fault != ParseFault::none) return refused(fault);
  if (out.target.form == TargetForm::asterisk && out.method != Method::options)
    return refused(ParseFault::target_form);
  return kGoOn;
}

/// host_fault: exactly one Host, in HTTP/1.0 too, since every later rule rests on it (RFC 9112 section 3.2).
ParseFault host_fault(const RequestHead& head) noexcept {
  const std::string_view host = head.fields.value_of(HeaderId::host);
  if (host.empty()) return ParseFault::host_missing;
  if (!is_authority(host)) return ParseFault::host_malformed;
  if (head.target.form == TargetForm::absolute && !iequals(host, head.target.authority))
    return ParseFault::target_host_differs;
  return ParseFault::none;
}

/// upgrade_of: RFC 9110 section 7.8: not without the connection option, never in HTTP/1.0.
Upgrade upgrade_of(const HeaderFields& fields, Version version, const ConnectionOptions& options) noexcept {
  if (version == Version::http10 || !options.upgrade || fields.value_of(HeaderId::upgrade).empty())
    return Upgrade::none;
  return iequals(fields.value_of(HeaderId::upgrade), "websocket") ? Upgrade::websocket : Upgrade::other;
}

ParseFault judge_request(RequestHead& out) {
  if (const ParseFault fault = host_fault(out); fault != ParseFault::none) return fault;
  const BodyLength body = read_body_length(out.fields, out.version);
  if (body.fault != ParseFault::none) return body.fault;
  out.framing = body.framing;
  out.content_length = body.content_length;
  const ConnectionOptions options = read_connection_options(out.fields);
  if (options.fault != ParseFault::none) return options.fault;
  out.keep_alive = !options.close && (out.version == Version::http11 || options.keep_alive);
  out.upgrade = upgrade_of(out.fields, out.version, options);
  out.expects_continue = false;
  if (out.version == Version::http11 && out.fields.has(HeaderId::expect)) {
    if (!iequals(out.fields.value_of(HeaderId::expect), "100-continue"))
      return ParseFault::expectation_unknown;
    out.expects_continue = true;
  }
  return ParseFault::none;
}

}  // namespace

HeadParse parse_request_head(std::string_view bytes, RequestHead& out, const HeadLimits& limits,
                             std::size_t seen) {
  HeadCursor cursor(bytes, limits.head_bytes_max);
  if (seen != 0 && !cursor.at_limit && !ends_a_head(bytes, seen)) return cursor.out_of_bytes();
  out.fields.clear();
  if (const HeadParse step = read_request_line(cursor, limits, out); !step.complete()) return step;
  const HeadParse done = parse_field_lines(cursor, Direction::request, limits.field_count_max, out.fields);
  if (!done.complete()) return done;
  const ParseFault fault = judge_request(out);
  return fault == ParseFault::none ? done : refused(fault);
}

}  // namespace sallyport
