// SPDX-License-Identifier: Apache-2.0
#include "sallyport/rpc/metadata.h"

#include <algorithm>
#include <array>
#include <span>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

bool is_key(std::string_view key) noexcept {
  return !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
  });
}

bool is_printable(std::string_view value) noexcept {
  return std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c <= 0x7E; });
}

}  // namespace

bool is_binary_key(std::string_view key) noexcept { return key.ends_with("-bin"); }

bool is_call_field(std::string_view name) noexcept {
  constexpr std::array<std::string_view, 8> others{"te",      "content-type", "content-length",
                                                   "host",    "connection",   "transfer-encoding",
                                                   "upgrade", "keep-alive"};
  return name.starts_with(':') || name.starts_with("grpc-") ||
         std::find(others.begin(), others.end(), name) != others.end();
}

std::string metadata_encode(std::string_view bytes) {
  std::string text = base64_encode(std::as_bytes(std::span(bytes)));
  while (text.ends_with('=')) text.pop_back();
  return text;
}

std::optional<std::string> metadata_decode(std::string_view text) {
  std::string padded(text);
  if (!padded.ends_with('=')) padded.append((4 - padded.size() % 4) % 4, '=');
  return base64_decode(padded);
}

Status RpcMetadata::add(std::string_view key, std::string_view value) {
  if (!is_key(key))
    return fail(Code::invalid_argument,
                concat("metadata key \"", escaped(key, 64),
                       "\" may have lower-case letters, digits, '_', '-' and '.' only"));
  if (is_call_field(key))
    return fail(Code::invalid_argument, concat("metadata key \"", key, "\" belongs to gRPC or HTTP itself"));
  if (!is_binary_key(key) && !is_printable(value))
    return fail(Code::invalid_argument, concat("the value of metadata \"", key,
                                               "\" is not printable ASCII: end the key in \"-bin\""));
  entries_.emplace_back(key, value);
  return ok();
}

bool RpcMetadata::add_received(std::string_view key, std::string_view value) {
  if (!is_binary_key(key)) {
    entries_.emplace_back(key, value);
    return true;
  }
  // Several values may have been joined by commas on the way (gRPC over HTTP/2, "Custom-Metadata").
  for (const std::string_view piece : split(value, ',')) {
    std::optional<std::string> bytes = metadata_decode(trimmed(piece));
    if (!bytes.has_value()) return false;
    entries_.emplace_back(key, *std::move(bytes));
  }
  return true;
}

std::optional<std::string_view> RpcMetadata::find(std::string_view key) const noexcept {
  for (const auto& [name, value] : entries_) {
    if (name == key) return value;
  }
  return std::nullopt;
}

std::vector<std::string_view> RpcMetadata::all(std::string_view key) const {
  std::vector<std::string_view> values;
  for (const auto& [name, value] : entries_) {
    if (name == key) values.emplace_back(value);
  }
  return values;
}

std::optional<RpcMetadata> metadata_of(const Http2Fields& fields) {
  RpcMetadata metadata;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (is_call_field(fields.name(i))) continue;
    if (!metadata.add_received(fields.name(i), fields.value(i))) return std::nullopt;
  }
  return metadata;
}

}  // namespace sallyport
