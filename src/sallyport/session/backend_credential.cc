// SPDX-License-Identifier: Apache-2.0
#include "sallyport/session/backend_credential.h"

#include <algorithm>
#include <initializer_list>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

/// joined writes the parts into one secret, so that no half of it stays in a std::string.
SecretText joined(std::initializer_list<std::string_view> parts) {
  std::size_t size = 0;
  for (const auto part : parts) size += part.size();
  return SecretText::filled_by(size, [&](std::span<char> out) {
    auto* to = out.data();
    for (const auto part : parts) to = std::copy(part.begin(), part.end(), to);
  });
}

SecretText basic_value(std::string_view user, const SecretText& password) {
  const auto pair = joined({user, ":", password.expose()});
  const auto text = pair.expose();
  auto encoded = base64_encode(std::as_bytes(std::span(text.data(), text.size())));
  auto value = joined({"Basic ", encoded});
  wipe(std::as_writable_bytes(std::span(encoded)));
  return value;
}

SecretText authorization_value(CredentialForm form, std::string_view user, const SecretText& text) {
  switch (form) {
    case CredentialForm::none:
      return {};
    case CredentialForm::bearer:
      return joined({"Bearer ", text.expose()});
    case CredentialForm::basic:
      return basic_value(user, text);
    case CredentialForm::token:
      return joined({"token ", text.expose()});
  }
  return {};
}

SecretText lines_for(CredentialForm form, const SecretText& authorization, const SecretText& text) {
  if (form == CredentialForm::none) return {};
  if (form != CredentialForm::bearer) return joined({"Authorization: ", authorization.expose(), "\r\n"});
  return joined({"Authorization: ", authorization.expose(), "\r\nX-Session-Token: ", text.expose(), "\r\n"});
}

}  // namespace

std::string_view name_of(CredentialForm form) noexcept {
  constexpr std::string_view kNames[] = {"none", "bearer", "basic", "token"};
  return kNames[static_cast<std::size_t>(form)];
}

BackendCredential::BackendCredential(CredentialForm form, std::string_view user, SecretText text)
    : form_(form),
      text_(std::move(text)),
      authorization_(authorization_value(form, user, text_)),
      header_lines_(lines_for(form, authorization_, text_)) {}

}  // namespace sallyport
