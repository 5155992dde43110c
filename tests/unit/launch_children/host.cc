// SPDX-License-Identifier: Apache-2.0
// A gateway in miniature: starts `child orphan` under a shepherd, passes on what it prints, and waits to be
// killed.
#include <poll.h>
#include <unistd.h>

#include <string>

#include "sallyport/launch/process.h"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  sallyport::ChildEnvironment environment;
  sallyport::ProcessPlan plan;
  plan.name = "host";
  plan.argv = {argv[2], "orphan"};
  plan.environment = &environment;
  plan.shepherd = argv[1];
  auto process = sallyport::Process::start(plan);
  if (!process) return 1;
  for (;;) {
    pollfd wait{process->stdout_descriptor(), POLLIN, 0};
    ::poll(&wait, 1, -1);
    std::string text;
    process->read_output(text, 4096);
    if (::write(STDOUT_FILENO, text.data(), text.size()) < 0) return 1;
  }
}
