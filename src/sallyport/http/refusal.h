// SPDX-License-Identifier: Apache-2.0
// RefusalShape: how somebody without a credential is told so. A script must never meet a redirect, a person
// never JSON.
#pragma once

#include <cstdint>

#include "sallyport/http/message.h"

namespace sallyport {

enum class RefusalShape : std::uint8_t {
  unauthorized_json,  ///< 401, JSON with the login's address
  redirect_to_login,  ///< 302
  refused_handshake,  ///< 401 on the WebSocket handshake, never a redirect
};

/// refusal_for: a redirect only for GET and HEAD that are a navigation (or, from clients without
/// Sec-Fetch-Mode, accept text/html) and carry no X-Requested-With.
RefusalShape refusal_for(const RequestHead& head) noexcept;

/// wants_page: text/html is acceptable; for error pages.
bool wants_page(const RequestHead& head) noexcept;

}  // namespace sallyport
