// SPDX-License-Identifier: Apache-2.0
#include "sallyport/http/target.h"

#include "sallyport/base/text.h"
#include "sallyport/http/internal/bytes.h"
#include "sallyport/http/internal/target_parts.h"
#include "sallyport/http/internal/utf8.h"

namespace sallyport {
namespace {

constexpr std::string_view kOwnPath = "/.sallyport";

/// is_dot_segment also knows "..;x": servers that cut path parameters resolve it.
bool is_dot_segment(std::string_view segment) noexcept {
  const std::string_view name = segment.substr(0, segment.find(';'));
  return name == "." || name == "..";
}

bool has_dot_segment(std::string_view path) noexcept {
  for (std::size_t at = path.find("/."); at != std::string_view::npos; at = path.find("/.", at + 1)) {
    const std::string_view rest = path.substr(at + 1);
    if (is_dot_segment(rest.substr(0, rest.find('/')))) return true;
  }
  return false;
}

bool is_encoded(std::string_view text, std::size_t at) noexcept {
  return text.size() - at >= 3 && byte_is(text[at + 1], kByteHex) && byte_is(text[at + 2], kByteHex);
}
unsigned encoded_byte(std::string_view text, std::size_t at) noexcept {
  return hex_value(text[at + 1]) * 16 + hex_value(text[at + 2]);
}

/// never_encoded: bytes for which a backend that decodes reads another path than one that does not.
bool never_encoded(unsigned byte) noexcept {
  return byte < 0x20 || byte == 0x7f || byte == '\\' || byte == '#';
}

/// has_second_encoding: "%2520", a file that is really called "%20", is fine; what a second decoding would
/// turn into a separator, dot, control or yet another '%' is not.
bool has_second_encoding(std::string_view decoded) noexcept {
  constexpr std::string_view separators = "/.%?;";
  for (std::size_t at = decoded.find('%'); at != std::string_view::npos; at = decoded.find('%', at + 1)) {
    if (!is_encoded(decoded, at)) continue;
    const unsigned byte = encoded_byte(decoded, at);
    if (never_encoded(byte) || separators.find(static_cast<char>(byte)) != std::string_view::npos)
      return true;
  }
  return false;
}

struct Decoding {
  ParseFault fault = ParseFault::none;
  bool slash_found = false;
};
Decoding decode(std::string_view raw, std::string_view slash, std::string& out) {
  Decoding done;
  out.clear();
  out.reserve(raw.size());
  for (std::size_t at = 0; at < raw.size(); ++at) {
    if (raw[at] != '%') {
      out.push_back(raw[at]);
      continue;
    }
    if (!is_encoded(raw, at)) return {ParseFault::target_encoding, false};
    const unsigned byte = encoded_byte(raw, at);
    at += 2;
    if (never_encoded(byte)) return {ParseFault::target_encoding, false};
    if (byte == '/') {
      done.slash_found = true;
      out.append(slash);
    } else {
      out.push_back(static_cast<char>(byte));
    }
  }
  return done;
}

/// parse_encoded_path judges the path as a backend would see that decodes everything, slashes too.
ParseFault parse_encoded_path(std::string_view raw, EncodedSlash encoded_slash, Target& out) {
  const Decoding judged = decode(raw, "/", out.decoded);
  if (judged.fault != ParseFault::none) return judged.fault;
  if (judged.slash_found && encoded_slash == EncodedSlash::refuse) return ParseFault::target_encoding;
  if (has_second_encoding(out.decoded) || !is_utf8(out.decoded)) return ParseFault::target_encoding;
  if (has_dot_segment(out.decoded)) return ParseFault::target_segments;
  if (judged.slash_found) static_cast<void>(decode(raw, "%2F", out.decoded));
  out.path = out.decoded;
  return ParseFault::none;
}

/// parse_origin_form: absolute-path [ "?" query ], RFC 9112 section 3.2.1. `seen` are the ByteClass bits that
/// occur.
ParseFault parse_origin_form(std::string_view text, unsigned seen, EncodedSlash encoded_slash, Target& out) {
  if (text.empty() || text.front() != '/') return ParseFault::target_form;
  const std::size_t question = (seen & kByteQuestion) != 0 ? text.find('?') : std::string_view::npos;
  out.raw = text;
  out.path_raw = text.substr(0, question);
  out.has_query = question != std::string_view::npos;
  out.query_raw = out.has_query ? text.substr(question + 1) : std::string_view{};
  if ((seen & kByteQueryOnly) != 0 && out.path_raw.find_first_of("{}`") != std::string_view::npos)
    return ParseFault::target_byte;
  if ((seen & kBytePercent) != 0 && out.path_raw.find('%') != std::string_view::npos) {
    return parse_encoded_path(out.path_raw, encoded_slash, out);
  }
  out.path = out.path_raw;
  if ((seen & kByteDot) != 0 && has_dot_segment(out.path)) return ParseFault::target_segments;
  return ParseFault::none;
}

/// parse_absolute_form: "http://host/path" (RFC 9112 section 3.2.2); what is forwarded is the part from the
/// path on.
ParseFault parse_absolute_form(std::string_view text, unsigned seen, EncodedSlash encoded_slash,
                               Target& out) {
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) return ParseFault::target_form;
  out.form = TargetForm::absolute;
  out.scheme = text.substr(0, colon);
  if (!iequals(out.scheme, "http") && !iequals(out.scheme, "https")) return ParseFault::target_form;
  const std::string_view rest = text.substr(colon + 3);
  const std::size_t slash = rest.find_first_of("/?");
  out.authority = rest.substr(0, slash);
  if (out.authority.empty() || out.authority.find('@') != std::string_view::npos)
    return ParseFault::target_form;
  if (slash == std::string_view::npos) return parse_origin_form("/", 0, encoded_slash, out);
  return parse_origin_form(rest.substr(slash), seen, encoded_slash, out);
}

}  // namespace

ParseFault parse_target(std::string_view text, EncodedSlash encoded_slash, Target& out) {
  unsigned seen = 0;
  for (const char c : text) {
    const unsigned bits = kByteClasses[static_cast<unsigned char>(c)];
    if ((bits & kByteTarget) == 0) return ParseFault::target_byte;
    seen |= bits;
  }
  return parse_target_seen(text, seen, encoded_slash, out);
}

ParseFault parse_target_seen(std::string_view text, unsigned seen, EncodedSlash encoded_slash, Target& out) {
  out.form = TargetForm::origin;
  out.scheme = out.authority = {};
  if (text == "*") {
    out.form = TargetForm::asterisk;
    out.raw = out.path_raw = out.path = text;
    out.query_raw = {};
    out.has_query = false;
    return ParseFault::none;
  }
  if (!text.empty() && text.front() != '/') return parse_absolute_form(text, seen, encoded_slash, out);
  return parse_origin_form(text, seen, encoded_slash, out);
}

bool path_is_within(std::string_view path, std::string_view subtree) noexcept {
  if (subtree.empty()) return false;
  if (subtree == "/") return path.starts_with('/');
  return path.starts_with(subtree) && (path.size() == subtree.size() || path[subtree.size()] == '/');
}

bool is_own_path(std::string_view path) noexcept { return path_is_within(path, kOwnPath); }

}  // namespace sallyport
