// SPDX-License-Identifier: Apache-2.0
#include "sallyport/http/origin.h"

#include "sallyport/base/text.h"

namespace sallyport {

Result<Origin> Origin::parse(std::string_view text) {
  const std::size_t colon = text.find("://");
  const std::string scheme = to_lower(text.substr(0, std::min(colon, text.size())));
  if (colon == std::string_view::npos || (scheme != "http" && scheme != "https")) {
    return fail(Code::invalid_argument, concat("not an http or https origin: \"", escaped(text), '"'));
  }
  SALLYPORT_TRY(host, HostPort::parse(text.substr(colon + 3)));
  return of(scheme, host);
}

Origin Origin::of(std::string_view scheme, const HostPort& host) {
  HostPort written = host;
  const std::uint16_t default_port = scheme == "https" ? 443 : 80;
  if (written.port == default_port) written.port.reset();
  return Origin(concat(scheme, "://", written.str()));
}

OriginVerdict OriginList::judge(std::string_view origin_field) const {
  if (origin_field.empty()) return OriginVerdict::absent;
  if (origin_field == "null") return OriginVerdict::is_null;
  for (const Origin& origin : origins_) {
    if (origin.str() == origin_field) return OriginVerdict::listed;  // browsers send the canonical form
  }
  const auto parsed = Origin::parse(origin_field);
  if (!parsed) return OriginVerdict::malformed;
  for (const Origin& origin : origins_) {
    if (origin == *parsed) return OriginVerdict::listed;
  }
  return OriginVerdict::not_listed;
}

std::string OriginList::str() const {
  std::string text;
  for (const Origin& origin : origins_) text += concat(text.empty() ? "" : ", ", origin.str());
  return text;
}

}  // namespace sallyport
