// SPDX-License-Identifier: Apache-2.0
#include "sallyport/plugin/server_stdio.h"

#include <gmock/gmock.h>

#include "sallyport/env/testing/fakes.h"
#include "sallyport/plugin/server_log.h"

namespace sallyport {
namespace {

TEST(StdioQueueTest, KeepsOrderAndDropsBeyondItsLimit) {
  StdioQueue queue;
  int told = 0;
  queue.on_change([&told] { ++told; });
  queue.put({StdioChunk::Channel::out, "a"});
  queue.put({StdioChunk::Channel::err, std::string(kStdioKeptBytesMax - 1, 'e')});
  queue.put({StdioChunk::Channel::out, "too much"});
  EXPECT_EQ(queue.dropped_bytes(), 8U);
  EXPECT_EQ(told, 2);
  EXPECT_EQ(queue.take()->data, "a");
  EXPECT_EQ(queue.take()->channel, StdioChunk::Channel::err);
  EXPECT_FALSE(queue.take().has_value());
  queue.put({StdioChunk::Channel::out, "room again"});
  EXPECT_TRUE(queue.take().has_value());
  queue.end();
  EXPECT_TRUE(queue.ended());
}

TEST(StdioQueueTest, EncodesStdioData) {
  EXPECT_EQ(encode_stdio_data({StdioChunk::Channel::out, "hi"}), "\x08\x01\x12\x02hi");
}

TEST(PluginLogTest, WritesWhatHclogReads) {
  ManualClock clock;
  clock.set(WallTime(std::chrono::microseconds(1'700'000'000'000'042)));
  const PluginLog log(-1, clock, "m");
  EXPECT_EQ(log.line(PluginLogLevel::warn, "a \"b\"\n", {{"key", "\xff"}}),
            "{\"@level\":\"warn\",\"@message\":\"a \\\"b\\\"\\n\",\"@module\":\"m\",\"@timestamp\":"
            "\"2023-11-14T22:13:20.000042Z\",\"key\":\"\xEF\xBF\xBD\"}\n");
}

}  // namespace
}  // namespace sallyport
