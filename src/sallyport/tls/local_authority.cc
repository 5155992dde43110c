// SPDX-License-Identifier: Apache-2.0
#include "sallyport/tls/local_authority.h"

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

constexpr std::string_view kWhy = "an authority of this gateway's own, which clients must be told to trust";

}  // namespace

Result<SourcedIdentity> LocalAuthority::obtain(WallTime now, MonotonicTime) {
  SALLYPORT_TRY(identity, ensure_local_identity(files_, entropy_, dir_, names_, now));
  return SourcedIdentity{std::move(identity), std::string(kWhy), concat(dir_, "/authority.crt")};
}

Result<SourceLook> LocalAuthority::look(WallTime, MonotonicTime) {
  SALLYPORT_TRY(kept, read_kept_pair(files_, concat(dir_, "/server.pem")));
  return SourceLook{std::string(kWhy), kept ? kept->chain_pem() : std::string(),
                    concat(dir_, "/authority.crt")};
}

std::vector<std::string> LocalAuthority::watched() const {
  return {concat(dir_, "/server.pem"), concat(dir_, "/authority.pem")};
}

}  // namespace sallyport
