// SPDX-License-Identifier: Apache-2.0
// The files of `sallyport cert`: an authority's folder (ca.crt, ca.key, ca.crl) and pairs PREFIX.crt,
// PREFIX.key.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cert_command.h"
#include "sallyport/base/result.h"
#include "sallyport/env/files.h"
#include "sallyport/pki/authority.h"
#include "sallyport/pki/certificate.h"

namespace sallyport {

/// read_public reads a file that is no secret, through symbolic links, "-" for standard input; at most
/// kSmallFileBytesMax. Errors: not_found, unavailable (cannot be read), exhausted; they name the path.
Result<std::string> read_public(const std::string& path);
/// read_certificates reads PEM, or one certificate in DER. Errors name the path.
Result<std::vector<Certificate>> read_certificates(const std::string& path, std::size_t certificates_max);
/// read_anchors reads what to trust: a file, or the ca.crt of a folder.
Result<std::vector<Certificate>> read_anchors(const std::string& path);
/// read_authority reads DIR/ca.crt and DIR/ca.key.
Result<Authority> read_authority(Files& files, const std::string& dir);

struct PairPaths {
  std::string certificate;
  std::string key;
};

/// write_new_pair writes both files, or neither: already_exists where one is there and `existing` says
/// refuse.
Status write_pair(Files& files, const PairPaths& paths, const CertifiedKey& pair, Existing existing);

/// prepare_folder makes DIR with mode 0700, or takes one that is there and that only we can write to. Errors:
/// permission_denied, those of Files.
Status prepare_folder(Files& files, const std::string& dir);

/// utc writes a time as RFC 3339, "2026-11-25T16:22:20Z".
std::string utc(WallTime time);
/// colons groups hexadecimal digits, "AB:CD", as openssl and browsers do.
std::string colons(std::string_view hex);
Result<KeyKind> key_kind_of(std::string_view text);

}  // namespace sallyport
