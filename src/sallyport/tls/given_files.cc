// SPDX-License-Identifier: Apache-2.0
#include "sallyport/tls/given_files.h"

#include "sallyport/base/text.h"

namespace sallyport {

Result<SourcedIdentity> GivenFiles::obtain(WallTime, MonotonicTime) {
  SALLYPORT_TRY(chain, files_.read_text(followed(certificate_file_), FilePrivacy::any));
  SALLYPORT_TRY(key, files_.read_secret(followed(key_file_), FilePrivacy::owner_only));
  SALLYPORT_TRY(pair, read_certified_key(chain, key).transform_error([this](Error error) {
    error.what = concat(certificate_file_, " and ", key_file_, ": ", error.what);
    return error;
  }));
  SALLYPORT_TRY(identity, identity_of(pair));
  return SourcedIdentity{std::move(identity), "the files of --tls-cert and --tls-key", {}};
}

Result<SourceLook> GivenFiles::look(WallTime now, MonotonicTime deadline) {
  SALLYPORT_TRY(read, obtain(now, deadline));
  return SourceLook{std::move(read.why), std::move(read.identity.chain_pem), {}};
}

}  // namespace sallyport
