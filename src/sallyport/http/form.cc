// SPDX-License-Identifier: Apache-2.0
#include "sallyport/http/form.h"

#include <algorithm>

#include "sallyport/base/secret.h"
#include "sallyport/base/text.h"
#include "sallyport/http/internal/bytes.h"
#include "sallyport/http/internal/utf8.h"

namespace sallyport {
namespace {

/// next_pair cuts the first pair off; it may be empty.
std::string_view next_pair(std::string_view& rest) noexcept {
  const std::size_t end = rest.find('&');
  const std::string_view pair = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return pair;
}
std::string_view name_part(std::string_view pair) noexcept { return pair.substr(0, pair.find('=')); }
std::string_view value_part(std::string_view pair) noexcept {
  const std::size_t equals = pair.find('=');
  return equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
}

bool is_encoded(std::string_view text, std::size_t at) noexcept {
  return text.size() - at >= 3 && byte_is(text[at + 1], kByteHex) && byte_is(text[at + 2], kByteHex);
}

/// names_match decodes as the most forgiving reader would: a percent sign that encodes nothing stands for
/// itself.
bool names_match(std::string_view raw, std::string_view name) noexcept {
  std::size_t matched = 0;
  for (std::size_t at = 0; at < raw.size(); ++at, ++matched) {
    char c = raw[at] == '+' ? ' ' : raw[at];
    if (c == '%' && is_encoded(raw, at)) {
      c = static_cast<char>(hex_value(raw[at + 1]) * 16 + hex_value(raw[at + 2]));
      at += 2;
    }
    if (matched == name.size() || c != name[matched]) return false;
  }
  return matched == name.size();
}

}  // namespace

std::optional<std::string> form_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '%') {
      if (!is_encoded(text, at)) return std::nullopt;
      out.push_back(static_cast<char>(hex_value(text[at + 1]) * 16 + hex_value(text[at + 2])));
      at += 2;
    } else {
      out.push_back(text[at] == '+' ? ' ' : text[at]);
    }
  }
  if (!is_utf8(out)) return std::nullopt;
  return out;
}

std::string form_encode(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  constexpr std::string_view marks = "-._~";
  std::string out;
  for (const char c : text) {
    const char lower = ascii_lower(c);
    const bool plain =
        (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || marks.find(c) != std::string_view::npos;
    const auto byte = static_cast<unsigned char>(c);
    if (plain)
      out.push_back(c);
    else
      out += concat('%', digits[byte >> 4U], digits[byte & 15U]);
  }
  return out;
}

FormFields::~FormFields() { wipe(); }

void FormFields::wipe() noexcept {
  for (Field& field : fields_) sallyport::wipe(std::as_writable_bytes(std::span(field.value)));
  fields_.clear();
}

Result<FormFields> FormFields::parse(std::string_view text) {
  if (text.size() > kFormBytesMax) return fail(Code::exhausted, "the form is too long");
  FormFields form;
  // Short values lie inside their strings: room for all at once, so that growing leaves no copies behind.
  form.fields_.reserve(std::min<std::size_t>(
      static_cast<std::size_t>(std::count(text.begin(), text.end(), '&')) + 1, kFormFieldsMax));
  while (!text.empty()) {
    const std::string_view pair = next_pair(text);
    if (pair.empty()) continue;
    auto name = form_decode(name_part(pair));
    auto value = form_decode(value_part(pair));
    if (!name || !value) return fail(Code::invalid_argument, "the form is not properly encoded");
    if (form.fields_.size() == kFormFieldsMax) return fail(Code::exhausted, "the form has too many fields");
    form.fields_.push_back({std::move(*name), std::move(*value)});
  }
  return form;
}

std::optional<std::string_view> FormFields::one(std::string_view name) const noexcept {
  if (count(name) != 1) return std::nullopt;
  const auto found =
      std::find_if(fields_.begin(), fields_.end(), [name](const Field& field) { return field.name == name; });
  return found->value;
}

std::size_t FormFields::count(std::string_view name) const noexcept {
  return static_cast<std::size_t>(std::count_if(fields_.begin(), fields_.end(),
                                                [name](const Field& field) { return field.name == name; }));
}

QueryMatch find_in_query(std::string_view query_raw, std::string_view name) {
  QueryMatch match;
  while (!query_raw.empty()) {
    const std::string_view pair = next_pair(query_raw);
    if (!names_match(name_part(pair), name)) continue;
    ++match.count;
    match.value_raw = value_part(pair);
  }
  return match;
}

std::string query_without(std::string_view query_raw, std::string_view name) {
  std::string kept;
  bool first = true;
  while (!query_raw.empty()) {
    const std::string_view pair = next_pair(query_raw);
    if (names_match(name_part(pair), name)) continue;
    if (!first) kept.push_back('&');
    first = false;
    kept += pair;
  }
  return kept;
}

}  // namespace sallyport
