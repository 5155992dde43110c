// SPDX-License-Identifier: Apache-2.0
#include "sallyport/credential/kept_secret.h"

#include <array>
#include <cstring>
#include <functional>
#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/crypto/digest.h"

namespace sallyport {
namespace {

// 32 characters, so that 5 random bits choose one without bias; 'l', 'o', '0' and '1' are easily misread.
constexpr std::string_view kReadable = "abcdefghijkmnpqrstuvwxyz23456789";
static_assert(kReadable.size() == 32);
constexpr std::size_t kPasswordGroups = 5;
constexpr std::size_t kPasswordGroupSize = 5;

std::string_view without_newline(std::string_view text) noexcept {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

/// read_or_create reads `path`, or keeps what `make` makes. Where another start was faster, its value counts.
Result<KeptSecret> read_or_create(Files& files, const std::string& path,
                                  const std::function<SecretText()>& make) {
  auto existing = files.read_secret(path, FilePrivacy::owner_only);
  if (!existing && existing.error().code == Code::not_found) {
    SecretText made = make();
    const auto line = SecretText::filled_by(made.size() + 1, [&](std::span<char> out) {
      std::memcpy(out.data(), made.expose().data(), made.size());
      out.back() = '\n';
    });
    const Status created = files.create_private(path, line.expose());
    if (created) return KeptSecret{std::move(made), SecretOrigin::generated};
    if (created.error().code != Code::already_exists) return created.error();
    existing = files.read_secret(path, FilePrivacy::owner_only);
  }
  if (!existing) return std::move(existing).error();
  return KeptSecret{SecretText(without_newline(existing->expose())), SecretOrigin::existing};
}

Result<Minted> as_access_token(SecretText text, const std::string& path) {
  const auto presented = read_token(text.expose());
  if (!presented || presented->kind != CredentialKind::access_token) {
    return fail(
        Code::invalid_argument,
        concat(
            path,
            " does not hold an access token (one line, spa_...); put one there, or remove the file for a new "
            "one"));
  }
  return Minted{std::move(text), presented->digest};
}

SecretText random_password(Entropy& entropy) {
  constexpr std::size_t characters = kPasswordGroups * kPasswordGroupSize;
  std::array<std::byte, characters> random;
  entropy.fill(random);
  auto text = SecretText::filled_by(characters + kPasswordGroups - 1, [&](std::span<char> out) {
    std::size_t at = 0;
    for (std::size_t i = 0; i < characters; ++i) {
      if (i != 0 && i % kPasswordGroupSize == 0) out[at++] = '-';
      out[at++] = kReadable[std::to_integer<std::size_t>(random[i]) % kReadable.size()];
    }
  });
  wipe(random);
  return text;
}

SecretText random_text(Entropy& entropy) {
  std::array<std::byte, kTokenBytes> random;
  entropy.fill(random);
  auto text = SecretText::filled_by(base64url_size(kTokenBytes),
                                    [&](std::span<char> out) { base64url_encode(random, out); });
  wipe(random);
  return text;
}

}  // namespace

Result<Minted> read_access_token(Files& files, const std::string& path) {
  SALLYPORT_TRY(text, files.read_secret(path, FilePrivacy::owner_only));
  return as_access_token(SecretText(without_newline(text.expose())), path);
}

Result<KeptToken> ensure_access_token(Files& files, Entropy& entropy, const std::string& path) {
  SALLYPORT_TRY(
      kept, read_or_create(files, path, [&] { return mint(CredentialKind::access_token, entropy).text; }));
  SALLYPORT_TRY(token, as_access_token(std::move(kept.text), path));
  return KeptToken{std::move(token), kept.origin};
}

Result<KeptSecret> ensure_token_secret(Files& files, Entropy& entropy, const std::string& path) {
  SALLYPORT_TRY(kept, read_or_create(files, path, [&] { return random_text(entropy); }));
  if (kept.text.size() < kTokenBytes) {
    return fail(Code::invalid_argument, concat(path, " holds fewer than ", kTokenBytes,
                                               " bytes; put a longer secret there, or remove the file"));
  }
  return kept;
}

Result<KeptSecret> ensure_password(Files& files, Entropy& entropy, const std::string& path) {
  return read_or_create(files, path, [&] { return random_password(entropy); });
}

}  // namespace sallyport
