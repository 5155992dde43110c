// SPDX-License-Identifier: Apache-2.0
// What must not get in: one row per refusal. Another parser may read each of these in a way of its own.
#include <gtest/gtest.h>

#include <ostream>

#include "tests/unit/http/heads.h"

namespace sallyport {

struct Refusal {
  const char* name;
  std::string_view text;
  ParseFault fault;
  int status;
};
void PrintTo(const Refusal& row, std::ostream* out) { *out << row.name; }

namespace {

using namespace std::string_view_literals;

std::string row_name(const testing::TestParamInfo<Refusal>& row) { return row.param.name; }

class RequestRefusal : public testing::TestWithParam<Refusal> {};

TEST_P(RequestRefusal, has_its_own_fault_and_status) {
  const ParsedRequest request(GetParam().text);
  ASSERT_TRUE(request.outcome.refused()) << "state " << static_cast<int>(request.outcome.state);
  EXPECT_EQ(name_of(request.fault()), name_of(GetParam().fault));
  EXPECT_EQ(status_of(request.fault()), GetParam().status);
}

constexpr Refusal kLines[] = {
    {"bare_lf_in_request_line", "GET / HTTP/1.1\nHost: a\r\n\r\n", ParseFault::line_ending, 400},
    {"bare_lf_after_target", "GET /\nHost: a\r\n\r\n", ParseFault::version_malformed, 400},
    {"bare_lf_in_field", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", ParseFault::line_ending, 400},
    {"bare_lf_as_end", "GET / HTTP/1.1\r\nHost: a\r\n\n", ParseFault::line_ending, 400},
    {"bare_cr_in_field", "GET / HTTP/1.1\r\nHost: a\r\nX: y\rz\r\n\r\n", ParseFault::line_ending, 400},
    {"bare_cr_as_end", "GET / HTTP/1.1\r\nHost: a\r\n\rX", ParseFault::line_ending, 400},
    {"empty_line_before", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", ParseFault::line_ending, 400},
    {"folded_line_blank", "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n", ParseFault::folded_line, 400},
    {"folded_line_tab", "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\tz\r\n\r\n", ParseFault::folded_line, 400},
    {"folded_first_line", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", ParseFault::folded_line, 400},
    {"nul_in_value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"sv, ParseFault::field_value, 400},
    {"control_in_value",
     "GET / HTTP/1.1\r\nHost: a\r\nX: a\x01"
     "b\r\n\r\n",
     ParseFault::field_value, 400},
    {"delete_in_value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\x7f\r\n\r\n", ParseFault::field_value, 400},
    {"blank_before_colon", "GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", ParseFault::field_name, 400},
    {"empty_name", "GET / HTTP/1.1\r\nHost: a\r\n: y\r\n\r\n", ParseFault::field_name, 400},
    {"no_colon", "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", ParseFault::field_name, 400},
    {"obs_text_in_name", "GET / HTTP/1.1\r\nHost: a\r\nX\xe4: y\r\n\r\n", ParseFault::field_name, 400},
    {"slash_in_name", "GET / HTTP/1.1\r\nHost: a\r\nX/y: y\r\n\r\n", ParseFault::field_name, 400},
    {"nul_in_name", "GET / HTTP/1.1\r\nHost: a\r\nX\0: y\r\n\r\n"sv, ParseFault::field_name, 400},
};
INSTANTIATE_TEST_SUITE_P(lines, RequestRefusal, testing::ValuesIn(kLines), row_name);

constexpr Refusal kRequestLines[] = {
    {"method_with_bracket", "GE[T / HTTP/1.1\r\nHost: a\r\n\r\n", ParseFault::method_token, 400},
    {"method_missing", " / HTTP/1.1\r\nHost: a\r\n\r\n", ParseFault::method_token, 400},
    {"method_too_long", "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGH / HTTP/1.1\r\n\r\n", ParseFault::method_token,
     400},
    {"tls_hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"sv, ParseFault::method_token, 400},
    {"connect", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", ParseFault::method_refused, 501},
    {"two_blanks", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", ParseFault::target_byte, 400},
    {"tab_as_blank", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", ParseFault::method_token, 400},
    {"blank_in_target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", ParseFault::version_malformed, 400},
    {"tab_in_target", "GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n", ParseFault::target_byte, 400},
    {"obs_text_in_target", "GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n", ParseFault::target_byte, 400},
    {"quote_in_target", "GET /\" HTTP/1.1\r\nHost: a\r\n\r\n", ParseFault::target_byte, 400},
    {"angle_in_target", "GET /?<script> HTTP/1.1\r\nHost: a\r\n\r\n", ParseFault::target_byte, 400},
    {"backslash_in_target", "GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n", ParseFault::target_byte, 400},
    {"backslash_in_query", "GET /?a\\b HTTP/1.1\r\nHost: a\r\n\r\n", ParseFault::target_byte, 400},
    {"fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", ParseFault::target_byte, 400},
    {"nul_in_target", "GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n"sv, ParseFault::target_byte, 400},
    {"no_leading_slash", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", ParseFault::target_form, 400},
    {"asterisk_without_options", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", ParseFault::target_form, 400},
    {"foreign_scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", ParseFault::target_form, 400},
    {"userinfo", "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", ParseFault::target_form, 400},
    {"absolute_without_host", "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", ParseFault::target_form, 400},
    {"absolute_query_without_path", "GET http://a?x HTTP/1.1\r\nHost: a\r\n\r\n", ParseFault::target_form,
     400},
    {"absolute_disagrees", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", ParseFault::target_host_differs, 400},
    {"absolute_disagrees_in_port", "GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n",
     ParseFault::target_host_differs, 400},
    {"http09", "GET /\r\n", ParseFault::version_malformed, 400},
    {"http2", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", ParseFault::version_unsupported, 505},
    {"http2_preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ParseFault::version_unsupported, 505},
    {"http12", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", ParseFault::version_unsupported, 505},
    {"version_in_lower_case", "GET / http/1.1\r\nHost: a\r\n\r\n", ParseFault::version_malformed, 400},
    {"version_of_two_digits", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", ParseFault::version_malformed, 400},
    {"blank_after_version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", ParseFault::version_malformed, 400},
};
INSTANTIATE_TEST_SUITE_P(request_lines, RequestRefusal, testing::ValuesIn(kRequestLines), row_name);

#define SALLYPORT_POST(lines) "POST / HTTP/1.1\r\nHost: a\r\n" lines "\r\n"
constexpr Refusal kFraming[] = {
    {"length_and_coding", SALLYPORT_POST("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
     ParseFault::length_and_coding, 400},
    {"coding_and_length", SALLYPORT_POST("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
     ParseFault::length_and_coding, 400},
    {"two_lengths", SALLYPORT_POST("Content-Length: 5\r\nContent-Length: 6\r\n"), ParseFault::field_repeated,
     400},
    {"two_same_lengths", SALLYPORT_POST("Content-Length: 5\r\nContent-Length: 5\r\n"),
     ParseFault::field_repeated, 400},
    {"length_list", SALLYPORT_POST("Content-Length: 5, 5\r\n"), ParseFault::content_length_malformed, 400},
    {"length_plus", SALLYPORT_POST("Content-Length: +5\r\n"), ParseFault::content_length_malformed, 400},
    {"length_minus", SALLYPORT_POST("Content-Length: -5\r\n"), ParseFault::content_length_malformed, 400},
    {"length_blank_inside", SALLYPORT_POST("Content-Length: 5 5\r\n"), ParseFault::content_length_malformed,
     400},
    {"length_tab_after", SALLYPORT_POST("Content-Length: 5 \t\r\n"), ParseFault::content_length_malformed,
     400},
    {"length_empty", SALLYPORT_POST("Content-Length: \r\n"), ParseFault::content_length_malformed, 400},
    {"length_hex", SALLYPORT_POST("Content-Length: 0x5\r\n"), ParseFault::content_length_malformed, 400},
    {"length_overflow", SALLYPORT_POST("Content-Length: 18446744073709551616\r\n"),
     ParseFault::content_length_malformed, 400},
    {"length_beyond_ours", SALLYPORT_POST("Content-Length: 4611686018427387904\r\n"),
     ParseFault::content_length_malformed, 400},
    {"coding_gzip", SALLYPORT_POST("Transfer-Encoding: gzip\r\n"), ParseFault::coding_malformed, 400},
    {"coding_gzip_chunked", SALLYPORT_POST("Transfer-Encoding: gzip, chunked\r\n"),
     ParseFault::coding_unknown, 501},
    {"coding_chunked_gzip", SALLYPORT_POST("Transfer-Encoding: chunked, gzip\r\n"),
     ParseFault::coding_malformed, 400},
    {"coding_chunked_twice", SALLYPORT_POST("Transfer-Encoding: chunked, chunked\r\n"),
     ParseFault::coding_malformed, 400},
    {"coding_fields_twice", SALLYPORT_POST("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
     ParseFault::field_repeated, 400},
    {"coding_xchunked", SALLYPORT_POST("Transfer-Encoding: xchunked\r\n"), ParseFault::coding_malformed, 400},
    {"coding_quoted", SALLYPORT_POST("Transfer-Encoding: \"chunked\"\r\n"), ParseFault::coding_malformed,
     400},
    {"coding_vertical_tab",
     SALLYPORT_POST("Transfer-Encoding: \x0b"
                    "chunked\r\n"),
     ParseFault::field_value, 400},
    {"coding_identity", SALLYPORT_POST("Transfer-Encoding: identity\r\n"), ParseFault::coding_malformed, 400},
    {"coding_tab_after", SALLYPORT_POST("Transfer-Encoding: chunked\t\r\n"), ParseFault::coding_malformed,
     400},
    {"coding_empty", SALLYPORT_POST("Transfer-Encoding:\r\n"), ParseFault::coding_malformed, 400},
    {"coding_parameter", SALLYPORT_POST("Transfer-Encoding: chunked;q=1\r\n"), ParseFault::coding_malformed,
     400},
    {"coding_in_http10", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
     ParseFault::coding_in_http10, 400},
    {"connection_names_length", SALLYPORT_POST("Connection: Content-Length\r\nContent-Length: 5\r\n"),
     ParseFault::connection_option, 400},
    {"connection_names_coding", SALLYPORT_POST("Connection: close, transfer_encoding\r\n"),
     ParseFault::connection_option, 400},
    {"connection_names_host", SALLYPORT_POST("Connection: host\r\n"), ParseFault::connection_option, 400},
    {"connection_no_token", SALLYPORT_POST("Connection: a b\r\n"), ParseFault::connection_option, 400},
    {"expectation", SALLYPORT_POST("Expect: 200-ok\r\n"), ParseFault::expectation_unknown, 417},
};
INSTANTIATE_TEST_SUITE_P(framing, RequestRefusal, testing::ValuesIn(kFraming), row_name);

constexpr Refusal kHosts[] = {
    {"host_missing", "GET / HTTP/1.1\r\n\r\n", ParseFault::host_missing, 400},
    {"host_missing_http10", "GET / HTTP/1.0\r\n\r\n", ParseFault::host_missing, 400},
    {"host_empty", "GET / HTTP/1.1\r\nHost:\r\n\r\n", ParseFault::host_missing, 400},
    {"host_twice", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", ParseFault::field_repeated, 400},
    {"host_userinfo", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", ParseFault::host_malformed, 400},
    {"host_list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", ParseFault::host_malformed, 400},
    {"host_path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", ParseFault::host_malformed, 400},
    {"host_port_zero", "GET / HTTP/1.1\r\nHost: a:0\r\n\r\n", ParseFault::host_malformed, 400},
    {"host_port_leading_zero", "GET / HTTP/1.1\r\nHost: a:080\r\n\r\n", ParseFault::host_malformed, 400},
    {"host_port_empty", "GET / HTTP/1.1\r\nHost: a:\r\n\r\n", ParseFault::host_malformed, 400},
    {"host_port_too_big", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", ParseFault::host_malformed, 400},
    {"host_bracket_open", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", ParseFault::host_malformed, 400},
    {"host_zone", "GET / HTTP/1.1\r\nHost: [fe80::1%25lo]\r\n\r\n", ParseFault::host_malformed, 400},
    {"host_percent", "GET / HTTP/1.1\r\nHost: a%2eb\r\n\r\n", ParseFault::host_malformed, 400},
};
INSTANTIATE_TEST_SUITE_P(hosts, RequestRefusal, testing::ValuesIn(kHosts), row_name);

class SingletonRefusal : public testing::TestWithParam<const char*> {};
TEST_P(SingletonRefusal, twice_in_a_request) {
  const ParsedRequest request(get_with(concat(GetParam(), ": a\r\n", to_lower(GetParam()), ": a\r\n")));
  EXPECT_EQ(name_of(request.fault()), name_of(ParseFault::field_repeated));
}
INSTANTIATE_TEST_SUITE_P(fields, SingletonRefusal,
                         testing::Values("Authorization", "Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode",
                                         "Sec-Fetch-Dest", "Sec-Fetch-User", "Upgrade", "Sec-WebSocket-Key",
                                         "Sec-WebSocket-Version", "Expect", "Referer", "Content-Type",
                                         "X-Requested-With", "X-Session-Token", "X-Session-ID",
                                         "Proxy-Authorization", "Access-Control-Request-Method"));

TEST(RequestLimits, target_of_the_limit_passes_one_more_byte_does_not) {
  const std::string path(kTargetBytesMax - 1, 'a');
  EXPECT_TRUE(ParsedRequest(concat("GET /", path, " HTTP/1.1\r\nHost: a\r\n\r\n")).outcome.complete());
  const ParsedRequest longer(concat("GET /a", path, " HTTP/1.1\r\nHost: a\r\n\r\n"));
  EXPECT_EQ(longer.fault(), ParseFault::target_too_long);
  EXPECT_EQ(status_of(longer.fault()), 414);
  EXPECT_EQ(ParsedRequest(concat("GET /a", path)).fault(), ParseFault::target_too_long)
      << "before the line is whole";
}

TEST(RequestLimits, head_of_the_limit_passes_one_more_byte_does_not) {
  const std::string start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
  const std::string fill(kHeadBytesMax - start.size() - 4, 'x');
  EXPECT_TRUE(ParsedRequest(concat(start, fill, "\r\n\r\n")).outcome.complete());
  const ParsedRequest larger(concat(start, fill, "x\r\n\r\n"));
  EXPECT_EQ(larger.fault(), ParseFault::head_too_large);
  EXPECT_EQ(status_of(larger.fault()), 431);
}

TEST(RequestLimits, field_count) {
  std::string lines;
  for (std::size_t i = 1; i < kHeaderCountMax; ++i) lines += "X: y\r\n";
  const ParsedRequest most(get_with(lines));
  ASSERT_TRUE(most.outcome.complete());
  EXPECT_EQ(most.head.fields.size(), kHeaderCountMax);
  const ParsedRequest over(get_with(lines + "X: y\r\n"));
  EXPECT_EQ(over.fault(), ParseFault::too_many_fields);
  EXPECT_EQ(status_of(over.fault()), 431);
}

TEST(RequestLimits, limits_above_the_ceiling_count_as_the_ceiling) {
  const HeadLimits wide{
      .head_bytes_max = SIZE_MAX, .target_bytes_max = SIZE_MAX, .field_count_max = SIZE_MAX};
  const ParsedRequest large(get_with(concat("X: ", std::string(kHeadBytesCeiling, 'x'), "\r\n")), wide);
  EXPECT_EQ(large.fault(), ParseFault::head_too_large);
}

}  // namespace
}  // namespace sallyport
