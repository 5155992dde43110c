// SPDX-License-Identifier: Apache-2.0
// Real processes: the question here is what a tool is given, how it ends, and that nothing of it stays.
#include "sallyport/launch/process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <filesystem>

#include "sallyport/launch/handover.h"
#include "sallyport/launch/process_tree.h"
#include "tests/unit/launch/started.h"

namespace sallyport {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing_launch::dies;
using testing_launch::Started;

TEST(Process, SA_04_tool_gets_a_clean_room) {
  Started tool({CHILD_PATH, "show"});
  tool.environment.set("ONLY", SecretText("one"));
  const Descriptor leaky(
      ::open("/dev/null", O_RDONLY));  // without close-on-exec, as a careless library would
  ASSERT_TRUE(tool.start());
  ASSERT_TRUE(tool.wait_gone());
  EXPECT_EQ(tool.output,
            "env ONLY=one\nfd 0\nfd 1\nfd 2\ncore 0\nnew_privs 1\nblocks TERM 0\nleads session 1\nleads "
            "group 1\nstdin ends 1\n");
  EXPECT_EQ(tool.exit, (ExitStatus{ExitStatus::How::exited, 0}));
}

TEST(Process, BY_01_credential_comes_on_descriptor_three_and_is_sealed) {
  const SecretText credential("spb_0123456789");
  Started tool({CHILD_PATH, "credential"}, &credential);
  ASSERT_TRUE(tool.start());
  ASSERT_TRUE(tool.wait_gone());
  EXPECT_THAT(tool.output, HasSubstr("credential spb_0123456789\n"));
  EXPECT_THAT(tool.output, HasSubstr("writable 0\n"));
  EXPECT_THAT(
      tool.output,
      HasSubstr("seals " + std::to_string(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) + "\n"));
}

TEST(Process, tells_how_it_ended) {
  Started exits({CHILD_PATH, "exit", "3"});
  ASSERT_TRUE(exits.start());
  ASSERT_TRUE(exits.wait_gone());
  EXPECT_EQ(exits.exit, (ExitStatus{ExitStatus::How::exited, 3}));
  EXPECT_EQ(exits.exit->shell_status(), 3);
  Started dies_by_signal({CHILD_PATH, "die", std::to_string(SIGUSR1)});
  ASSERT_TRUE(dies_by_signal.start());
  ASSERT_TRUE(dies_by_signal.wait_gone());
  EXPECT_EQ(dies_by_signal.exit->how, ExitStatus::How::signalled);
  EXPECT_EQ(dies_by_signal.exit->shell_status(), 128 + SIGUSR1);
}

TEST(Process, missing_program_is_a_clear_error) {
  Started tool({"no-such-tool-anywhere"});
  const auto started = tool.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Code::not_found);
  EXPECT_EQ(started.error().what,
            "cannot start `no-such-tool-anywhere`: No such file or directory; is it installed and on PATH?");
  Started no_program({"/etc/passwd"});
  EXPECT_EQ(no_program.start().error().code, Code::permission_denied);
}

TEST(Process, failed_execve_is_reported) {
  const std::string script = testing::TempDir() + "sallyport-not-a-program";
  {
    const Descriptor file(::open(script.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700));
    ASSERT_EQ(::write(file.get(), "no program\n", 11), 11);
  }
  Started tool({script});
  ASSERT_TRUE(tool.start());
  ASSERT_TRUE(tool.wait_gone());
  EXPECT_EQ(tool.exit, (ExitStatus{ExitStatus::How::not_started, ENOEXEC}));
  EXPECT_EQ(tool.exit->shell_status(), 126);
  ::unlink(script.c_str());
}

TEST(Process, missing_shepherd_is_reported) {
  Started tool({CHILD_PATH, "exit", "0"});
  tool.plan().shepherd = "/no/such/shepherd";
  const auto started = tool.start();
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().what, HasSubstr("/no/such/shepherd"));
}

TEST(Process, refuses_nul_bytes) {
  Started tool({CHILD_PATH, std::string("a\0b", 3)});
  EXPECT_EQ(tool.start().error().code, Code::invalid_argument);
}

TEST(Process, SA_12_child_that_ignores_int_and_term_is_killed) {
  Started tool({CHILD_PATH, "stubborn"});
  ASSERT_TRUE(tool.start());
  ASSERT_TRUE(tool.wait_for("stubborn"));
  tool.process().send(StopSignal::interrupt);
  ASSERT_TRUE(tool.wait_for("got INT"));
  tool.process().send(StopSignal::terminate);
  ASSERT_TRUE(tool.wait_for("got TERM"));
  tool.process().send(StopSignal::kill);
  ASSERT_TRUE(tool.wait_gone());
  EXPECT_EQ(tool.exit, (ExitStatus{ExitStatus::How::signalled, SIGKILL}));
}

TEST(Process, SA_04_orphans_that_left_the_session_end_with_the_tool) {
  Started tool({CHILD_PATH, "orphan-and-exit"});
  ASSERT_TRUE(tool.start());
  ASSERT_TRUE(tool.wait_gone());
  EXPECT_EQ(tool.exit, (ExitStatus{ExitStatus::How::exited, 3}));
  if (const auto orphan = tool.number_after("orphan"); orphan != 0) {
    EXPECT_TRUE(dies(orphan));
  }
}

TEST(Process, shepherd_sleeps_while_its_tool_runs) {
  Started tool({"/bin/sleep", "600"});
  ASSERT_TRUE(tool.start());
  ASSERT_TRUE(tool.wait_until([&] { return tool.tool != 0; }));
  // It waits with a signalfd, which has to be open: poll returns at once where it is not.
  const auto folder = concat("/proc/", tool.process().root(), "/fd");
  std::error_code fault;
  std::size_t found = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder, fault)) {
    const auto leads_to = std::filesystem::read_symlink(entry, fault).string();
    found += leads_to == "anon_inode:[signalfd]" ? 1 : 0;
  }
  if (fault) GTEST_SKIP() << "a shepherd shows its descriptors to root only";
  EXPECT_EQ(found, 1U);
}

TEST(Process, kill_reaches_the_whole_subtree) {
  Started tool({CHILD_PATH, "orphan"});
  ASSERT_TRUE(tool.start());
  ASSERT_TRUE(tool.wait_until([&] { return tool.number_after("orphan") != 0 && tool.tool != 0; }));
  const auto orphan = tool.number_after("orphan");
  EXPECT_GE(process_tree(tool.process().root()).size(), 3U);
  tool.process().send(StopSignal::kill);
  ASSERT_TRUE(tool.wait_gone());
  EXPECT_TRUE(dies(orphan));
  EXPECT_EQ(::kill(orphan, 0), -1);  // reaped, not merely dead
}

TEST(Process, dropping_it_leaves_nothing) {
  Started tool({CHILD_PATH, "orphan"});
  ASSERT_TRUE(tool.start());
  ASSERT_TRUE(
      tool.wait_until([&] { return tool.number_after("orphan") != 0 && tool.number_after("tool") != 0; }));
  tool.drop();
  EXPECT_TRUE(dies(tool.number_after("orphan")));
  EXPECT_TRUE(dies(tool.number_after("tool")));
}

TEST(Process, killed_shepherd_takes_the_tool_with_it) {
  Started tool({CHILD_PATH, "stubborn"});
  ASSERT_TRUE(tool.start());
  ASSERT_TRUE(tool.wait_until([&] { return tool.tool != 0; }));
  ::kill(tool.process().root(), SIGKILL);
  ASSERT_TRUE(tool.wait_gone());
  EXPECT_EQ(tool.exit, (ExitStatus{ExitStatus::How::signalled, SIGKILL}));
  EXPECT_TRUE(dies(tool.tool));
}

TEST(Process, SA_04_sigkill_of_the_gateway_leaves_no_process_behind) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const Descriptor reads(ends[0]);
  Descriptor writes(ends[1]);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, writes.get(), STDOUT_FILENO);
  std::string words[] = {HOST_PATH, SHEPHERD_PATH, CHILD_PATH};
  char* argv[] = {words[0].data(), words[1].data(), words[2].data(), nullptr};
  pid_t host = 0;
  ASSERT_EQ(::posix_spawn(&host, HOST_PATH, &actions, nullptr, argv, nullptr), 0);
  ::posix_spawn_file_actions_destroy(&actions);
  writes.reset();
  std::string output;
  const auto found = [&](std::string_view word) {
    const auto at = output.find(word);
    if (at == std::string::npos || output.find('\n', at) == std::string::npos) return pid_t{0};
    return static_cast<pid_t>(std::atoi(output.c_str() + at + word.size()));
  };
  while (found("orphan ") == 0 || found("tool ") == 0) {
    char buffer[256];
    const auto got = ::read(reads.get(), buffer, sizeof buffer);
    ASSERT_GT(got, 0);
    output.append(buffer, static_cast<std::size_t>(got));
  }
  ::kill(host, SIGKILL);
  ::waitpid(host, nullptr, 0);
  EXPECT_TRUE(dies(found("orphan ")));
  EXPECT_TRUE(dies(found("tool ")));
}

TEST(Process, flood_of_output_is_read_to_its_end) {
  Started tool({CHILD_PATH, "flood", "3000000"});
  ASSERT_TRUE(tool.start());
  ASSERT_TRUE(tool.wait_for("end of flood"));
  EXPECT_GE(tool.output.size(), 3000000U);
  ASSERT_TRUE(tool.wait_gone());
}

TEST(Process, many_at_once_all_leave) {
  std::vector<std::unique_ptr<Started>> tools;
  for (int i = 0; i < 20; ++i) {
    tools.push_back(std::make_unique<Started>(
        std::vector<std::string>{CHILD_PATH, i % 2 == 0 ? "exit" : "orphan-and-exit", "3"}));
    ASSERT_TRUE(tools.back()->start());
  }
  for (auto& tool : tools) {
    ASSERT_TRUE(tool->wait_gone());
    EXPECT_EQ(tool->exit, (ExitStatus{ExitStatus::How::exited, 3}));
  }
}

TEST(FindProgram, ignores_empty_entries_of_the_path) {
  EXPECT_TRUE(find_program("sh", "/nowhere::/bin"));
  EXPECT_FALSE(find_program("sh", "::"));
  EXPECT_FALSE(find_program("sh", ""));
  EXPECT_FALSE(find_program("", "/bin"));
  EXPECT_FALSE(find_program("/bin", "/bin"));
}

}  // namespace
}  // namespace sallyport
