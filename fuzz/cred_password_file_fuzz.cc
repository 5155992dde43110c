// SPDX-License-Identifier: Apache-2.0
// Whatever stands in a password file: what is refused has a reason, what is taken names somebody, never opens
// to an empty password, and a people file reads back as it was written.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "sallyport/credential/password_table.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sallyport;
  const std::string_view content(reinterpret_cast<const char*>(data), size);
  const auto table = PasswordTable::parse(content, "owner");
  if (!table) {
    if (table.error().code == Code::internal || table.error().what.empty()) std::abort();
    return 0;
  }
  const auto names = table->names();
  if (names.empty()) std::abort();
  if (table->verify(names.front(), SecretText()) != PasswordMatch::no) std::abort();
  if (table->verify("", SecretText()) != PasswordMatch::no) std::abort();
  if (names.front() == "owner") return 0;  // one password without names: nothing to write back
  const auto again = PasswordTable::parse(table->render(), "owner");
  if (!again || again->names() != names || !again->changed_since(*table).empty()) std::abort();
  return 0;
}
