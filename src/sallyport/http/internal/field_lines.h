// SPDX-License-Identifier: Apache-2.0
// Field lines (RFC 9112 section 5), the part that requests and responses share.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "sallyport/http/internal/name_table.h"
#include "sallyport/http/message.h"
#include "sallyport/http/parser.h"

namespace sallyport {

/// HeadCursor goes over the bytes of one head. `end` is cut at the limit: running out there is a fault, not a
/// wait.
struct HeadCursor {
  const char* at;
  const char* end;
  const char* start;
  bool at_limit;

  HeadCursor(std::string_view bytes, std::size_t head_bytes_max) noexcept
      : at(bytes.data()),
        end(bytes.data() + std::min({bytes.size(), head_bytes_max, kHeadBytesCeiling})),
        start(bytes.data()),
        at_limit(bytes.size() >= std::min(head_bytes_max, kHeadBytesCeiling)) {}

  [[nodiscard]] std::size_t left() const noexcept { return static_cast<std::size_t>(end - at); }
  [[nodiscard]] HeadParse out_of_bytes() const noexcept {
    if (at_limit) return {HeadParse::State::refused, ParseFault::head_too_large, 0};
    return {HeadParse::State::need_more, ParseFault::none, 0};
  }
  [[nodiscard]] HeadParse done() const noexcept {
    return {HeadParse::State::complete, ParseFault::none, static_cast<std::size_t>(at - start)};
  }
};
constexpr HeadParse refused(ParseFault fault) noexcept { return {HeadParse::State::refused, fault, 0}; }

/// parse_field_lines reads up to and including the empty line.
HeadParse parse_field_lines(HeadCursor& cursor, Direction direction, std::size_t field_count_max,
                            HeaderFields& out);

/// ends_a_head: whether an empty line ends within `bytes`, looked for from `seen` on. For heads that come in
/// pieces.
bool ends_a_head(std::string_view bytes, std::size_t seen) noexcept;

/// ConnectionOptions is what the Connection fields say (RFC 9110 section 7.6.1). reading them flags the
/// fields they name.
struct ConnectionOptions {
  ParseFault fault = ParseFault::none;
  bool close = false;
  bool keep_alive = false;
  bool upgrade = false;
};
ConnectionOptions read_connection_options(HeaderFields& fields);

/// BodyLength is framing by Content-Length and Transfer-Encoding alone (RFC 9112 section 6).
struct BodyLength {
  ParseFault fault = ParseFault::none;
  Framing framing = Framing::none;
  std::uint64_t content_length = 0;
};
BodyLength read_body_length(const HeaderFields& fields, Version version);

}  // namespace sallyport
