// SPDX-License-Identifier: Apache-2.0
// TraceContext: where a request stands in a distributed trace. W3C Trace Context, section 3.2.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sallyport {

/// TraceContext is what a traceparent field says.
struct TraceContext {
  std::array<std::byte, 16> trace_id{};
  std::array<std::byte, 8> span_id{};
  enum class Sampled : std::uint8_t { no, yes } sampled = Sampled::no;

  friend bool operator==(const TraceContext&, const TraceContext&) = default;
};

/// parse_traceparent takes version 00 exactly, and of later versions the part that 00 has; none for anything
/// else: upper case, ids of zeros, version ff.
std::optional<TraceContext> parse_traceparent(std::string_view text) noexcept;
/// write_traceparent writes version 00.
std::string write_traceparent(const TraceContext& context);
/// hex_of writes an id as the field has it.
std::string hex_of(std::span<const std::byte> id);

}  // namespace sallyport
