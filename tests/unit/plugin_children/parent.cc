// SPDX-License-Identifier: Apache-2.0
// plugin_parent: a shepherd where it is started as one. plugin_parent PROGRAM MODE: a host that starts a
// plugin, says its process on stdout, and waits to be killed.
#include <poll.h>

#include <cstdio>

#include "sallyport/env/posix/system.h"
#include "sallyport/launch/shepherd.h"
#include "sallyport/plugin/host.h"

int main(int argc, char** argv) {
  using namespace sallyport;
  if (const auto status = run_as_shepherd(argc, argv)) return *status;
  if (argc < 3) return 2;
  SystemMonotonicClock monotonic;
  SystemClock clock;
  SystemEntropy entropy;
  PluginLaunch launch;
  launch.command = {argv[1], argv[2]};
  const auto host = PluginHost::start(launch, {monotonic, clock, entropy});
  if (!host) {
    std::fprintf(stderr, "%s\n", host.error().what.c_str());
    return 1;
  }
  std::printf("%d\n", (*host)->pid());
  std::fflush(stdout);
  for (;;) ::poll(nullptr, 0, -1);
}
