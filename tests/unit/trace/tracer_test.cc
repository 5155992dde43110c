// SPDX-License-Identifier: Apache-2.0
#include "sallyport/trace/tracer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sallyport/base/text.h"
#include "sallyport/env/testing/fakes.h"
#include "sallyport/http/parser.h"

namespace sallyport {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0";

class TracerTest : public testing::Test {
 protected:
  TraceStep begin(std::string_view fields, unsigned percent = 100) {
    const std::string text = concat("GET /lab HTTP/1.1\r\nHost: a.example\r\n", fields, "\r\n");
    RequestHead head;
    EXPECT_EQ(parse_request_head(text, head).state, HeadParse::State::complete) << text;
    return Tracer(exporter_, {clock_, entropy_}, percent).begin(head);
  }
  std::string sent_;
  ManualClock clock_;
  ManualMonotonicClock monotonic_;
  CountingEntropy entropy_;
  TraceExporter exporter_{*parse_collector("http://127.0.0.1:1"),
                          {"s", "1", "2"},
                          {monotonic_, [this](std::string body) -> Result<std::uint16_t> {
                             sent_ += body;
                             return std::uint16_t{200};
                           }}};
};

TEST_F(TracerTest, BY_11_goes_on_with_the_client_s_trace) {
  const auto step = begin(concat("traceparent: ", kParent, "1\r\n"));
  EXPECT_EQ(hex_of(step.span.context.trace_id), "4bf92f3577b34da6a3ce929d0e0e4736");
  ASSERT_TRUE(step.span.parent);
  EXPECT_EQ(hex_of(*step.span.parent), "00f067aa0ba902b7");
  EXPECT_THAT(step.traceparent, Not(HasSubstr("00f067aa0ba902b7")));
  EXPECT_EQ(step.tracestate, TraceStep::Tracestate::keep);
}

TEST_F(TracerTest, BY_11_begins_a_trace_where_there_is_no_good_one) {
  for (const std::string& fields :
       {std::string(), std::string("traceparent: nonsense\r\n"),
        concat("traceparent: ", kParent, "1\r\ntraceparent: ", kParent, "1\r\n")}) {
    const auto step = begin(fields);
    EXPECT_FALSE(step.span.parent) << fields;
    EXPECT_EQ(step.tracestate, TraceStep::Tracestate::drop);
    EXPECT_EQ(step.span.context.sampled, TraceContext::Sampled::yes);
    EXPECT_TRUE(parse_traceparent(step.traceparent));
  }
}

TEST_F(TracerTest, BY_11_who_says_no_is_not_told_of) {
  EXPECT_EQ(begin(concat("traceparent: ", kParent, "0\r\n")).span.context.sampled, TraceContext::Sampled::no);
  EXPECT_EQ(begin("", 0).span.context.sampled, TraceContext::Sampled::no);
}

}  // namespace
}  // namespace sallyport
