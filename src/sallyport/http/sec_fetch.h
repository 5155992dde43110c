// SPDX-License-Identifier: Apache-2.0
// Sec-Fetch-*: what a browser says about how a request came about (Fetch Metadata). A page cannot set these
// fields; other clients send none.
#pragma once

#include <cstdint>

#include "sallyport/http/message.h"

namespace sallyport {

enum class FetchSite : std::uint8_t { unknown, absent, none, same_origin, same_site, cross_site };
enum class FetchMode : std::uint8_t { unknown, absent, navigate, cors, no_cors, same_origin, websocket };

struct SecFetch {
  FetchSite site = FetchSite::unknown;
  FetchMode mode = FetchMode::unknown;
  bool document = false;  ///< Sec-Fetch-Dest: document, a whole tab rather than a frame

  static SecFetch read(const HeaderFields& fields) noexcept;
};

enum class SecFetchVerdict : std::uint8_t {
  foreign,     ///< another site's page made this request: refuse
  navigation,  ///< another site's page linked here: allowed, GET and HEAD only; like SameSite=Lax
  own,         ///< our own page, the address bar, or no browser
};

/// judge_sec_fetch: unknown values are foreign. "same-site" is foreign too: another port of localhost is the
/// same site.
SecFetchVerdict judge_sec_fetch(const SecFetch& fetch, Method method) noexcept;

}  // namespace sallyport
