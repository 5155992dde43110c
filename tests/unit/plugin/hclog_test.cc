// SPDX-License-Identifier: Apache-2.0
#include "sallyport/plugin/hclog.h"

#include <gmock/gmock.h>

namespace sallyport {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

PluginLogLine read(std::string_view line) {
  PluginLogReader reader;
  return reader.read(line);
}

TEST(Hclog, MC_14_reads_what_go_plugins_log) {
  const auto line = read(
      R"({"@level":"warn","@message":"slow","@module":"kv","@timestamp":"2026-01-02T03:04:05.678901Z","ms":12,"who":"a"})");
  EXPECT_EQ(line.level, PluginLogLevel::warn);
  EXPECT_EQ(line.message, "slow");
  EXPECT_EQ(line.module, "kv");
  EXPECT_EQ(line.timestamp, "2026-01-02T03:04:05.678901Z");
  EXPECT_THAT(line.fields, ElementsAre(Pair("ms", "12"), Pair("who", "a")));
}

TEST(Hclog, MC_14_lying_json_is_text) {
  for (const std::string_view line :
       {R"({"@level":1,"@message":"x"})", R"({"@level":"info","@message":{}})",
        R"({"@level":"loud","@message":"x"})", R"({"@message":"x"})", R"({"@level":"info"})",
        R"({"@level":"info","@message":"cut)", R"(["@message"])"}) {
    EXPECT_EQ(read(line).message, line);
    EXPECT_EQ(read(line).level, PluginLogLevel::debug);
  }
  const auto odd = read(R"({"@level":"info","@message":"x","@timestamp":7,"@module":null})");
  EXPECT_EQ(odd.message, "x");
  EXPECT_THAT(odd.timestamp, IsEmpty());
  EXPECT_THAT(odd.fields, ElementsAre(Pair("@timestamp", "7"), Pair("@module", "null")));
}

TEST(Hclog, MC_14_text_has_levels_and_a_panic_has_no_end) {
  PluginLogReader reader;
  const auto lines = reader.feed("[WARN] w\nplain\npanic: oh\n\tmain.go:3\n[INFO] i\n");
  ASSERT_THAT(lines, SizeIs(5));
  EXPECT_EQ(lines[0].level, PluginLogLevel::warn);
  EXPECT_EQ(lines[1].level, PluginLogLevel::debug);
  EXPECT_EQ(lines[2].level, PluginLogLevel::error);
  EXPECT_EQ(lines[3].level, PluginLogLevel::error);
  EXPECT_EQ(lines[4].level, PluginLogLevel::info);
}

TEST(Hclog, MC_14_nothing_in_a_line_reaches_the_terminal) {
  const auto line = read(R"({"@level":"info","@message":"\u001b[2J\nnext","k\n":"\u0007"})");
  EXPECT_EQ(line.message.find('\n'), std::string::npos);
  EXPECT_EQ(line.message.find('\x1b'), std::string::npos);
  EXPECT_EQ(line.fields[0].first.find('\n'), std::string::npos);
  EXPECT_EQ(line.fields[0].second.find('\a'), std::string::npos);
  EXPECT_EQ(read("\x1b]0;title\x07 x").message.find('\x1b'), std::string::npos);
}

TEST(Hclog, MC_14_floods_stay_within_bounds) {
  PluginLogReader reader;
  EXPECT_THAT(reader.feed(std::string(kPluginLogLineBytesMax * 3 + 5, 'x')), SizeIs(3));
  EXPECT_THAT(reader.rest(), SizeIs(1));
  EXPECT_THAT(reader.rest(), IsEmpty());
  const std::string deep(100'000, '[');
  EXPECT_EQ(read(R"({"@level":"info","@message":"d","x":)" + deep).level, PluginLogLevel::debug);
  std::string many = R"({"@level":"info","@message":"m")";
  for (int i = 0; i < 500; ++i) many += ",\"k" + std::to_string(i) + "\":1";
  EXPECT_THAT(read(many + "}").fields, SizeIs(kPluginLogFieldsMax));
}

}  // namespace
}  // namespace sallyport
