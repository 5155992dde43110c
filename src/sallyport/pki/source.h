// SPDX-License-Identifier: Apache-2.0
// Where a setting says that a certificate or key is: the PEM text itself, or file:// and a path.
#pragma once

#include <string>

#include "sallyport/base/result.h"
#include "sallyport/base/secret.h"
#include "sallyport/env/files.h"
#include "sallyport/pki/authority.h"

namespace sallyport {

/// read_pem_source gives the PEM text that `source` is or names. A path is absolute, as in
/// "file:///etc/tls/a.pem". Errors: invalid_argument (neither form; `source` is never quoted, since it may be
/// a key), those of Files.
Result<SecretText> read_pem_source(Files& files, const SecretText& source, FilePrivacy privacy);

/// load_certified_key reads a certificate and its key, each from its source; the key's file must be private.
/// Errors as read_pem_source and read_certified_key.
Result<CertifiedKey> load_certified_key(Files& files, const std::string& certificate_source,
                                        const SecretText& key_source);

}  // namespace sallyport
