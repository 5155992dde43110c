// SPDX-License-Identifier: Apache-2.0
// Origin and OriginList: where a browser says that a request comes from (RFC 6454 section 7).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/result.h"
#include "sallyport/http/host.h"

namespace sallyport {

/// Origin is scheme, host and port, canonical: the scheme's own port is left out. A value.
class Origin {
 public:
  /// parse takes "http://host[:port]" or https; "null", paths and other schemes are Code::invalid_argument.
  static Result<Origin> parse(std::string_view text);
  /// of makes the origin under which a listener is reached.
  static Origin of(std::string_view scheme, const HostPort& host);
  [[nodiscard]] const std::string& str() const noexcept { return text_; }
  friend bool operator==(const Origin&, const Origin&) = default;

 private:
  explicit Origin(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

enum class OriginVerdict : std::uint8_t { not_listed, is_null, malformed, absent, listed };

/// OriginList is the origins that may ask. Empty: none. Immutable once in use; any thread.
class OriginList {
 public:
  void add(Origin origin) { origins_.push_back(std::move(origin)); }
  /// judge looks at an Origin field's value; empty means that there is none.
  [[nodiscard]] OriginVerdict judge(std::string_view origin_field) const;
  [[nodiscard]] std::string str() const;

 private:
  std::vector<Origin> origins_;
};

}  // namespace sallyport
