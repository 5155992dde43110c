// SPDX-License-Identifier: Apache-2.0
// The PAM helper: a small process that knows one service and answers one attempt after the other.
#pragma once

#include <optional>

namespace sallyport {

/// run_as_pam_helper is called early in the main() of a program that has a PamPool. Where argv[0] is
/// kPamHelperName it serves attempts on descriptor 3 until that closes, and returns the exit status;
/// otherwise it returns nullopt at once.
std::optional<int> run_as_pam_helper(int argc, char** argv);

}  // namespace sallyport
