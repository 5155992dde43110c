// SPDX-License-Identifier: Apache-2.0
// sallyport: the program. It makes the real powers, reads the command line, and hands both to the library.
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <iostream>

#include "cli.h"
#include "sallyport/launch/shepherd.h"
#include "sallyport/pam/pam_helper.h"

namespace {

/// harden is done before anything secret is read: no core dump, no tracer of the same user where the kernel
/// can prevent it, no file that others could read, no death by a closed pipe.
void harden() {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::prctl(PR_SET_DUMPABLE, 0);
  ::umask(077);
  std::signal(SIGPIPE, SIG_IGN);
}

}  // namespace

int main(int argc, char** argv) {
  if (const auto status = sallyport::run_as_shepherd(argc, argv)) return *status;
  harden();
  if (const auto status = sallyport::run_as_pam_helper(argc, argv)) return *status;
  return sallyport::run_cli(argc, argv, sallyport::FixedEnvironment::from_block(environ));
}
