// SPDX-License-Identifier: Apache-2.0
// What is said to somebody whose command line cannot be read.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "cli_parts.h"
#include "sallyport/base/text.h"
#include "sallyport/config/options.h"

namespace sallyport {
namespace {

/// hint_for says what somebody who typed an unknown option may have meant.
std::string hint_for(int argc, const char* const* argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word(argv[i]);
    if (word == "--") break;
    if (!word.starts_with("--")) continue;
    const auto name = word.substr(2, word.find('=') - 2);
    if (find_option(name) != nullptr) continue;
    if (const auto* close = closest_option(name)) return concat("; did you mean --", close->name, "?");
  }
  return {};
}

/// refuse_word says what stands where a command was expected; empty where nothing does. CLI11 only says that
/// a subcommand is missing.
std::string refuse_word(const CLI::App& app, int argc, const char* const* argv) {
  const CLI::App* at = &app;
  for (int i = 1; i < argc && at->get_require_subcommand_min() > 0; ++i) {
    const std::string word(argv[i]);
    if (const auto* option = at->get_option_no_throw(word.substr(0, word.find('=')))) {
      if (word.find('=') == std::string::npos) i += option->get_expected_max();
      continue;
    }
    if (word.starts_with('-'))
      return concat("there is no option ", escaped(word.substr(0, word.find('=')), 60));
    const auto commands = at->get_subcommands([](const CLI::App*) { return true; });
    std::vector<std::string_view> names;
    names.reserve(commands.size());
    for (const CLI::App* command : commands) names.push_back(command->get_name());
    const auto found = std::find(names.begin(), names.end(), word);
    if (found != names.end()) {
      at = commands[static_cast<std::size_t>(found - names.begin())];
      continue;
    }
    const std::size_t close = closest_word(word, names);
    return concat("there is no command \"", at == &app ? "" : at->get_name() + " ", escaped(word, 60), '"',
                  close == names.size() ? "" : concat("; did you mean ", names[close], "?"));
  }
  return {};
}

}  // namespace

int refuse_usage(const CLI::App& app, const CLI::ParseError& error, int argc, const char* const* argv) {
  std::string what = refuse_word(app, argc, argv);
  if (what.empty()) what = error.what();
  while (!what.empty() && what.back() == '\n') what.pop_back();
  std::cerr << "sallyport: " << what << hint_for(argc, argv) << '\n';
  const auto commands = app.get_subcommands();
  const bool running = !commands.empty() && commands.front()->get_name() == "run";
  std::cerr << (running ? "The tool's own words go behind --, as in: sallyport run -- TOOL --its-option\n"
                        : "")
            << "Try: sallyport " << (commands.empty() ? "" : commands.front()->get_name() + " ")
            << "--help\n";
  return kExitUsage;
}

}  // namespace sallyport
