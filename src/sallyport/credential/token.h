// SPDX-License-Identifier: Apache-2.0
// Tokens: credentials of our own making, as text. A token is a prefix that names its kind, then base64url
// (RFC 4648 section 5, no padding, canonical) of random bytes: 32 unless the kind is session_token, whose
// length is a setting. At rest a token is only the SHA-256 of its text, prefix included, so that a token of
// one kind is never found as another.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "sallyport/base/digest.h"
#include "sallyport/base/secret.h"
#include "sallyport/env/clock.h"
#include "sallyport/identity/principal.h"

namespace sallyport {

inline constexpr std::size_t kTokenPrefixSize = 4;
inline constexpr std::size_t kTokenBytes = 32;
/// Session tokens may be shorter or longer than kTokenBytes, within these bounds.
inline constexpr std::size_t kTokenBytesMin = 16;
inline constexpr std::size_t kTokenBytesMax = 128;

/// token_prefix returns "spa_" and so on; empty for a kind that has no text form of ours.
std::string_view token_prefix(CredentialKind kind) noexcept;

/// Minted is a new credential: its text, to be shown or handed over once, and the digest that stays.
struct Minted {
  SecretText text;
  Digest digest;
};

/// mint draws a new token. `kind` must have a prefix and `bytes` lie within kTokenBytesMin and
/// kTokenBytesMax: a broken invariant otherwise, which aborts.
Minted mint(CredentialKind kind, Entropy& entropy, std::size_t bytes = kTokenBytes);

/// Presented is a well-formed token that somebody sent; it proves nothing yet.
struct Presented {
  CredentialKind kind = CredentialKind::none;
  Digest digest;
};

/// read_token reads a token's text: a known prefix and canonical base64url of a permitted length, nothing
/// around it; nullopt otherwise. No allocation, time independent of which tokens exist.
std::optional<Presented> read_token(std::string_view text) noexcept;

}  // namespace sallyport
