// SPDX-License-Identifier: Apache-2.0
// What is made from the command line's own description: shell completion and the man page.
#pragma once

#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace sallyport {

/// completion_script: `shell` is bash, zsh or fish.
std::string completion_script(const CLI::App& app, std::string_view shell);
/// manual_page is in man(7) macros.
std::string manual_page(const CLI::App& app);

}  // namespace sallyport
