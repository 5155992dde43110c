// SPDX-License-Identifier: Apache-2.0
#include "sallyport/pki/identity.h"

#include <cstring>
#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/pki/internal/issue.h"
#include "sallyport/pki/internal/openssl.h"

namespace sallyport {
namespace {

/// Pair is what one of our files holds: certificates and the key of the first.
struct Pair {
  std::vector<ossl::Certificate> chain;
  ossl::Key key;
};

enum class Replacing : std::uint8_t { no, yes };

Result<Pair> read_pair(std::string_view pem) {
  SALLYPORT_TRY(chain, ossl::certificates_in(pem));
  SALLYPORT_TRY(key, ossl::key_in(pem));
  if (!ossl::usable_key(*key)) {
    return fail(Code::invalid_argument, "the key is not P-256, P-384 or RSA of at least 2048 bits");
  }
  if (X509_check_private_key(chain.front().get(), key.get()) != 1) {
    return ossl::error(Code::invalid_argument, "use a certificate and a key that are not a pair");
  }
  return Pair{std::move(chain), std::move(key)};
}

Result<ServerIdentity> identity_of(const Pair& pair) {
  ServerIdentity identity;
  for (const ossl::Certificate& certificate : pair.chain) {
    SALLYPORT_TRY(pem, ossl::to_pem(*certificate));
    identity.chain_pem += pem;
  }
  const X509& leaf = *pair.chain.front();
  SALLYPORT_TRY(key_pem, ossl::to_pem(*pair.key));
  SALLYPORT_TRY(first, ossl::not_before(leaf));
  SALLYPORT_TRY(last, ossl::not_after(leaf));
  SALLYPORT_TRY(fingerprint, ossl::fingerprint(leaf));
  identity.key_pem = std::move(key_pem);
  identity.not_before = first;
  identity.not_after = last;
  identity.fingerprint = std::move(fingerprint);
  return identity;
}

bool due_at(WallTime first, WallTime last, WallTime now) noexcept {
  return now < first || now >= last || now - first >= (last - first) / 3 * 2;
}

Result<bool> pair_is_due(const Pair& pair, WallTime now) {
  SALLYPORT_TRY(first, ossl::not_before(*pair.chain.front()));
  SALLYPORT_TRY(last, ossl::not_after(*pair.chain.front()));
  return due_at(first, last, now);
}

/// combined puts certificate and key into one text, so that they are replaced as one.
Result<SecretText> combined(const X509& certificate, const EVP_PKEY& key) {
  SALLYPORT_TRY(certificate_pem, ossl::to_pem(certificate));
  SALLYPORT_TRY(key_pem, ossl::to_pem(key));
  return SecretText::filled_by(certificate_pem.size() + key_pem.size(), [&](std::span<char> out) {
    std::memcpy(out.data(), certificate_pem.data(), certificate_pem.size());
    std::memcpy(out.data() + certificate_pem.size(), key_pem.expose().data(), key_pem.size());
  });
}

/// read_kept reads a pair that we kept; an empty vector of certificates where there is no file.
Result<Pair> read_kept(Files& files, const std::string& path) {
  auto pem = files.read_secret(path, FilePrivacy::owner_only);
  if (!pem && pem.error().code == Code::not_found) return Pair{};
  if (!pem) return std::move(pem).error();
  return read_pair(pem->expose()).transform_error([&path](Error error) {
    return fail(error.code, concat(path, ": ", error.what, "; remove the file for a new one"));
  });
}

/// new_kept_authority makes and keeps an authority. Where there was none, and another start was faster, its
/// one counts.
Result<ossl::Issuer> new_kept_authority(Files& files, Entropy& entropy, const std::string& path,
                                        Replacing replacing, WallTime now) {
  SALLYPORT_TRY(made, ossl::new_authority(entropy, now));
  SALLYPORT_TRY(pem, combined(*made.certificate, *made.key));
  if (replacing == Replacing::yes) {
    SALLYPORT_CHECK(files.replace_private(path, pem.expose()));
    return made;
  }
  const Status created = files.create_private(path, pem.expose());
  if (created) return made;
  if (created.error().code != Code::already_exists) return created.error();
  SALLYPORT_TRY(theirs, read_kept(files, path));
  if (theirs.chain.empty()) return fail(Code::unavailable, concat(path, " came and went; try again"));
  return ossl::Issuer{std::move(theirs.chain.front()), std::move(theirs.key)};
}

Result<ossl::Issuer> ensure_authority(Files& files, Entropy& entropy, const std::string& dir, WallTime now) {
  const std::string path = concat(dir, "/authority.pem");
  SALLYPORT_TRY(kept, read_kept(files, path));
  const bool found = !kept.chain.empty();
  if (found) {
    SALLYPORT_TRY(is_due, pair_is_due(kept, now));
    if (!is_due) return ossl::Issuer{std::move(kept.chain.front()), std::move(kept.key)};
  }
  SALLYPORT_TRY(issuer,
                new_kept_authority(files, entropy, path, found ? Replacing::yes : Replacing::no, now));
  SALLYPORT_TRY(public_pem, ossl::to_pem(*issuer.certificate));
  SALLYPORT_CHECK(files.replace_private(concat(dir, "/authority.crt"), public_pem));
  return issuer;
}

bool issued_by(const X509& leaf, const ossl::Issuer& issuer) noexcept {
  return X509_verify(const_cast<X509*>(&leaf), issuer.key.get()) ==
         1;  // OpenSSL 3.0 takes it non-const, and does not write
}

}  // namespace

Result<ServerIdentity> read_identity(std::string_view pem) {
  SALLYPORT_TRY(pair, read_pair(pem));
  return identity_of(pair);
}

bool due(const ServerIdentity& identity, WallTime now) noexcept {
  return due_at(identity.not_before, identity.not_after, now);
}

Result<ServerIdentity> ensure_local_identity(Files& files, Entropy& entropy, const std::string& dir,
                                             const std::vector<SubjectName>& names, WallTime now) {
  SALLYPORT_CHECK(files.ensure_private_directory(dir));
  SALLYPORT_TRY(authority, ensure_authority(files, entropy, dir, now));
  const std::string path = concat(dir, "/server.pem");
  SALLYPORT_TRY(pair, read_kept(files, path));
  bool stays = !pair.chain.empty() && ossl::covers(*pair.chain.front(), names) &&
               issued_by(*pair.chain.front(), authority);
  if (stays) {
    SALLYPORT_TRY(is_due, pair_is_due(pair, now));
    stays = !is_due;
  }
  if (!stays) {
    SALLYPORT_TRY(key, ossl::new_p256_key());
    SALLYPORT_TRY(certificate, ossl::new_server(authority, *key, names, entropy, now));
    SALLYPORT_TRY(pem, combined(*certificate, *key));
    SALLYPORT_CHECK(files.replace_private(path, pem.expose()));
    pair.chain.clear();
    pair.chain.push_back(std::move(certificate));
    pair.key = std::move(key);
  }
  SALLYPORT_TRY(identity, identity_of(pair));
  SALLYPORT_TRY(authority_pem, ossl::to_pem(*authority.certificate));
  identity.authority_pem = std::move(authority_pem);
  return identity;
}

}  // namespace sallyport
