// SPDX-License-Identifier: Apache-2.0
// RpcMetadata: the fields that callers and handlers add to a call.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sallyport/base/result.h"
#include "sallyport/net/http2.h"

namespace sallyport {

/// RpcMetadata is a list of keys and values, in order; a key may come more than once. Values of keys that end
/// in "-bin" are bytes, and travel in base64; all others are printable ASCII. A value type.
class RpcMetadata {
 public:
  /// add checks the key (lower-case letters, digits, '_', '-', '.'; not "grpc-…", which is gRPC's own, and no
  /// field of HTTP or of the call itself) and the value. Error: invalid_argument, which does not quote the
  /// value.
  Status add(std::string_view key, std::string_view value);
  /// add_received is for what HTTP/2 has checked already. Bytes that are no base64 make it false.
  bool add_received(std::string_view key, std::string_view value);
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
  [[nodiscard]] std::optional<std::string_view> find(std::string_view key) const noexcept;
  [[nodiscard]] std::vector<std::string_view> all(std::string_view key) const;
  [[nodiscard]] auto begin() const noexcept { return entries_.begin(); }
  [[nodiscard]] auto end() const noexcept { return entries_.end(); }
  void clear() noexcept { entries_.clear(); }

 private:
  std::vector<std::pair<std::string, std::string>> entries_;
};

/// is_binary_key: ends in "-bin".
bool is_binary_key(std::string_view key) noexcept;
/// is_call_field: a field that gRPC or HTTP gives a meaning to, and that is no metadata.
bool is_call_field(std::string_view name) noexcept;
/// metadata_encode is base64 without padding (gRPC over HTTP/2, "Binary-Header").
std::string metadata_encode(std::string_view bytes);
/// metadata_decode takes base64 with and without padding; none where it is no base64.
std::optional<std::string> metadata_decode(std::string_view text);
/// metadata_of picks the metadata from a field section; none where binary metadata is no base64.
std::optional<RpcMetadata> metadata_of(const Http2Fields& fields);

}  // namespace sallyport
