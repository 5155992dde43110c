// SPDX-License-Identifier: Apache-2.0
// Secrets that are kept in a private file of their own: made at the first start, read at the next. The file
// is born whole and with mode 0600; of two starts at once both end with the one value that came first.
#pragma once

#include <string>

#include "sallyport/base/result.h"
#include "sallyport/base/secret.h"
#include "sallyport/credential/token.h"
#include "sallyport/env/clock.h"
#include "sallyport/env/files.h"

namespace sallyport {

/// SecretOrigin is where a kept secret came from.
enum class SecretOrigin : std::uint8_t { existing, generated };

struct KeptSecret {
  SecretText text;
  SecretOrigin origin = SecretOrigin::existing;
};

/// KeptToken is the access token of this gateway: presented as "Authorization: Bearer".
struct KeptToken {
  Minted token;
  SecretOrigin origin = SecretOrigin::existing;
};

/// read_access_token reads the file anew. Errors: as Files::read_secret (owner_only); invalid_argument where
/// it does not hold one access token, the empty file included. Its directory is the caller's to ensure.
Result<Minted> read_access_token(Files& files, const std::string& path);

/// ensure_access_token reads the token, or makes and keeps one where there is no file. A file that is there
/// and cannot be used is an error, never replaced. Errors: as read_access_token and Files::create_private.
Result<KeptToken> ensure_access_token(Files& files, Entropy& entropy, const std::string& path);

/// ensure_token_secret is SESSION_TOKEN_SECRET's "auto": 43 base64url characters, made and kept likewise. Any
/// given value of at least 32 bytes in the file is taken.
Result<KeptSecret> ensure_token_secret(Files& files, Entropy& entropy, const std::string& path);

/// ensure_password reads or makes a password for people to type: 25 letters and digits in groups, 125 bits.
/// What an existing file holds is PasswordTable's to judge.
Result<KeptSecret> ensure_password(Files& files, Entropy& entropy, const std::string& path);

}  // namespace sallyport
