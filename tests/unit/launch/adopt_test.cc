// SPDX-License-Identifier: Apache-2.0
// Does a tool that may survive its gateway wait for the next one, and end where none comes?
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>

#include "sallyport/launch/process_tree.h"
#include "tests/unit/launch/started.h"

namespace sallyport {
namespace {

using testing_launch::dies;
using testing_launch::Started;

class Adopt : public testing::Test {
 protected:
  Adopt() {
    std::string pattern = std::filesystem::temp_directory_path() / "sallyport-adopt-XXXXXX";
    if (::mkdtemp(pattern.data()) != nullptr) folder_ = pattern;
  }
  ~Adopt() override {
    std::error_code error;
    std::filesystem::remove_all(folder_, error);
  }
  [[nodiscard]] std::string door() const { return folder_ + "/door"; }
  ProcessPlan::Survival survival(std::chrono::seconds life) const { return {door(), 4'321, life}; }

  std::string folder_;
};

TEST_F(Adopt, SA_11_a_tool_is_left_and_adopted_with_its_output_and_its_end) {
  Started tool({"/bin/sh", "-c", "echo one; while [ ! -e \"$0\" ]; do sleep 0.05; done; echo two; exit 7",
                folder_ + "/go"});
  tool.environment.set("PATH", SecretText("/usr/bin:/bin"));
  tool.plan().survival = survival(std::chrono::minutes(5));
  ASSERT_TRUE(tool.start());
  ASSERT_TRUE(tool.wait_until([&] { return tool.tool != 0 && tool.output == "one\n"; }));
  const auto shepherd = tool.process().root();
  tool.process().leave();
  auto adopted = Process::adopt(door());
  ASSERT_TRUE(adopted) << adopted.error().what;
  EXPECT_EQ(adopted->tool, tool.tool);
  EXPECT_EQ(adopted->port, 4'321);
  EXPECT_EQ(adopted->process.root(), shepherd);
  ASSERT_EQ(::mkdir((folder_ + "/go").c_str(), 0700), 0);
  Started again({"unused"});
  again.take(std::move(adopted->process));
  ASSERT_TRUE(again.wait_gone());
  EXPECT_EQ(again.output, "two\n");
  EXPECT_EQ(again.exit, (ExitStatus{ExitStatus::How::exited, 7}));
  EXPECT_EQ(Process::adopt(door()).error().code, Code::not_found);
}

TEST_F(Adopt, SA_11_a_tool_that_nobody_adopts_ends_in_its_time) {
  Started tool({"/bin/sleep", "1000"});
  tool.plan().survival = survival(std::chrono::seconds(1));
  ASSERT_TRUE(tool.start());
  ASSERT_TRUE(tool.wait_until([&] { return tool.tool != 0; }));
  tool.process().leave();
  EXPECT_TRUE(dies(tool.tool));
}

TEST_F(Adopt, SA_11_a_gateway_that_lets_its_process_go_in_the_usual_way_ends_it) {
  Started tool({"/bin/sleep", "1000"});
  tool.plan().survival = survival(std::chrono::minutes(5));
  ASSERT_TRUE(tool.start());
  ASSERT_TRUE(tool.wait_until([&] { return tool.tool != 0; }));
  tool.drop();
  EXPECT_TRUE(dies(tool.tool));
  EXPECT_EQ(Process::adopt(door()).error().code, Code::not_found);
}

TEST_F(Adopt, a_tool_without_survival_has_no_door) {
  Started tool({"/bin/sleep", "1000"});
  ASSERT_TRUE(tool.start());
  ASSERT_TRUE(tool.wait_until([&] { return tool.tool != 0; }));
  EXPECT_EQ(Process::adopt(door()).error().code, Code::not_found);
  tool.process().leave();
  EXPECT_TRUE(dies(tool.tool));
}

TEST_F(Adopt, SA_11_a_tool_that_writes_without_end_does_not_stop_while_nobody_reads) {
  Started tool(
      {"/bin/sh", "-c",
       "i=0; while [ $i -lt 4000 ]; do echo 0123456789012345678901234567890123456789; i=$((i+1)); done; "
       "mkdir \"$0\"; sleep 1000",
       folder_ + "/done"});
  tool.environment.set("PATH", SecretText("/usr/bin:/bin"));
  tool.plan().survival = survival(std::chrono::minutes(5));
  ASSERT_TRUE(tool.start());
  ASSERT_TRUE(tool.wait_until([&] { return tool.tool != 0; }));
  tool.process().leave();
  for (int waited = 0; waited < testing_launch::kPatienceMs && !std::filesystem::exists(folder_ + "/done");
       waited += 20)
    ::poll(nullptr, 0, 20);
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/done"));
  auto adopted = Process::adopt(door());
  ASSERT_TRUE(adopted);
}

TEST(ProcessTree, start_of_tells_processes_apart) {
  EXPECT_GT(start_of(::getpid()), 0U);
  EXPECT_GE(start_of(::getpid()), start_of(1));
  EXPECT_EQ(start_of(0), 0U);
}

}  // namespace
}  // namespace sallyport
