// SPDX-License-Identifier: Apache-2.0
// A tool of many vices: `child MODE [ARG]`. Lines that tests wait for are written at once.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tests/unit/launch_children/child_http.h"

extern char** environ;

namespace {

void say(const std::string& line) {
  const auto text = line + "\n";
  if (::write(STDOUT_FILENO, text.data(), text.size()) < 0) ::_exit(9);
}

void on_signal(int number) {
  const char* text = number == SIGINT ? "got INT\n" : "got TERM\n";
  if (::write(STDOUT_FILENO, text, number == SIGINT ? 8 : 9) < 0) ::_exit(9);
}

[[noreturn]] void wait_for_ever() {
  for (;;) ::pause();
}

void be_stubborn() {
  ::signal(SIGINT, on_signal);
  ::signal(SIGTERM, on_signal);
  say("stubborn");
  wait_for_ever();
}

/// make_orphan forks twice and leaves the session, as a daemon would; the orphan ignores what it can.
void make_orphan() {
  if (::fork() == 0) {
    ::setsid();
    if (::fork() == 0) {
      ::signal(SIGTERM, SIG_IGN);
      ::signal(SIGINT, SIG_IGN);
      say("orphan " + std::to_string(::getpid()));
      wait_for_ever();
    }
    ::_exit(0);
  }
}

void show_self() {
  for (char** one = environ; *one != nullptr; ++one) say(std::string("env ") + *one);
  for (int fd = 0; fd < 256; ++fd) {
    struct stat facts {};
    if (::fstat(fd, &facts) == 0) say("fd " + std::to_string(fd));
  }
  rlimit core{};
  ::getrlimit(RLIMIT_CORE, &core);
  sigset_t blocked;
  ::sigprocmask(SIG_BLOCK, nullptr, &blocked);
  say("core " + std::to_string(core.rlim_max));
  say("new_privs " + std::to_string(::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)));
  say("blocks TERM " + std::to_string(::sigismember(&blocked, SIGTERM)));
  say("leads session " + std::to_string(::getsid(0) == ::getpid() ? 1 : 0));
  say("leads group " + std::to_string(::getpgrp() == ::getpid() ? 1 : 0));
  char byte = 0;
  say("stdin ends " + std::to_string(::read(STDIN_FILENO, &byte, 1) == 0 ? 1 : 0));
}

void show_credential() {
  char buffer[256];
  const auto got = ::read(3, buffer, sizeof buffer);
  say("credential " + std::string(buffer, got > 0 ? static_cast<std::size_t>(got) : 0));
  say("writable " + std::to_string(::pwrite(3, "x", 1, 0) == 1 ? 1 : 0));
  say("seals " + std::to_string(::fcntl(3, F_GET_SEALS)));
}

void flood(std::size_t bytes) {
  const std::string block(4096, 'x');
  for (; bytes > 0; bytes -= std::min(bytes, block.size())) {
    if (::write(STDOUT_FILENO, block.data(), std::min(bytes, block.size())) < 0) ::_exit(9);
  }
  say("\nend of flood");
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  const std::string argument = argc > 2 ? argv[2] : "";
  if (mode == "exit") return std::atoi(argument.c_str());
  if (mode == "die") ::raise(std::atoi(argument.c_str()));
  if (mode == "stubborn") be_stubborn();
  if (mode == "show") show_self();
  if (mode == "credential") show_credential();
  if (mode == "flood") flood(static_cast<std::size_t>(std::atoll(argument.c_str())));
  if (mode == "orphan") {
    make_orphan();
    say("tool " + std::to_string(::getpid()));
    wait_for_ever();
  }
  if (mode == "orphan-and-exit") {
    make_orphan();
    return 3;
  }
  if (mode == "sleep") wait_for_ever();
  if (mode == "http") return serve_http(argc - 2, argv + 2);
  return 0;
}
