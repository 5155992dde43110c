// SPDX-License-Identifier: Apache-2.0
// BackendCredential: the inner secret of a session, in the form that its tool takes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sallyport/base/secret.h"

namespace sallyport {

/// CredentialForm is how a tool wants to be shown its credential.
enum class CredentialForm : std::uint8_t {
  none,    ///< it asks for none
  bearer,  ///< Authorization: Bearer X (RFC 6750 section 2.1), and X-Session-Token: X
  basic,   ///< Authorization: Basic base64(user:X) (RFC 7617)
  token,   ///< Authorization: token X (Jupyter)
};
std::string_view name_of(CredentialForm form) noexcept;

/// BackendCredential is known to the gateway and to one tool only: shown at any of our own doors it is worth
/// nothing. A resource; immutable, so that threads may share one behind a shared_ptr<const>.
class BackendCredential {
 public:
  /// With CredentialForm::none the text is not used. `user` serves Basic only.
  BackendCredential(CredentialForm form, std::string_view user, SecretText text);

  [[nodiscard]] CredentialForm form() const noexcept { return form_; }
  [[nodiscard]] const SecretText& text() const noexcept { return text_; }
  /// authorization is the value of the Authorization field; empty with `none`.
  [[nodiscard]] const SecretText& authorization() const noexcept { return authorization_; }
  /// header_lines are whole field lines, each ended by CRLF, to be put on each request for the tool.
  [[nodiscard]] const SecretText& header_lines() const noexcept { return header_lines_; }

 private:
  CredentialForm form_;
  SecretText text_;
  SecretText authorization_;
  SecretText header_lines_;
};

}  // namespace sallyport
