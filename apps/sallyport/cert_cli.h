// SPDX-License-Identifier: Apache-2.0
// The command line of `sallyport cert`.
#pragma once

#include <functional>

#include "sallyport/config/environment.h"

namespace CLI {
class App;
}

namespace sallyport {

/// add_cert adds the command; what was asked for is put into `chosen`, to be run after parsing.
void add_cert(CLI::App& app, std::function<int()>& chosen, const Environment& environment);

}  // namespace sallyport
