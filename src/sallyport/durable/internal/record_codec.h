// SPDX-License-Identifier: Apache-2.0
// Records as bytes, to be sealed: a form number, then the fields in order; numbers have 8 bytes, texts their
// length before them. The bytes were authenticated before they are read here, and are still judged strictly.
#pragma once

#include "sallyport/base/result.h"
#include "sallyport/base/secret.h"
#include "sallyport/store/session_records.h"

namespace sallyport::internal {

SecretText encode(const SessionRecord& record);
SecretText encode(const AccessTokenRecord& record);

/// decode: invalid_argument for bytes that encode() did not make.
Result<SessionRecord> decode_session(const SecretText& bytes);
Result<AccessTokenRecord> decode_access_token(const SecretText& bytes);

}  // namespace sallyport::internal
