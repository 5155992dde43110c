// SPDX-License-Identifier: Apache-2.0
// grpc-timeout: one to eight digits and a unit.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sallyport/base/time.h"

namespace sallyport {

/// grpc_timeout_parse reads the field; none where it is not 1 to 8 digits and one of H M S m u n.
std::optional<Duration> grpc_timeout_parse(std::string_view text) noexcept;
/// grpc_timeout_format writes the shortest unit that holds `left`, rounded up so that the server is never
/// more impatient than the client. Nothing left is "1n".
std::string grpc_timeout_format(Duration left);

}  // namespace sallyport
