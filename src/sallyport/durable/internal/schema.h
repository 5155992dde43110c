// SPDX-License-Identifier: Apache-2.0
// The schema of store.db, how it is made, and how one of an older version becomes one of ours.
#pragma once

#include <cstdint>
#include <string>

#include "sallyport/crypto/sealed_box.h"
#include "sallyport/durable/internal/database.h"
#include "sallyport/env/clock.h"

namespace sallyport::internal {

/// kSchemaVersion is kept in the file's user_version. Each change of the schema adds a migration and one
/// here.
inline constexpr std::int64_t kSchemaVersion = 1;
/// kApplicationId, "SPor", tells our file from everybody else's databases.
inline constexpr std::int64_t kApplicationId = 0x53506f72;

/// create_database makes an empty store for one seal key, whole or not at all, of mode 0600 from its first
/// byte. The caller holds the lock of the state directory. Errors: as Database, and of files.
Status create_database(const std::string& path, const SealKey& key, Entropy& entropy);
/// judge_schema: invalid_argument where it is no store of ours, or one of a newer version.
Status judge_schema(Database& database);
/// migrate brings an older store to kSchemaVersion, in one transaction. It is judged already.
Status migrate(Database& database);

enum class Thoroughness : std::uint8_t { quick, full };
/// verify reads the whole file: internal where something does not add up.
Status verify(Database& database, Thoroughness how);

}  // namespace sallyport::internal
