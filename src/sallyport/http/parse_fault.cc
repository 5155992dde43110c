// SPDX-License-Identifier: Apache-2.0
#include "sallyport/http/parse_fault.h"

#include <cstddef>

namespace sallyport {
namespace {

struct FaultRow {
  ParseFault fault;
  std::string_view name;
  std::uint16_t status;
};
/// In the order of ParseFault.
constexpr FaultRow kFaults[] = {
    {ParseFault::none, "none", 400},
    {ParseFault::line_ending, "line_ending", 400},
    {ParseFault::request_line, "request_line", 400},
    {ParseFault::method_token, "method_token", 400},
    {ParseFault::method_refused, "method_refused", 501},
    {ParseFault::target_byte, "target_byte", 400},
    {ParseFault::target_encoding, "target_encoding", 400},
    {ParseFault::target_segments, "target_segments", 400},
    {ParseFault::target_form, "target_form", 400},
    {ParseFault::target_host_differs, "target_host_differs", 400},
    {ParseFault::target_too_long, "target_too_long", 414},
    {ParseFault::version_malformed, "version_malformed", 400},
    {ParseFault::version_unsupported, "version_unsupported", 505},
    {ParseFault::status_line, "status_line", 400},
    {ParseFault::folded_line, "folded_line", 400},
    {ParseFault::field_name, "field_name", 400},
    {ParseFault::field_value, "field_value", 400},
    {ParseFault::field_repeated, "field_repeated", 400},
    {ParseFault::too_many_fields, "too_many_fields", 431},
    {ParseFault::head_too_large, "head_too_large", 431},
    {ParseFault::host_missing, "host_missing", 400},
    {ParseFault::host_malformed, "host_malformed", 400},
    {ParseFault::content_length_malformed, "content_length_malformed", 400},
    {ParseFault::length_and_coding, "length_and_coding", 400},
    {ParseFault::coding_malformed, "coding_malformed", 400},
    {ParseFault::coding_unknown, "coding_unknown", 501},
    {ParseFault::coding_in_http10, "coding_in_http10", 400},
    {ParseFault::connection_option, "connection_option", 400},
    {ParseFault::expectation_unknown, "expectation_unknown", 417},
    {ParseFault::chunk_size, "chunk_size", 400},
    {ParseFault::chunk_extension, "chunk_extension", 400},
    {ParseFault::chunk_ending, "chunk_ending", 400},
    {ParseFault::trailer, "trailer", 400},
};

constexpr bool rows_follow_the_faults() {
  std::size_t place = 0;
  for (const FaultRow& row : kFaults) {
    if (row.fault != static_cast<ParseFault>(place++)) return false;
  }
  return place == static_cast<std::size_t>(ParseFault::trailer) + 1;
}
static_assert(rows_follow_the_faults());

}  // namespace

std::string_view name_of(ParseFault fault) noexcept { return kFaults[static_cast<std::size_t>(fault)].name; }
std::uint16_t status_of(ParseFault fault) noexcept { return kFaults[static_cast<std::size_t>(fault)].status; }

}  // namespace sallyport
