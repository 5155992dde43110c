// SPDX-License-Identifier: Apache-2.0
// Facts: what the store knows of itself: the latest time that it was written, and a text by which a seal key
// is known to be the right one.
#pragma once

#include "sallyport/base/time.h"
#include "sallyport/crypto/sealed_box.h"
#include "sallyport/durable/internal/database.h"
#include "sallyport/env/clock.h"

namespace sallyport::internal {

/// note_time keeps the latest of all times at which the store was written.
Status note_time(Database& database, WallTime now);
/// latest_time is the latest time that was noted; the epoch where none was.
Result<WallTime> latest_time(Database& database);

/// keep_seal_check leaves the text by which judge_seal_key knows the key again.
Status keep_seal_check(Database& database, const SealKey& key, Entropy& entropy);
/// judge_seal_key: permission_denied where the store was sealed with another key.
Status judge_seal_key(Database& database, const SealKey& key, const std::string& key_place);

/// seal_for seals what a row holds for its table and key.
Result<std::string> seal_for(const SealKey& key, Entropy& entropy, std::string_view table,
                             std::string_view row, const SecretText& plain);
/// unseal_for: internal where the row was not sealed so; the error names it.
Result<SecretText> unseal_for(const SealKey& key, std::string_view table, std::string_view row,
                              std::string_view sealed);

}  // namespace sallyport::internal
