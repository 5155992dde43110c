// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sallyport/config/environment.h"

namespace sallyport {

/// run_cli reads the command line, carries out one command, and returns the exit status.
int run_cli(int argc, const char* const* argv, const Environment& environment);

}  // namespace sallyport
