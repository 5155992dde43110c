// SPDX-License-Identifier: Apache-2.0
// ServerIdentity: the certificate and key that a TLS listener shows, and the local authority behind it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/result.h"
#include "sallyport/base/secret.h"
#include "sallyport/base/time.h"
#include "sallyport/env/clock.h"
#include "sallyport/env/files.h"
#include "sallyport/pki/authority.h"
#include "sallyport/pki/names.h"

namespace sallyport {

/// ServerIdentity is a pair that was checked to be one. Handed from thread to thread whole, so that no
/// handshake sees half a renewal.
struct ServerIdentity {
  std::string chain_pem;  ///< the leaf first
  SecretText key_pem;     ///< PKCS #8
  WallTime not_before{};
  WallTime not_after{};
  std::string
      fingerprint;  ///< SHA-256 of the leaf's DER, 64 hexadecimal digits: public, for people to compare
  std::string
      authority_pem;  ///< to be trusted by clients; empty where the identity is not from our authority
};

/// identity_of is the identity of a pair that was read or made. Error: internal.
Result<ServerIdentity> identity_of(const CertifiedKey& pair);

/// read_identity makes an identity of PEM text that holds a chain and its key, in any order. Error:
/// invalid_argument (no certificate, no key, not a pair, a key that PrivateKey does not take), without
/// quoting the text. Lifetimes are not judged here.
Result<ServerIdentity> read_identity(std::string_view pem);

/// due says whether an identity is to be replaced: two thirds of its life are over, or it is not valid at
/// `now`, as after a clock was set back.
bool due(const ServerIdentity& identity, WallTime now) noexcept;

/// ensure_authority keeps a local authority (`authority.pem`, ten years) under `dir`, with its key in one
/// file of mode 0600 that is replaced as one; `authority.crt` is the certificate alone, for export. What is
/// there and is not due, stays; else it is made anew, and clients must trust the new one. What cannot be read
/// or parsed is an error and is not replaced. Blocks on the disk. Errors: invalid_argument, those of Files,
/// internal (OpenSSL).
Result<Authority> ensure_authority(Files& files, Entropy& entropy, const std::string& dir, WallTime now);

/// ensure_server keeps a server certificate of `authority`, with its key, in the one file `path` (90 days,
/// for exactly `names`), by the same rules. Errors as ensure_authority.
Result<CertifiedKey> ensure_server(Files& files, Entropy& entropy, const std::string& path,
                                   const Authority& authority, const std::vector<SubjectName>& names,
                                   WallTime now);

/// read_kept_pair reads a pair that we kept in one private file; nothing where there is none. Errors: those
/// of Files and read_certified_key.
Result<std::optional<CertifiedKey>> read_kept_pair(Files& files, const std::string& path);

/// has_exactly says whether a certificate is for these names and no others.
bool has_exactly(const Certificate& certificate, const std::vector<SubjectName>& names);

/// ensure_local_identity keeps a server certificate of that authority (`server.pem`, 90 days, for exactly
/// `names`) beside it, by the same rules. Errors as ensure_authority.
Result<ServerIdentity> ensure_local_identity(Files& files, Entropy& entropy, const std::string& dir,
                                             const std::vector<SubjectName>& names, WallTime now);

}  // namespace sallyport
