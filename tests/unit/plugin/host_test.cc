// SPDX-License-Identifier: Apache-2.0
// Real plugins, good and bad: what they are given, what is believed of them, and how they end.
#include "sallyport/plugin/host.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>

#include "sallyport/base/text.h"
#include "sallyport/crypto/digest.h"
#include "sallyport/launch/process_tree.h"
#include "tests/unit/plugin/plugin_world.h"

namespace sallyport {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using By = PluginEnding::By;

class Host : public PluginWorld {};

TEST_F(Host, MC_05_a_plugin_is_started_called_and_asked_to_leave) {
  const auto host = start(launch("good"));
  ASSERT_NE(host, nullptr);
  EXPECT_EQ(call(*host, "/t.T/Echo", "hello"), "hello");
  EXPECT_TRUE(host->ping().has_value());
  EXPECT_EQ(host->handshake().app_version, 1U);
  EXPECT_EQ(host->tls(), Tls::off);
  const auto socket = host->handshake().address.path;
  EXPECT_TRUE(std::filesystem::exists(socket));
  const auto ending = host->stop();
  EXPECT_EQ(ending.by, By::itself);
  EXPECT_EQ(ending.exit, (ExitStatus{ExitStatus::How::exited, 0}));
  EXPECT_FALSE(std::filesystem::exists(std::filesystem::path(socket).parent_path()));
  EXPECT_EQ(host->stop().by, By::itself);
}

TEST_F(Host, MC_05_a_fresh_cookie_comes_by_descriptor_and_is_another_each_time) {
  const auto first = start(launch("good"));
  const auto second = start(launch("good"));
  ASSERT_TRUE(first && second);
  const auto one = call(*first, "/t.T/Credential");
  EXPECT_EQ(judge_cookie(one, CookieStrictness::strict).weakness, CookieWeakness::none);
  EXPECT_NE(one, call(*second, "/t.T/Credential"));
  EXPECT_THAT(call(*first, "/t.T/Environment"), Not(HasSubstr(one)));
}

TEST_F(Host, MC_06_each_plugin_has_its_own_cookie_and_MC_10_each_launch_a_new_one) {
  auto what = launch("good");
  std::string before;
  for (int i = 0; i < 3; ++i) {
    const auto host = start(what);
    ASSERT_NE(host, nullptr);
    const auto now = call(*host, "/t.T/Credential");
    EXPECT_NE(now, before);
    before = now;
  }
}

TEST_F(Host, MC_14_an_agreed_cookie_is_a_variable_as_go_plugin_has_it) {
  auto what = launch("good");
  what.cookie = *PluginCookie::agreed("BASIC_PLUGIN", SecretText("hello"));
  what.host_environment = {"PATH=/usr/bin:/bin", "SECRET=x", "WANTED=w", "PLUGIN_CLIENT_CERT=theirs",
                           "FOO=host"};
  what.pass = {"WANTED", "FOO", "PLUGIN_CLIENT_CERT"};
  what.set.push_back({"FOO", SecretText("caller")});
  what.versions = {1, 5};
  const auto host = start(what);
  ASSERT_NE(host, nullptr);
  const auto environment = call(*host, "/t.T/Environment");
  for (const std::string_view line :
       {"BASIC_PLUGIN=hello\n", "WANTED=w\n", "FOO=caller\n", "PLUGIN_MIN_PORT=10000\n",
        "PLUGIN_MAX_PORT=25000\n", "PLUGIN_PROTOCOL_VERSIONS=1,5\n"}) {
    EXPECT_THAT(environment, HasSubstr(std::string(line)));
  }
  EXPECT_THAT(environment, HasSubstr("PLUGIN_UNIX_SOCKET_DIR=/tmp/sallyport-plugin-"));
  for (const std::string_view name :
       {"SECRET", "PLUGIN_CLIENT_CERT", "PLUGIN_MULTIPLEX_GRPC", "SALLYPORT_CREDENTIAL_FD"})
    EXPECT_THAT(environment, Not(HasSubstr(std::string(name))));
}

TEST_F(Host, MC_05_a_cookie_is_judged_before_the_launch_and_never_told) {
  for (const std::string_view key :
       {"", "1A", "A-B", "PATH", "LD_PRELOAD", "SALLYPORT_X", "PLUGIN_CLIENT_CERT"}) {
    const auto made = PluginCookie::agreed(key, SecretText("hush-hush"));
    ASSERT_FALSE(made.has_value()) << key;
    EXPECT_EQ(made.error().code, Code::invalid_argument);
  }
  for (const auto& value : {std::string(), std::string("a\nb"), std::string(kCookieTextMax + 1, 'x')}) {
    const auto made = PluginCookie::agreed("KEY", SecretText(value));
    ASSERT_FALSE(made.has_value());
    EXPECT_EQ(cookie_fault_of(made.error()), CookieFault::malformed);
    EXPECT_THAT(made.error().what, Not(HasSubstr("a\nb")));
  }
}

TEST_F(Host, BY_15_the_pinned_program_runs_and_another_does_not) {
  std::ifstream child(PLUGIN_CHILD, std::ios::binary);
  const std::string content((std::istreambuf_iterator<char>(child)), {});
  auto what = launch("good");
  what.checksum = sha256(content);
  const auto host = start(what);
  ASSERT_NE(host, nullptr);
  EXPECT_EQ(call(*host, "/t.T/Echo", "pinned"), "pinned");
  what.checksum = sha256("another build");
  const auto refused = fault(what);
  EXPECT_EQ(refused.code, Code::permission_denied);
  EXPECT_THAT(refused.what, HasSubstr("not the one that was pinned"));
}

TEST_F(Host, MC_14_bad_lines_are_refused_with_a_reason) {
  EXPECT_THAT(fault(launch("chatty")).what, HasSubstr("`Loading configuration...` is no handshake line"));
  EXPECT_THAT(fault(launch("megabytes")).what, HasSubstr("bytes without a line end"));
  EXPECT_THAT(fault(launch("closed")).what, HasSubstr("closed its stdout"));
  EXPECT_THAT(fault(launch("version")).what, HasSubstr("version 9 of its protocol, this host 1"));
  EXPECT_THAT(fault(launch("netrpc")).what, HasSubstr("net/rpc"));
  EXPECT_THAT(fault(launch("unasked")).what, HasSubstr("not asked for"));
}

TEST_F(Host, MC_14_a_plugin_that_never_prints_runs_out_of_time) {
  auto what = launch("silent");
  what.start_timeout = std::chrono::milliseconds(300);
  const auto refused = fault(what);
  EXPECT_EQ(refused.code, Code::deadline_exceeded);
  EXPECT_THAT(refused.what, HasSubstr("plugin plugin_child: "));
}

TEST_F(Host, MC_14_a_plugin_that_dies_says_why) {
  const auto before = fault(launch("die-before"));
  EXPECT_EQ(before.code, Code::unavailable);
  EXPECT_THAT(before.what, HasSubstr("it ended with status 5"));
  EXPECT_THAT(before.what, HasSubstr("  | cannot read my configuration"));
  auto what = launch("good");
  what.command = {"/nowhere/plugin"};
  EXPECT_EQ(fault(what).code, Code::not_found);
}

TEST_F(Host, MC_14_a_death_after_the_line_is_noticed) {
  // Whether the connection still came about is up to the clock; that the plugin is gone is not.
  const auto host = PluginHost::start(launch("die-after"), powers());
  if (!host) {
    EXPECT_EQ(host.error().code, Code::unavailable) << host.error().what;
    return;
  }
  EXPECT_TRUE((*host)->wait_exit(after(monotonic_.now(), std::chrono::seconds(60))));
  EXPECT_EQ((*host)->exit(), (ExitStatus{ExitStatus::How::exited, 7}));
  EXPECT_FALSE((*host)->ping().has_value());
}

TEST_F(Host, MC_09_a_cookie_that_a_plugin_prints_is_not_quoted) {
  auto what = launch("leak");
  what.cookie = PluginCookie::secret(*MagicCookie::from_string("Zk3vQ8yB1sXw7RtM5uJpL2cHd9aEfGn4"));
  const auto refused = fault(what);
  EXPECT_THAT(refused.what, HasSubstr("my cookie is [redacted]"));
}

TEST_F(Host, BY_15_a_crash_is_told_with_its_status_and_last_words) {
  Gathered told;
  PluginNotices notices;
  notices.ended = [&](const ExitStatus& exit) { told.add(exit.str()); };
  const auto host = start(launch("good"), std::move(notices));
  ASSERT_NE(host, nullptr);
  EXPECT_EQ(host->channel()->call("/t.T/Die", "3").status.code, RpcCode::unavailable);
  EXPECT_TRUE(told.waits_for("ended with status 3"));
  EXPECT_EQ(host->exit(), (ExitStatus{ExitStatus::How::exited, 3}));
  EXPECT_EQ(host->tail(), "last words");
  EXPECT_EQ(host->ping().error().code, Code::unavailable);
  EXPECT_EQ(host->stop().by, By::itself);
}

TEST_F(Host, MC_14_floods_do_not_stop_the_calls) {
  for (const auto* mode : {"flood", "noisy"}) {
    const auto host = start(launch(mode));
    ASSERT_NE(host, nullptr);
    for (int i = 0; i < 20; ++i) EXPECT_EQ(call(*host, "/t.T/Echo", "x"), "x");
    EXPECT_EQ(host->stop().by, By::itself);
  }
}

TEST_F(Host, MC_14_logs_come_as_lines_whatever_they_are) {
  Gathered told;
  PluginNotices notices;
  notices.log = [&](const PluginLogLine& line) { told.add(concat(name_of(line.level), ' ', line.message)); };
  const auto host = start(launch("lies"), std::move(notices));
  ASSERT_NE(host, nullptr);
  EXPECT_TRUE(told.waits_for("warn true"));
  EXPECT_TRUE(told.waits_for("debug {\"@level\":1"));
  EXPECT_TRUE(host->ping().has_value());
}

TEST_F(Host, MC_14_what_a_plugin_prints_comes_by_stdio) {
  Gathered told;
  PluginNotices notices;
  notices.output = [&](PluginNotices::Output which, std::string_view text) {
    told.add(concat(which == PluginNotices::Output::out ? "out " : "err ", text));
  };
  const auto host = start(launch("good"), std::move(notices));
  ASSERT_NE(host, nullptr);
  EXPECT_TRUE(told.waits_for("out printed"));
  EXPECT_TRUE(told.waits_for("err complained"));
  EXPECT_EQ(host->stop().by, By::itself);
  EXPECT_EQ(told.size(), 2U);
}

TEST_F(Host, MC_14_a_plugin_without_the_usual_services_works) {
  const auto host = start(launch("bare"));
  ASSERT_NE(host, nullptr);
  EXPECT_EQ(call(*host, "/t.T/Echo", "x"), "x");
  EXPECT_EQ(host->ping().error().code, Code::not_found);
  EXPECT_EQ(host->stop().by, By::terminate);
  const auto sick = start(launch("sick"));
  ASSERT_NE(sick, nullptr);
  EXPECT_EQ(sick->ping().error().code, Code::unavailable);
}

TEST_F(Host, BY_15_who_does_not_leave_is_terminated_then_killed) {
  auto what = launch("obeys-term");
  what.stop = {std::chrono::milliseconds(50), std::chrono::seconds(60), std::chrono::seconds(60)};
  const auto polite = start(what);
  ASSERT_NE(polite, nullptr);
  EXPECT_EQ(polite->stop().by, By::terminate);
  what = launch("stubborn");
  what.stop = {std::chrono::milliseconds(50), std::chrono::milliseconds(50), std::chrono::seconds(60)};
  const auto stubborn = start(what);
  ASSERT_NE(stubborn, nullptr);
  const auto ending = stubborn->stop();
  EXPECT_EQ(ending.by, By::kill);
  EXPECT_EQ(ending.exit, (ExitStatus{ExitStatus::How::signalled, SIGKILL}));
}

TEST_F(Host, BY_15_the_peer_is_the_process_that_was_started_or_below_it) {
  const auto below = start(launch("below"));
  ASSERT_NE(below, nullptr);
  EXPECT_EQ(call(*below, "/t.T/Echo", "x"), "x");
  const auto tcp = start(launch("tcp"));
  ASSERT_NE(tcp, nullptr);
  EXPECT_TRUE(tcp->ping().has_value());

  // A socket of another process of ours: of this test.
  const std::string path = concat("/tmp/sallyport-test-", ::getpid());
  const Descriptor mine(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ::unlink(path.c_str());
  ASSERT_EQ(::bind(mine.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(mine.get(), 1), 0);
  const auto refused = fault(launch("elsewhere", path));
  EXPECT_EQ(refused.code, Code::permission_denied);
  EXPECT_THAT(refused.what, HasSubstr(concat("process ", ::getpid(), " is neither")));
  ::unlink(path.c_str());

  EXPECT_THAT(fault(launch("elsewhere", "/nowhere/at/all")).what, HasSubstr("no socket at"));
  EXPECT_THAT(fault(launch("elsewhere", "/dev/null")).what, HasSubstr("is no socket"));
}

TEST_F(Host, BY_15_a_killed_host_takes_its_plugin_along) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const Descriptor reads(ends[0]);
  Descriptor writes(ends[1]);
  const pid_t host = ::fork();
  if (host == 0) {
    ::dup2(writes.get(), 1);
    ::execl(PLUGIN_PARENT, PLUGIN_PARENT, PLUGIN_CHILD, "good", nullptr);
    ::_exit(127);
  }
  writes.reset();
  char text[32] = {};
  ASSERT_GT(::read(reads.get(), text, sizeof text - 1), 0);
  const Descriptor plugin(static_cast<int>(::syscall(SYS_pidfd_open, std::atoi(text), 0)));
  ASSERT_TRUE(static_cast<bool>(plugin));
  ::kill(host, SIGKILL);
  pollfd wait{plugin.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&wait, 1, 60'000), 1);
  ::waitpid(host, nullptr, 0);
}

TEST_F(Host, BY_15_another_host_attaches_and_a_test_one_never_ends_it) {
  const auto host = start(launch("good"));
  ASSERT_NE(host, nullptr);
  auto to = *PluginReattach::parse(host->reattach()->json());
  EXPECT_EQ(to, *host->reattach());
  to.test = PluginReattach::Test::yes;
  {
    const auto attached = PluginHost::attach(to, powers());
    ASSERT_TRUE(attached.has_value()) << attached.error().what;
    EXPECT_EQ(call(**attached, "/t.T/Echo", "again"), "again");
    EXPECT_EQ((*attached)->stop().by, By::lost);
  }
  EXPECT_TRUE(host->ping().has_value());
  to.test = PluginReattach::Test::no;
  const auto attached = PluginHost::attach(to, powers());
  ASSERT_TRUE(attached.has_value());
  EXPECT_EQ((*attached)->stop().by, By::itself);
  EXPECT_TRUE(host->wait_exit(after(monotonic_.now(), std::chrono::seconds(60))));
}

TEST_F(Host, BY_15_attaching_to_another_process_is_refused) {
  const auto host = start(launch("good"));
  ASSERT_NE(host, nullptr);
  auto to = *host->reattach();
  to.pid = ::getpid();
  EXPECT_EQ(PluginHost::attach(to, powers()).error().code, Code::permission_denied);
  to.pid = INT32_MAX;
  EXPECT_EQ(PluginHost::attach(to, powers()).error().code, Code::unavailable);
}

TEST_F(Host, MC_14_a_launch_that_cannot_work_is_refused_at_once) {
  auto what = launch("good");
  what.versions.clear();
  EXPECT_EQ(fault(what).code, Code::invalid_argument);
  what = launch("good");
  what.port_min = 2;
  what.port_max = 1;
  EXPECT_EQ(fault(what).code, Code::invalid_argument);
  what = launch("good");
  what.set.push_back({"PLUGIN_CLIENT_CERT", SecretText("x")});
  EXPECT_THAT(fault(what).what, HasSubstr("protocol's own"));
  what = launch("good");
  what.socket_parent = concat("/", std::string(100, 'x'));
  EXPECT_THAT(fault(what).what, HasSubstr("too long"));
}

}  // namespace
}  // namespace sallyport
