// SPDX-License-Identifier: Apache-2.0
// The files of a store: which are there, whose they are, and the lock that one gateway holds.
#pragma once

#include <string>

#include "sallyport/crypto/sealed_box.h"
#include "sallyport/durable/durable_store.h"
#include "sallyport/env/posix/descriptor.h"

namespace sallyport::internal {

[[nodiscard]] std::string database_path(const StorePlace& place);

enum class Presence : std::uint8_t { absent, present };
/// look_for_database: permission_denied for a file that is not ours alone, invalid_argument for one that is
/// empty or ends within a page: a store does neither.
Result<Presence> look_for_database(const std::string& path);

/// lock_store holds the state directory's store for this gateway until the descriptor is closed. Error:
/// already_exists.
Result<Descriptor> lock_store(const StorePlace& place);

/// LoadedKey is the seal key and where it came from, for messages.
struct LoadedKey {
  SealKey key;
  std::string from;
};
/// find_seal_key reads the key of a store that is there. Errors: permission_denied (there is none; open to
/// others), invalid_argument (too short), and those of files.
Result<LoadedKey> find_seal_key(const StorePlace& place, Files& files);
/// make_seal_key is for a new store: it reads the key, or makes one where there is none.
Result<LoadedKey> make_seal_key(const StorePlace& place, Files& files, Entropy& entropy);

}  // namespace sallyport::internal
