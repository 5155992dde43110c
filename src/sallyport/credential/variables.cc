// SPDX-License-Identifier: Apache-2.0
#include "sallyport/credential/variables.h"

#include "sallyport/base/text.h"

namespace sallyport {

Result<SecretText> secret_from_variable(const VariableLookup& lookup, std::string_view name) {
  const auto value = lookup(name);
  if (!value) {
    return fail(Code::not_found, concat("the variable ", escaped(name),
                                        " is not set; set it to the secret, or remove the "
                                        "reference to it"));
  }
  if (value->find_first_not_of(" \t\r\n") == std::string_view::npos) {
    return fail(Code::invalid_argument,
                concat("the variable ", escaped(name), " is empty; an empty secret opens nothing"));
  }
  return SecretText(*value);
}

}  // namespace sallyport
