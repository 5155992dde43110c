// SPDX-License-Identifier: Apache-2.0
// What a request presents on purpose, before anybody looks whether it is worth something.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sallyport/http/message.h"

namespace sallyport::internal {

enum class Upgrading : std::uint8_t { no, yes };

/// Place is where a credential stood; it decides which kinds may stand there.
enum class Place : std::uint8_t { none, bearer, session_header, ticket };

/// ExplicitCredential is what was sent on purpose.
struct ExplicitCredential {
  Place place = Place::none;
  std::string_view text;
  std::size_t count = 0;  ///< how many there were; one is allowed
  enum class Foreign : std::uint8_t {
    absent,
    present
  } foreign = Foreign::absent;  ///< an Authorization that is not ours
};

/// read_explicit collects from Authorization and X-Session-Token, and on upgrades from `?ticket=` and
/// `Sec-WebSocket-Protocol: sallyport.ticket.<t>`. On other requests a parameter named ticket is the tool's
/// own.
ExplicitCredential read_explicit(const RequestHead& head, Upgrading upgrading);

}  // namespace sallyport::internal
