// SPDX-License-Identifier: Apache-2.0
// resolve_secret follows a reference to a secret.
#pragma once

#include "sallyport/base/result.h"
#include "sallyport/base/secret.h"
#include "sallyport/config/environment.h"
#include "sallyport/config/settings.h"
#include "sallyport/env/files.h"

namespace sallyport {

/// resolve_secret reads the secret afresh: a file of mode 0600 that is ours, a credential of the service
/// manager, a variable, or a descriptor to its end, which it closes. Programs and secret managers are not
/// asked here: see secrets/secret_reader.h. One line end at the end is dropped. An empty secret is an error,
/// as is everything that goes wrong: it never means "no secret". Errors: invalid_argument (not set, empty),
/// those of Files, unavailable (descriptor). May block.
Result<SecretText> resolve_secret(const SecretSetting& setting, Files& files, const Environment& environment);

}  // namespace sallyport
