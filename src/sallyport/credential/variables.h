// SPDX-License-Identifier: Apache-2.0
// Secrets that come from variables of an environment.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "sallyport/base/result.h"
#include "sallyport/base/secret.h"

namespace sallyport {

/// VariableLookup finds a variable's value by its name. The view holds until the environment changes. The
/// process's real environment is read in apps/ alone.
using VariableLookup = std::function<std::optional<std::string_view>(std::string_view name)>;

/// secret_from_variable is how every "${NAME}" that stands for a secret is judged. Errors: not_found where
/// the variable is unset, invalid_argument where it is empty or blank, so that neither can become an empty
/// secret. The error names the variable, never its value.
Result<SecretText> secret_from_variable(const VariableLookup& lookup, std::string_view name);

}  // namespace sallyport
