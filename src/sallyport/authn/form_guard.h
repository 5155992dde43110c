// SPDX-License-Identifier: Apache-2.0
// FormGuard: the hidden field that proves that a form came from a page of ours, in this browser.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sallyport/base/secret.h"
#include "sallyport/base/time.h"
#include "sallyport/env/clock.h"

namespace sallyport {

inline constexpr Duration kFormLife = std::chrono::hours(1);
inline constexpr std::size_t kFormCookieBytes = 32;

/// FormPurpose keeps a field of one form from being used in another.
enum class FormPurpose : std::uint8_t { login, link, account };

/// FormGuard keeps no state for a form, so any number of tabs and of strangers cost nothing. A field is its
/// expiry and HMAC-SHA-256, under a key that only this process has, of expiry, purpose and `binding`: the
/// text of the form cookie before a login, the digest of the login after it. Who can read a page of ours, or
/// plant a cookie of ours AND read its field, is not held off by it; the first is what Origin rules are for,
/// the second is what __Host- is for. Immutable; any thread.
class FormGuard {
 public:
  explicit FormGuard(Entropy& entropy);

  /// new_cookie is the text of a new form cookie.
  [[nodiscard]] static std::string new_cookie(Entropy& entropy);
  /// is_cookie: the text has the shape of a form cookie, and may be kept when another form is shown.
  [[nodiscard]] static bool is_cookie(std::string_view text) noexcept;

  [[nodiscard]] std::string field(FormPurpose purpose, std::span<const std::byte> binding,
                                  MonotonicTime now) const;
  /// accepts is false for an empty binding, another purpose or binding, and from the expiry on.
  [[nodiscard]] bool accepts(std::string_view field, FormPurpose purpose, std::span<const std::byte> binding,
                             MonotonicTime now) const;

 private:
  using Key = Secret<struct FormGuardKeyTag, 32>;
  Key key_;
};

}  // namespace sallyport
