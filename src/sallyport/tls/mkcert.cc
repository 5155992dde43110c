// SPDX-License-Identifier: Apache-2.0
#include "sallyport/tls/mkcert.h"

#include <unistd.h>

#include <optional>

#include "sallyport/base/text.h"
#include "sallyport/pki/verify.h"
#include "sallyport/secrets/helper_program.h"

namespace sallyport {

/// Root is what CAROOT holds; `authority` only where its key may be read.
struct Mkcert::Root {
  std::string dir;
  Certificate certificate;
  std::optional<Authority> authority;
};

namespace {

constexpr std::string_view kWhy =
    "mkcert's root signs it, which browsers of this user trust where mkcert -install ran";

std::string root_file(const std::string& dir) { return concat(dir, "/rootCA.pem"); }
std::string key_file(const std::string& dir) { return concat(dir, "/rootCA-key.pem"); }

bool signed_by(const Certificate& root, const CertifiedKey& pair, WallTime now) {
  const std::vector<Certificate> anchors{root};
  VerifyRequest request{anchors, pair.intermediates, now};
  request.profile = Profile::foreign();
  return verify(pair.certificate, request).accepted();
}

}  // namespace

std::string mkcert_root_dir(const Environment& environment) {
  const auto value = [&environment](std::string_view name) {
    return environment.get(name).value_or(std::string());
  };
  if (auto dir = value("CAROOT"); !dir.empty()) return dir;
  if (const auto data = value("XDG_DATA_HOME"); !data.empty()) return concat(data, "/mkcert");
  if (const auto home = value("HOME"); !home.empty()) return concat(home, "/.local/share/mkcert");
  return {};
}

std::vector<std::string> Mkcert::watched() const {
  const auto dir = mkcert_root_dir(environment_);
  if (dir.empty()) return {};
  return {root_file(dir), key_file(dir), concat(dir_, "/mkcert.pem")};
}

Result<Mkcert::Root> Mkcert::read_root() {
  const auto dir = mkcert_root_dir(environment_);
  if (dir.empty()) return fail(Code::not_found, "neither CAROOT nor HOME says where mkcert's root would be");
  auto pem = files_.read_text(followed(root_file(dir)), FilePrivacy::any);
  if (!pem && pem.error().code == Code::not_found)
    return fail(Code::not_found, concat("mkcert has made no root here (no rootCA.pem in ", escaped(dir),
                                        "); mkcert -install makes one that this user's browsers trust"));
  if (!pem) return std::move(pem).error();
  SALLYPORT_TRY(certificate, Certificate::from_pem(*pem).transform_error([&dir](Error error) {
    error.what = concat(root_file(dir), ": ", error.what);
    return error;
  }));
  Root root{dir, certificate, {}};
  const auto key = files_.read_secret(followed(key_file(dir)), FilePrivacy::owner_only);
  if (!key && key.error().code == Code::not_found)
    return fail(Code::not_found, concat("mkcert's root has no key here (no rootCA-key.pem in ", escaped(dir),
                                        "), so nothing can be signed with it"));
  // A key that we could read, were it not open to others, is no key to ask mkcert about either.
  if (!key && files_.read_secret(followed(key_file(dir)), FilePrivacy::any)) return key.error();
  if (!key && key.error().code != Code::permission_denied) return key.error();
  if (!key) return root;
  SALLYPORT_TRY(authority,
                read_certified_key(*pem, *key)
                    .and_then([](CertifiedKey pair) { return Authority::from_pair(std::move(pair)); })
                    .transform_error([&dir](Error error) {
                      error.what = concat(root_file(dir), " and its key: ", error.what);
                      return error;
                    }));
  root.authority.emplace(std::move(authority));
  return root;
}

std::string Mkcert::program() const {
  const auto path = environment_.get("PATH").value_or(std::string());
  for (const auto dir : split(path, ':')) {
    if (!dir.starts_with('/')) continue;
    auto file = concat(dir, "/mkcert");
    if (::access(file.c_str(), X_OK) == 0) return file;
  }
  return {};
}

Result<CertifiedKey> Mkcert::run_program(const Root& root, WallTime now, MonotonicTime deadline) {
  const auto binary = program();
  if (binary.empty())
    return fail(Code::not_found, concat("the key of mkcert's root in ", escaped(root.dir),
                                        " is another user's, and there is no mkcert program to ask"));
  const std::string certificate = concat(dir_, "/mkcert-new.crt");
  const std::string key = concat(dir_, "/mkcert-new.key");
  std::vector<std::string> words{followed(binary), "-cert-file", certificate, "-key-file", key};
  for (const auto& name : names_) words.push_back(name.str());
  std::vector<std::string> variables{concat("CAROOT=", root.dir)};
  for (const std::string_view name : {"PATH", "HOME", "USER"}) {
    if (const auto value = environment_.get(name)) variables.push_back(concat(name, '=', *value));
  }
  const auto ran = run_helper(std::move(words), std::move(variables), monotonic_, deadline);
  auto chain = files_.read_text(certificate, FilePrivacy::any);
  auto secret = files_.read_secret(key, FilePrivacy::owner_only);
  (void)files_.remove(certificate);
  (void)files_.remove(key);
  if (!ran) return ran.error();
  if (!chain) return std::move(chain).error();
  if (!secret) return std::move(secret).error();
  SALLYPORT_TRY(pair, read_certified_key(*chain, *secret));
  if (!has_exactly(pair.certificate, names_) || !signed_by(root.certificate, pair, now))
    return fail(Code::unavailable, "mkcert made a certificate that is not the one it was asked for");
  return pair;
}

Result<CertifiedKey> Mkcert::made_by_program(const Root& root, WallTime now, MonotonicTime deadline) {
  const std::string path = concat(dir_, "/mkcert.pem");
  SALLYPORT_TRY(kept, read_kept_pair(files_, path));
  if (kept) {
    SALLYPORT_TRY(identity, identity_of(*kept));
    const bool stays = has_exactly(kept->certificate, names_) && !due(identity, now) &&
                       signed_by(root.certificate, *kept, now);
    if (stays) return *std::move(kept);
  }
  SALLYPORT_TRY(made, run_program(root, now, deadline));
  SALLYPORT_TRY(pem, made.combined_pem());
  SALLYPORT_CHECK(files_.replace_private(path, pem.expose()));
  return made;
}

Result<SourcedIdentity> Mkcert::obtain(WallTime now, MonotonicTime deadline) {
  SALLYPORT_TRY(root, read_root());
  SALLYPORT_CHECK(files_.ensure_private_directory(dir_));
  auto pair = root.authority
                  ? ensure_server(files_, entropy_, concat(dir_, "/mkcert.pem"), *root.authority, names_, now)
                  : made_by_program(root, now, deadline);
  if (!pair) return std::move(pair).error();
  SALLYPORT_TRY(identity, identity_of(*pair));
  return SourcedIdentity{std::move(identity), std::string(kWhy), root_file(root.dir)};
}

Result<SourceLook> Mkcert::look(WallTime, MonotonicTime) {
  SALLYPORT_TRY(root, read_root());
  if (!root.authority && program().empty())
    return fail(Code::not_found, concat("the key of mkcert's root in ", escaped(root.dir),
                                        " is another user's, and there is no mkcert program to ask"));
  SALLYPORT_TRY(kept, read_kept_pair(files_, concat(dir_, "/mkcert.pem")));
  return SourceLook{std::string(kWhy), kept ? kept->chain_pem() : std::string(), root_file(root.dir)};
}

}  // namespace sallyport
