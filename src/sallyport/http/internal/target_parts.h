// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "sallyport/http/target.h"

namespace sallyport {

/// parse_target_seen is parse_target for a caller that has been over the bytes already: all of them may stand
/// in a target, and `seen` holds the ByteClass bits that occur.
ParseFault parse_target_seen(std::string_view text, unsigned seen, EncodedSlash encoded_slash, Target& out);

}  // namespace sallyport
