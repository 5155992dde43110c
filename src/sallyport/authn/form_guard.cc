// SPDX-License-Identifier: Apache-2.0
#include "sallyport/authn/form_guard.h"

#include <array>
#include <cstring>

#include "sallyport/base/digest.h"
#include "sallyport/base/text.h"
#include "sallyport/crypto/digest.h"

namespace sallyport {
namespace {

constexpr std::size_t kExpiryBytes = sizeof(Duration::rep);
constexpr std::size_t kFieldBytes = kExpiryBytes + sizeof(Digest::bytes);
constexpr std::size_t kBindingBytesMax = 128;

using FieldBytes = std::array<std::byte, kFieldBytes>;

Digest seal(std::span<const std::byte> key, Duration::rep expiry, FormPurpose purpose,
            std::span<const std::byte> binding) {
  std::array<std::byte, kExpiryBytes + 1 + kBindingBytesMax> message{};
  std::memcpy(message.data(), &expiry, kExpiryBytes);
  message[kExpiryBytes] = static_cast<std::byte>(purpose);
  std::memcpy(message.data() + kExpiryBytes + 1, binding.data(), binding.size());
  return hmac_sha256(key, std::span(message).first(kExpiryBytes + 1 + binding.size()));
}

bool is_binding(std::span<const std::byte> binding) noexcept {
  return !binding.empty() && binding.size() <= kBindingBytesMax;
}

}  // namespace

FormGuard::FormGuard(Entropy& entropy)
    : key_(Key::filled_by([&entropy](std::span<std::byte> out) { entropy.fill(out); })) {}

std::string FormGuard::new_cookie(Entropy& entropy) {
  std::array<std::byte, kFormCookieBytes> bytes{};
  entropy.fill(bytes);
  std::string text(base64url_size(bytes.size()), '\0');
  base64url_encode(bytes, text);
  return text;
}

bool FormGuard::is_cookie(std::string_view text) noexcept {
  std::array<std::byte, kFormCookieBytes> bytes{};
  return base64url_decode(text, bytes);
}

std::string FormGuard::field(FormPurpose purpose, std::span<const std::byte> binding,
                             MonotonicTime now) const {
  if (!is_binding(binding)) return {};
  const Duration::rep expiry = after(now, kFormLife).time_since_epoch().count();
  const Digest sealed = seal(key_.expose(), expiry, purpose, binding);
  FieldBytes bytes{};
  std::memcpy(bytes.data(), &expiry, kExpiryBytes);
  std::memcpy(bytes.data() + kExpiryBytes, sealed.bytes.data(), sealed.bytes.size());
  std::string text(base64url_size(bytes.size()), '\0');
  base64url_encode(bytes, text);
  return text;
}

bool FormGuard::accepts(std::string_view field, FormPurpose purpose, std::span<const std::byte> binding,
                        MonotonicTime now) const {
  FieldBytes bytes{};
  if (!is_binding(binding) || !base64url_decode(field, bytes)) return false;
  Duration::rep expiry = 0;
  std::memcpy(&expiry, bytes.data(), kExpiryBytes);
  Digest claimed;
  std::memcpy(claimed.bytes.data(), bytes.data() + kExpiryBytes, claimed.bytes.size());
  return seal(key_.expose(), expiry, purpose, binding).matches(claimed) &&
         now < MonotonicTime(Duration(expiry));
}

}  // namespace sallyport
