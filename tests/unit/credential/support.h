// SPDX-License-Identifier: Apache-2.0
// What the tests of this module share: a store, entropy, a moment, people.
#pragma once

#include <memory>
#include <string>

#include "sallyport/credential/grant.h"
#include "sallyport/credential/token.h"
#include "sallyport/env/testing/fakes.h"
#include "sallyport/store/credential_store.h"

namespace sallyport {

inline constexpr MonotonicTime kStart{std::chrono::hours(1)};

inline std::shared_ptr<const Principal> person(std::string id) {
  return std::make_shared<const Principal>(Principal{std::move(id), PrincipalKind::user, "test", {}});
}

/// House is a store with its entropy.
struct House {
  MemoryCredentialStore store;
  CountingEntropy entropy;
};

/// stranger is the text of a well-formed token that no store has seen.
inline std::string stranger(CredentialKind kind, Entropy& entropy) {
  const Minted minted = mint(kind, entropy);
  return std::string(minted.text.expose());
}

}  // namespace sallyport
