// SPDX-License-Identifier: Apache-2.0
// Parts of the command line that stand in files of their own.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "commands.h"
#include "sallyport/config/environment.h"

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace sallyport {

/// Chosen is the command that was asked for, ready to run.
using Chosen = std::function<int()>;

inline Output output_of(bool json) { return json ? Output::json : Output::text; }

/// `tool` is what stands behind the first "--".
void add_session(CLI::App& app, Chosen& chosen, std::vector<std::string>& tool,
                 const Environment& environment);
void add_token(CLI::App& app, Chosen& chosen, const Environment& environment);
void add_user(CLI::App& app, Chosen& chosen, const Environment& environment);

/// refuse_usage says on stderr what is wrong with the words in argv, and what may have been meant; the exit
/// status.
int refuse_usage(const CLI::App& app, const CLI::ParseError& error, int argc, const char* const* argv);

}  // namespace sallyport
