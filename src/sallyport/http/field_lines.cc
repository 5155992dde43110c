// SPDX-License-Identifier: Apache-2.0
#include "sallyport/http/internal/field_lines.h"

#include <cstring>

#include "sallyport/base/text.h"
#include "sallyport/http/fold.h"
#include "sallyport/http/list.h"

namespace sallyport {
namespace {

constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

/// line_start_fault explains a line that does not start with a field name.
ParseFault line_start_fault(char c) noexcept {
  if (is_blank(c)) return ParseFault::folded_line;  // obs-fold, RFC 9112 section 5.2
  return c == '\n' ? ParseFault::line_ending : ParseFault::field_name;
}

/// GoodLine is what read_good_line found.
struct GoodLine {
  FieldClass kind;
  std::size_t name_size = 0;
  std::string_view value;
  const char* next = nullptr;
};
/// read_good_line takes nearly every line there is: a plain name, a value, CRLF, all of it here already.
/// False: look at the line again with care; this function refuses nothing.
inline bool read_good_line(const char* at, const char* end, GoodLine& line) noexcept {
  FoldedName folded;
  line.name_size = scan_name(at, end, folded);
  const char* colon = at + line.name_size;
  if (line.name_size == 0 || colon == end || *colon != ':') return false;
  const char* start = colon + 1;
  while (start != end && is_blank(*start)) ++start;
  const char* stop = scan_value(start, end);
  if (end - stop < 2 || stop[0] != '\r' || stop[1] != '\n') return false;
  line.next = stop + 2;
  while (stop != start && is_blank(stop[-1])) --stop;
  line.value = {start, static_cast<std::size_t>(stop - start)};
  line.kind = classify_folded(folded);
  return true;
}

struct NameRead {
  HeadParse::State state = HeadParse::State::complete;
  ParseFault fault = ParseFault::none;
  std::size_t size = 0;
  FieldClass kind;
};
NameRead read_name(const HeadCursor& cursor) noexcept {
  const char* at = cursor.at;
  while (at != cursor.end && byte_is(*at, kByteToken)) ++at;
  if (at == cursor.end) return {HeadParse::State::need_more, ParseFault::none, 0, {}};
  const auto size = static_cast<std::size_t>(at - cursor.at);
  if (size == 0) return {HeadParse::State::refused, line_start_fault(*at), 0, {}};
  if (*at != ':') return {HeadParse::State::refused, ParseFault::field_name, 0, {}};
  return {HeadParse::State::complete, ParseFault::none, size, classify_name({cursor.at, size})};
}

struct ValueRead {
  HeadParse::State state = HeadParse::State::complete;
  ParseFault fault = ParseFault::none;
  std::string_view value;
  const char* next = nullptr;
};
/// read_value takes field-content up to CRLF. Bytes from 0x80 on are obs-text: legal in values, passed on as
/// they are.
ValueRead read_value(const char* at, const char* end) noexcept {
  while (at != end && is_blank(*at)) ++at;
  const char* stop = scan_value(at, end);
  if (stop == end) return {HeadParse::State::need_more, ParseFault::none, {}, nullptr};
  if (*stop == '\n') return {HeadParse::State::refused, ParseFault::line_ending, {}, nullptr};
  if (*stop != '\r') return {HeadParse::State::refused, ParseFault::field_value, {}, nullptr};
  if (stop + 1 == end) return {HeadParse::State::need_more, ParseFault::none, {}, nullptr};
  if (stop[1] != '\n') return {HeadParse::State::refused, ParseFault::line_ending, {}, nullptr};
  const char* last = stop;
  while (last != at && is_blank(last[-1])) --last;
  return {HeadParse::State::complete, ParseFault::none, {at, static_cast<std::size_t>(last - at)}, stop + 2};
}

/// flag_listed_fields marks what a connection option names. False for the fields that routing and framing
/// rest on: who asks to have those removed wants two readings of one message.
bool flag_listed_fields(std::string_view option, HeaderFields& fields) noexcept {
  for (const HeaderId id : {HeaderId::host, HeaderId::content_length, HeaderId::transfer_encoding}) {
    if (names_fold_equal(option, canonical_name_of(id))) return false;
  }
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (names_fold_equal(fields.all()[i].name(), option)) fields.flag(i, FieldFlag::connection_listed);
  }
  return true;
}

/// coding_fault explains a Transfer-Encoding that is not one single "chunked" (RFC 9112 section 6.1).
ParseFault coding_fault(std::string_view value) noexcept {
  std::size_t chunked_count = 0;
  std::string_view last;
  while (!value.empty()) {
    last = next_list_item(value);
    if (!is_token(last)) return ParseFault::coding_malformed;
    if (iequals(last, "chunked")) ++chunked_count;
  }
  return chunked_count == 1 && iequals(last, "chunked") ? ParseFault::coding_unknown
                                                        : ParseFault::coding_malformed;
}

/// has_tab_behind: optional white space that ends in or holds a tab. Legal after any value, yet some parsers
/// do not take it off where framing is concerned. The line's CR is always there to stop at.
bool has_tab_behind(std::string_view value) noexcept {
  const char* at = value.data() + value.size();
  while (*at == ' ') ++at;
  return *at == '\t';
}

HeadParse stop_at(const HeadCursor& cursor, HeadParse::State state, ParseFault fault) noexcept {
  return state == HeadParse::State::need_more ? cursor.out_of_bytes() : refused(fault);
}

/// read_odd_line reads any line, and says what is wrong with it.
HeadParse read_odd_line(const HeadCursor& cursor, GoodLine& line) noexcept {
  const NameRead name = read_name(cursor);
  if (name.state != HeadParse::State::complete) return stop_at(cursor, name.state, name.fault);
  const ValueRead value = read_value(cursor.at + name.size + 1, cursor.end);
  if (value.state != HeadParse::State::complete) return stop_at(cursor, value.state, value.fault);
  line = {name.kind, name.size, value.value, value.next};
  return {HeadParse::State::complete, ParseFault::none, 0};
}

HeadParse read_empty_line(HeadCursor& cursor) noexcept {
  if (cursor.left() < 2) return cursor.out_of_bytes();
  if (cursor.at[1] != '\n') return refused(ParseFault::line_ending);
  cursor.at += 2;
  return cursor.done();
}

}  // namespace

HeadParse parse_field_lines(HeadCursor& cursor, Direction direction, std::size_t field_count_max,
                            HeaderFields& out) {
  const std::size_t count_max = std::min(field_count_max, kHeaderCountMax);
  for (;;) {
    GoodLine line;
    if (!read_good_line(cursor.at, cursor.end, line)) {
      if (cursor.at != cursor.end && *cursor.at == '\r') return read_empty_line(cursor);
      const HeadParse step = read_odd_line(cursor, line);
      if (!step.complete()) return step;
    }
    if (out.size() >= count_max) return refused(ParseFault::too_many_fields);
    if (line.kind.id != HeaderId::other && out.has(line.kind.id) && is_singleton(line.kind.id, direction)) {
      return refused(ParseFault::field_repeated);
    }
    out.add(HeaderField({cursor.at, line.name_size}, line.value, line.kind));
    cursor.at = line.next;
  }
}

bool ends_a_head(std::string_view bytes, std::size_t seen) noexcept {
  return bytes.find("\r\n\r\n", seen < 3 ? 0 : seen - 3) != std::string_view::npos;
}

ConnectionOptions read_connection_options(HeaderFields& fields) {
  ConnectionOptions options;
  if (!fields.has(HeaderId::connection)) return options;
  for (const HeaderField& field : fields.all()) {
    if (field.id() != HeaderId::connection) continue;
    std::string_view rest = field.value();
    while (!rest.empty()) {
      const std::string_view option = next_list_item(rest);
      if (option.empty()) continue;  // RFC 9110 section 5.6.1: empty elements are ignored
      if (iequals(option, "close"))
        options.close = true;
      else if (iequals(option, "keep-alive"))
        options.keep_alive = true;
      else if (iequals(option, "upgrade"))
        options.upgrade = true;
      else if (!is_token(option) || !flag_listed_fields(option, fields))
        options.fault = ParseFault::connection_option;
    }
  }
  return options;
}

BodyLength read_body_length(const HeaderFields& fields, Version version) {
  BodyLength body;
  const HeaderField* coding = fields.find(HeaderId::transfer_encoding);
  const HeaderField* length = fields.find(HeaderId::content_length);
  if (coding != nullptr) {
    body.framing = Framing::chunked;
    if (length != nullptr)
      body.fault = ParseFault::length_and_coding;
    else if (version == Version::http10)
      body.fault = ParseFault::coding_in_http10;
    else if (!iequals(coding->value(), "chunked"))
      body.fault = coding_fault(coding->value());
    else if (has_tab_behind(coding->value()))
      body.fault = ParseFault::coding_malformed;
  } else if (length != nullptr) {
    const auto bytes = parse_decimal<std::uint64_t>(length->value());
    if (!bytes || *bytes > kContentLengthMax || has_tab_behind(length->value()))
      return {ParseFault::content_length_malformed, Framing::none, 0};
    body.framing = Framing::length;
    body.content_length = *bytes;
  }
  return body;
}

}  // namespace sallyport
