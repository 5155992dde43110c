// SPDX-License-Identifier: Apache-2.0
// run_helper, read_from_program: what a helper prints on its standard output, such as a password manager's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/result.h"
#include "sallyport/base/secret.h"
#include "sallyport/config/environment.h"
#include "sallyport/env/clock.h"

namespace sallyport {

inline constexpr std::size_t kProgramSecretBytesMax = 65536;

/// read_from_program starts `command_line` (an absolute path, then words parted by blanks; no shell, no
/// quoting) with PATH, HOME, USER, LANG and XDG_RUNTIME_DIR as its only variables, and gives what it printed.
/// Its standard error goes nowhere, since it may quote the secret. The program, and each
/// folder and link on the way to it, must be ours or root's, and not to be changed by others. The program and
/// what it started in its process group are killed at `deadline`. Blocks. Errors: not_found,
/// permission_denied (others may change the program), unavailable (a status other than 0), deadline_exceeded,
/// exhausted (more than kProgramSecretBytesMax).
Result<SecretText> read_from_program(const std::string& command_line, const Environment& environment,
                                     const MonotonicClock& clock, MonotonicTime deadline);

/// run_helper starts `words` (the absolute path first) with `variables` ("NAME=VALUE") alone, and gives what
/// it printed; everything else as read_from_program.
Result<SecretText> run_helper(std::vector<std::string> words, std::vector<std::string> variables,
                              const MonotonicClock& clock, MonotonicTime deadline);

}  // namespace sallyport
