// SPDX-License-Identifier: Apache-2.0
// Rotation of the inner credential, as asked for.
#pragma once

#include <cstdint>
#include <functional>

#include "sallyport/base/result.h"
#include "sallyport/base/secret.h"
#include "sallyport/base/time.h"

namespace sallyport {

/// RotationMode says what may happen to a tool that does not take the new credential while it runs.
enum class RotationMode : std::uint8_t {
  in_place,            ///< nothing: the old credential is put back, and the rotation fails
  relaunch_if_needed,  ///< it is ended and started anew with the new one
};

inline constexpr Duration kRotationGrace = std::chrono::seconds(10);

/// RotationRequest hands a new credential to a tool. Until the tool has shown that it takes the new one,
/// requests carry the old one. `done` is called once, on the supervisor's thread: ok; invalid_argument where
/// the tool takes no credential; already_exists while another rotation is under way; unavailable where the
/// tool would not take it.
struct RotationRequest {
  SecretText credential;
  RotationMode mode = RotationMode::relaunch_if_needed;
  Duration grace = kRotationGrace;  ///< how long the running tool may take to read its file anew
  std::function<void(Status)> done;
};

}  // namespace sallyport
