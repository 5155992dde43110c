// SPDX-License-Identifier: Apache-2.0
// The HTTP/1.1 head parser: strict by RFC 9110 and 9112, one pass, no copies, no switch to make it lenient.
// What it accepts other parsers read in the same way (tests/interop/http_differential); what they might read
// differently is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sallyport/http/message.h"
#include "sallyport/http/parse_fault.h"

namespace sallyport {

/// HeadLimits bound one head. Values above kHeadBytesCeiling and kHeaderCountMax count as those.
struct HeadLimits {
  std::size_t head_bytes_max = kHeadBytesMax;
  std::size_t target_bytes_max = kTargetBytesMax;
  std::size_t field_count_max = kHeaderCountMax;
  EncodedSlash encoded_slash = EncodedSlash::refuse;
};

/// HeadParse is the outcome. `need_more` is returned only while bytes.size() < head_bytes_max.
struct HeadParse {
  enum class State : std::uint8_t { refused, need_more, complete };
  State state = State::refused;
  ParseFault fault = ParseFault::none;  ///< refused only
  std::size_t bytes = 0;                ///< complete only: length of the head, its empty line included

  [[nodiscard]] bool complete() const noexcept { return state == State::complete; }
  [[nodiscard]] bool need_more() const noexcept { return state == State::need_more; }
  [[nodiscard]] bool refused() const noexcept { return state == State::refused; }
};

/// parse_request_head reads one head from the start of `bytes`. `out` is valid after `complete` only, and
/// holds views into `bytes`. `seen` is how many of the bytes an earlier call has answered with need_more:
/// they are not parsed again until the head's end has arrived, so that a head sent byte by byte costs linear
/// time. Any thread.
[[nodiscard]] HeadParse parse_request_head(std::string_view bytes, RequestHead& out,
                                           const HeadLimits& limits = {}, std::size_t seen = 0);

/// parse_response_head does the same for an answer to a request with method `asked`, which decides whether a
/// body follows (RFC 9112 section 6.3). Interim answers (1xx) come as heads of their own. Faults mean 502 for
/// the client.
[[nodiscard]] HeadParse parse_response_head(std::string_view bytes, Method asked, ResponseHead& out,
                                            const HeadLimits& limits = {}, std::size_t seen = 0);

}  // namespace sallyport
