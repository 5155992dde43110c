// SPDX-License-Identifier: Apache-2.0
#include "sallyport/trace/exporter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "sallyport/base/text.h"
#include "sallyport/env/testing/fakes.h"

namespace sallyport {
namespace {

using testing::HasSubstr;
using testing::Not;

Span span_of(int number) {
  Span span;
  span.context.trace_id.fill(std::byte{1});
  span.context.span_id.fill(static_cast<std::byte>(number));
  span.begin = WallTime(std::chrono::seconds(1'700'000'000));
  span.end = span.begin + std::chrono::milliseconds(3);
  span.method = "GET";
  span.path = "/lab";
  span.session = "notebook";
  span.request_id = "abcdefgh000000000001";
  span.status = 200;
  return span;
}

const TraceSource kSource{"sallyport", "1.2.3", "0001"};

TEST(Otlp, BY_11_is_the_documented_form) {
  const Span span = span_of(7);
  const auto text = write_otlp(kSource, std::span(&span, 1));
  EXPECT_THAT(text, HasSubstr(R"("traceId":"01010101010101010101010101010101")"));
  EXPECT_THAT(text, HasSubstr(R"("spanId":"0707070707070707")"));
  EXPECT_THAT(text, HasSubstr(R"("startTimeUnixNano":"1700000000000000000")"));
  EXPECT_THAT(text, HasSubstr(R"("endTimeUnixNano":"1700000000003000000")"));
  EXPECT_THAT(text, HasSubstr(R"({"key":"http.response.status_code","value":{"intValue":"200"}})"));
  EXPECT_THAT(text, Not(HasSubstr("parentSpanId")));
  EXPECT_THAT(text, Not(HasSubstr(R"("status")")));
}

TEST(Otlp, bytes_that_are_no_text_break_nothing) {
  Span span = span_of(1);
  span.path = "/\xff\xfe";
  span.status = 502;
  const auto text = write_otlp(kSource, std::span(&span, 1));
  EXPECT_THAT(text, HasSubstr("\xef\xbf\xbd"));
  EXPECT_THAT(text, HasSubstr(R"("status":{"code":2})"));
}

class Export : public testing::Test {
 protected:
  std::unique_ptr<TraceExporter> with(std::function<Result<std::uint16_t>(std::string)> post) {
    return std::make_unique<TraceExporter>(*parse_collector("http://127.0.0.1:4318"), kSource,
                                           TraceExporter::Powers{clock_, std::move(post)});
  }
  const ManualMonotonicClock clock_;
};

TEST_F(Export, BY_11_what_is_left_goes_out_at_the_end) {
  std::string sent;
  auto exporter = with([&sent](std::string body) -> Result<std::uint16_t> {
    sent += body;
    return std::uint16_t{200};
  });
  exporter->give(span_of(9));
  exporter.reset();
  EXPECT_THAT(sent, HasSubstr("0909090909090909"));
}

TEST_F(Export, BY_11_a_collector_that_hangs_costs_no_more_than_the_queue) {
  std::promise<void> reached;
  std::promise<void> go_on;
  auto exporter = with([&, first = true](std::string) mutable -> Result<std::uint16_t> {
    if (std::exchange(first, false)) {
      reached.set_value();
      go_on.get_future().wait();
    }
    return std::uint16_t{200};
  });
  for (std::size_t i = 0; i < kSpansSentMax; ++i) exporter->give(span_of(1));
  reached.get_future().wait();
  for (std::size_t i = 0; i < kSpansHeldMax + 5; ++i) exporter->give(span_of(2));
  EXPECT_EQ(exporter->figures().dropped, 5U);
  go_on.set_value();
}

TEST_F(Export, a_refusal_is_counted_and_told) {
  std::promise<void> reached;
  auto exporter = with([&, first = true](std::string) mutable -> Result<std::uint16_t> {
    if (std::exchange(first, false)) reached.set_value();
    return std::uint16_t{400};
  });
  for (std::size_t i = 0; i < kSpansSentMax; ++i) exporter->give(span_of(1));
  reached.get_future().wait();
  while (exporter->figures().dropped == 0) std::this_thread::yield();
  EXPECT_EQ(exporter->figures().dropped, kSpansSentMax);
  EXPECT_THAT(exporter->figures().fault, HasSubstr("400"));
}

TEST(Collector, is_a_plain_url) {
  EXPECT_TRUE(parse_collector("http://127.0.0.1:4318/v1/traces"));
  EXPECT_TRUE(parse_collector("https://collector.example"));
  EXPECT_TRUE(parse_collector("unix:/run/otel.sock"));
  for (const std::string_view bad :
       {"", "collector:4318", "ftp://x", "http://user:secret@x", "http://x/?a=b"})
    EXPECT_EQ(parse_collector(bad).error().code, Code::invalid_argument) << bad;
}

}  // namespace
}  // namespace sallyport
