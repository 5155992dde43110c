// SPDX-License-Identifier: Apache-2.0
#include "sallyport/config/secrets.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "sallyport/base/text.h"
#include "sallyport/env/posix/descriptor.h"

namespace sallyport {
namespace {

constexpr std::size_t kDescriptorSecretBytesMax = 65536;

Result<SecretText> read_descriptor(int number) {
  const Descriptor descriptor(number);
  Result<std::size_t> size = std::size_t{0};
  const auto whole = SecretText::filled_by(kDescriptorSecretBytesMax + 1, [&](std::span<char> out) {
    while (*size < out.size()) {
      const ssize_t got = ::read(descriptor.get(), out.data() + *size, out.size() - *size);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) {
        size = fail(Code::unavailable,
                    concat("cannot read the secret from fd:", number, ": ", std::strerror(errno)));
        return;
      }
      if (got == 0) return;
      *size += static_cast<std::size_t>(got);
    }
  });
  if (!size) return std::move(size).error();
  if (*size > kDescriptorSecretBytesMax)
    return fail(Code::exhausted, concat("the secret on fd:", number, " does not end"));
  return SecretText(whole.expose().substr(0, *size));
}

Result<SecretText> fetch(const SecretSetting& setting, Files& files, const Environment& environment) {
  switch (setting.ref.kind) {
    case SecretRef::Kind::file:
      return files.read_secret(setting.ref.where, FilePrivacy::owner_only);
    case SecretRef::Kind::environment: {
      auto value = environment.get(setting.ref.where);
      if (!value)
        return fail(Code::invalid_argument, concat("the variable ", setting.ref.where, " is not set"));
      SecretText secret(*value);
      wipe(std::as_writable_bytes(std::span(*value)));
      return secret;
    }
    case SecretRef::Kind::descriptor:
      return read_descriptor(setting.ref.descriptor);
    case SecretRef::Kind::credential: {
      const auto directory = environment.get("CREDENTIALS_DIRECTORY");
      if (!directory || !directory->starts_with('/')) {
        return fail(
            Code::invalid_argument,
            concat("cred:", setting.ref.where,
                   " needs $CREDENTIALS_DIRECTORY, which systemd sets for a unit with LoadCredential="));
      }
      return files.read_secret(concat(*directory, '/', setting.ref.where), FilePrivacy::owner_only);
    }
    case SecretRef::Kind::command:
    case SecretRef::Kind::vault:
      return fail(Code::internal, concat(setting.ref.str(), " is not read here"));
    case SecretRef::Kind::inline_text:
      return setting.text.duplicate();
    case SecretRef::Kind::none:
      break;
  }
  return fail(Code::invalid_argument, "no secret is set");
}

}  // namespace

Result<SecretText> resolve_secret(const SecretSetting& setting, Files& files,
                                  const Environment& environment) {
  SALLYPORT_TRY(secret, fetch(setting, files, environment));
  std::string_view text = secret.expose();
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (text.empty())
    return fail(Code::invalid_argument, concat("the secret at ", setting.ref.str(), " is empty"));
  return SecretText(text);
}

}  // namespace sallyport
