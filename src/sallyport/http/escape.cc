// SPDX-License-Identifier: Apache-2.0
#include "sallyport/http/escape.h"

#include "sallyport/base/text.h"
#include "sallyport/http/internal/utf8.h"

namespace sallyport {

std::string escape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out.push_back(c);
    }
  }
  return out;
}

std::string escape_json(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t size = utf8_sequence_size(text);
    const auto byte = static_cast<unsigned char>(text.front());
    if (size == 0)
      out += "\\ufffd";
    else if (size == 1 && (byte < 0x20 || byte == 0x7f || byte == '<'))
      out += concat("\\u00", digits[byte >> 4U], digits[byte & 15U]);
    else if (byte == '"' || byte == '\\')
      out += concat('\\', text.front());
    else
      out += text.substr(0, size);
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return out;
}

}  // namespace sallyport
