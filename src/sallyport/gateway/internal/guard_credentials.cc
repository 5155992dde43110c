// SPDX-License-Identifier: Apache-2.0
// Guard::Core: where passwords and access tokens come from.
#include <algorithm>

#include "sallyport/base/text.h"
#include "sallyport/config/secrets.h"
#include "sallyport/credential/kept_secret.h"
#include "sallyport/gateway/internal/guard_core.h"

namespace sallyport {
Status Guard::Core::open_password_book() {
  PasswordOptions options;
  options.generated_file = settings.state_dir + "/password";
  options.owner = settings.user;
  SecretText given;
  if (settings.password.ref.kind == SecretRef::Kind::file) {
    options.file = settings.password.ref.where;
  } else if (auto followed = follow(settings.password); !followed.empty()) {
    options.file = std::move(followed);
  } else if (settings.password.is_set()) {
    const LookupEnvironment environment(powers.variables);
    SALLYPORT_TRY(text, resolve_secret(settings.password, powers.files, environment));
    given = std::move(text);
  }
  const VariableLookup lookup = [&given](std::string_view name) -> std::optional<std::string_view> {
    if (name == kPasswordVariable && !given.empty()) return given.expose();
    return std::nullopt;
  };
  SALLYPORT_TRY(book, PasswordBook::open(*secret_files, powers.entropy, lookup, options));
  passwords = std::move(book);
  told.password_place = passwords->path().empty() ? "the environment" : passwords->path();
  return ok();
}

Status Guard::Core::open_access_token() {
  std::string path = settings.state_dir + "/token";
  if (settings.token.ref.kind == SecretRef::Kind::file) {
    path = settings.token.ref.where;
  } else if (auto followed = follow(settings.token); !followed.empty()) {
    path = std::move(followed);
  } else if (settings.token.is_set()) {
    const LookupEnvironment environment(powers.variables);
    SALLYPORT_TRY(text, resolve_secret(settings.token, powers.files, environment));
    const auto presented = read_token(text.expose());
    if (!presented || presented->kind != CredentialKind::access_token) {
      return fail(Code::invalid_argument,
                  "--token holds no access token (spa_...); make one by leaving the option out once");
    }
    Grant grant;
    grant.kind = CredentialKind::access_token;
    grant.digest = presented->digest;
    grant.principal = owner;
    grant.issued = powers.monotonic.now();
    grant.expires = kNever;
    return store.put(std::move(grant));
  } else {
    const auto kept = ensure_access_token(powers.files, powers.entropy, path);
    if (!kept) return kept.error();
  }
  access_token = std::make_unique<AccessTokenFile>(*secret_files, store, path, owner);
  SALLYPORT_CHECK(access_token->refresh(powers.monotonic.now()));
  told.token_file = path;
  return ok();
}

}  // namespace sallyport
