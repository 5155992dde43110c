// SPDX-License-Identifier: Apache-2.0
#include "sallyport/http/trace_context.h"

#include <algorithm>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

constexpr std::size_t kVersion00Bytes = 55;
constexpr std::size_t kTraceAt = 3;
constexpr std::size_t kSpanAt = 36;
constexpr std::size_t kFlagsAt = 53;
constexpr std::string_view kHexDigits = "0123456789abcdef";

/// read_hex fills `out`; false where a character is no lower-case hex digit.
bool read_hex(std::string_view text, std::span<std::byte> out) noexcept {
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto high = kHexDigits.find(text[2 * i]);
    const auto low = kHexDigits.find(text[2 * i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return false;
    out[i] = static_cast<std::byte>(high << 4 | low);
  }
  return true;
}

bool is_zero(std::span<const std::byte> id) noexcept {
  return std::ranges::all_of(id, [](std::byte one) { return one == std::byte{0}; });
}

}  // namespace

std::optional<TraceContext> parse_traceparent(std::string_view text) noexcept {
  if (text.size() < kVersion00Bytes) return std::nullopt;
  std::array<std::byte, 1> version{};
  std::array<std::byte, 1> flags{};
  TraceContext context;
  const bool well_formed = read_hex(text, version) && text[kTraceAt - 1] == '-' &&
                           read_hex(text.substr(kTraceAt), context.trace_id) && text[kSpanAt - 1] == '-' &&
                           read_hex(text.substr(kSpanAt), context.span_id) && text[kFlagsAt - 1] == '-' &&
                           read_hex(text.substr(kFlagsAt), flags);
  if (!well_formed || version.front() == std::byte{0xff}) return std::nullopt;
  const bool longer = text.size() > kVersion00Bytes;
  if (longer && (version.front() == std::byte{0} || text[kVersion00Bytes] != '-')) return std::nullopt;
  if (is_zero(context.trace_id) || is_zero(context.span_id)) return std::nullopt;
  if ((flags.front() & std::byte{1}) != std::byte{0}) context.sampled = TraceContext::Sampled::yes;
  return context;
}

std::string hex_of(std::span<const std::byte> id) {
  std::string text;
  for (const std::byte one : id) {
    text += kHexDigits[std::to_integer<std::size_t>(one >> 4)];
    text += kHexDigits[std::to_integer<std::size_t>(one & std::byte{15})];
  }
  return text;
}

std::string write_traceparent(const TraceContext& context) {
  return concat("00-", hex_of(context.trace_id), '-', hex_of(context.span_id),
                context.sampled == TraceContext::Sampled::yes ? "-01" : "-00");
}

}  // namespace sallyport
