// SPDX-License-Identifier: Apache-2.0
// A target that is accepted has one reading: its path holds nothing that a second reader could take for a
// separator, and encoding the path again leads to the same path.
#include <cstddef>
#include <cstdint>
#include <string>

#include "http_fuzz_check.h"
#include "sallyport/base/text.h"
#include "sallyport/http/form.h"
#include "sallyport/http/return_path.h"
#include "sallyport/http/target.h"

namespace sallyport {
namespace {

void check_path(std::string_view path) {
  CHECK(path.starts_with('/'));
  for (const char c : path)
    CHECK(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f && c != '\\' && c != '#');
  for (const std::string_view segment : split(path, '/')) CHECK(segment != "." && segment != "..");
}

std::string encoded_again(std::string_view path) {
  std::string text;
  for (const std::string_view segment : split(path.substr(1), '/')) text += concat('/', form_encode(segment));
  return text;
}

void check_return_path(std::string_view text) {
  const auto path = ReturnPath::parse(text);
  if (!path) return;
  CHECK(path->str().starts_with('/') && !path->str().starts_with("//") && !path->str().starts_with("/\\"));
  CHECK(ReturnPath::parse(path->str())->str() == path->str());
}

}  // namespace
}  // namespace sallyport

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sallyport;
  const std::string_view text = text_of(data, size);
  check_return_path(text);
  Target lenient;
  const ParseFault with_slashes = parse_target(text, EncodedSlash::allow, lenient);
  Target target;
  const ParseFault fault = parse_target(text, EncodedSlash::refuse, target);
  if (fault == ParseFault::none) CHECK(with_slashes == ParseFault::none && lenient.path == target.path);
  if (with_slashes == ParseFault::none && lenient.form != TargetForm::asterisk) check_path(lenient.path);
  if (fault != ParseFault::none || target.form == TargetForm::asterisk) return 0;
  check_path(target.path);
  CHECK(text.ends_with(target.raw) || target.raw == "/");
  Target second;
  const std::string again = encoded_again(target.path);
  CHECK(parse_target(again, EncodedSlash::refuse, second) == ParseFault::none);
  CHECK(second.path == target.path);
  return 0;
}
