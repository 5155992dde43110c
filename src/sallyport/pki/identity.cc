// SPDX-License-Identifier: Apache-2.0
#include "sallyport/pki/identity.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

enum class Replacing : std::uint8_t { no, yes };

bool due_at(WallTime first, WallTime last, WallTime now) noexcept {
  return now < first || now >= last || now - first >= (last - first) / 3 * 2;
}

bool pair_is_due(const CertifiedKey& pair, WallTime now) noexcept {
  return due_at(pair.certificate.facts().not_before, pair.certificate.facts().not_after, now);
}

/// new_kept_authority makes and keeps an authority. Where there was none, and another start was faster, its
/// one counts.
Result<Authority> new_kept_authority(Files& files, Entropy& entropy, const std::string& path,
                                     Replacing replacing, WallTime now) {
  SALLYPORT_TRY(made, Authority::create({}, entropy, now));
  SALLYPORT_TRY(pem, made.pair().combined_pem());
  if (replacing == Replacing::yes) {
    SALLYPORT_CHECK(files.replace_private(path, pem.expose()));
    return made;
  }
  const Status created = files.create_private(path, pem.expose());
  if (created) return made;
  if (created.error().code != Code::already_exists) return created.error();
  SALLYPORT_TRY(theirs, read_kept_pair(files, path));
  if (!theirs) return fail(Code::unavailable, concat(path, " came and went; try again"));
  return Authority::from_pair(*std::move(theirs));
}

Result<CertifiedKey> new_kept_server(Files& files, Entropy& entropy, const std::string& path,
                                     const Authority& authority, const std::vector<SubjectName>& names,
                                     WallTime now) {
  LeafRequest request;
  request.names = names;
  SALLYPORT_TRY(made, authority.issue(request, entropy, now));
  SALLYPORT_TRY(pem, made.combined_pem());
  SALLYPORT_CHECK(files.replace_private(path, pem.expose()));
  return made;
}

}  // namespace

Result<std::optional<CertifiedKey>> read_kept_pair(Files& files, const std::string& path) {
  auto pem = files.read_secret(path, FilePrivacy::owner_only);
  if (!pem && pem.error().code == Code::not_found) return std::optional<CertifiedKey>();
  if (!pem) return std::move(pem).error();
  return read_certified_key(pem->expose(), *pem)
      .transform([](CertifiedKey pair) { return std::make_optional(std::move(pair)); })
      .transform_error([&path](const Error& error) {
        return fail(error.code, concat(path, ": ", error.what, "; remove the file for a new one"));
      });
}

bool has_exactly(const Certificate& certificate, const std::vector<SubjectName>& names) {
  const CertificateFacts& facts = certificate.facts();
  return facts.other_names.empty() && facts.names.size() == names.size() &&
         std::ranges::all_of(facts.names, [&names](const SubjectName& name) {
           return std::ranges::find(names, name) != names.end();
         });
}

Result<ServerIdentity> identity_of(const CertifiedKey& pair) {
  ServerIdentity identity;
  SALLYPORT_TRY(key_pem, pair.key.to_pem());
  const CertificateFacts& facts = pair.certificate.facts();
  identity.chain_pem = pair.chain_pem();
  identity.key_pem = std::move(key_pem);
  identity.not_before = facts.not_before;
  identity.not_after = facts.not_after;
  identity.fingerprint = to_hex(facts.fingerprint.bytes);
  return identity;
}

Result<ServerIdentity> read_identity(std::string_view pem) {
  SALLYPORT_TRY(pair, read_certified_key(pem, SecretText(pem)));
  return identity_of(pair);
}

bool due(const ServerIdentity& identity, WallTime now) noexcept {
  return due_at(identity.not_before, identity.not_after, now);
}

Result<Authority> ensure_authority(Files& files, Entropy& entropy, const std::string& dir, WallTime now) {
  SALLYPORT_CHECK(files.ensure_private_directory(dir));
  const std::string path = concat(dir, "/authority.pem");
  SALLYPORT_TRY(kept, read_kept_pair(files, path));
  if (kept && !pair_is_due(*kept, now)) {
    return Authority::from_pair(*std::move(kept)).transform_error([&path](const Error& error) {
      return fail(error.code, concat(path, ": ", error.what, "; remove the file for a new one"));
    });
  }
  SALLYPORT_TRY(authority,
                new_kept_authority(files, entropy, path, kept ? Replacing::yes : Replacing::no, now));
  SALLYPORT_CHECK(files.replace_private(concat(dir, "/authority.crt"), authority.certificate().to_pem()));
  return authority;
}

Result<CertifiedKey> ensure_server(Files& files, Entropy& entropy, const std::string& path,
                                   const Authority& authority, const std::vector<SubjectName>& names,
                                   WallTime now) {
  SALLYPORT_TRY(kept, read_kept_pair(files, path));
  const bool stays = kept && has_exactly(kept->certificate, names) && authority.issued(kept->certificate) &&
                     !pair_is_due(*kept, now);
  if (stays) return *std::move(kept);
  return new_kept_server(files, entropy, path, authority, names, now);
}

Result<ServerIdentity> ensure_local_identity(Files& files, Entropy& entropy, const std::string& dir,
                                             const std::vector<SubjectName>& names, WallTime now) {
  SALLYPORT_TRY(authority, ensure_authority(files, entropy, dir, now));
  SALLYPORT_TRY(pair, ensure_server(files, entropy, concat(dir, "/server.pem"), authority, names, now));
  SALLYPORT_TRY(identity, identity_of(pair));
  identity.authority_pem = authority.certificate().to_pem();
  return identity;
}

}  // namespace sallyport
