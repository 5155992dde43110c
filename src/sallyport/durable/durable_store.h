// SPDX-License-Identifier: Apache-2.0
// DurableStore: records that outlive the gateway, in an SQLite database in the state directory.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "sallyport/base/result.h"
#include "sallyport/base/time.h"
#include "sallyport/env/clock.h"
#include "sallyport/env/files.h"
#include "sallyport/store/session_records.h"

namespace sallyport {

/// A store of more pages, of 4096 bytes each, is refused further growth.
inline constexpr std::uint32_t kStorePagesMax = 262'144;

/// StorePlace is where a store is kept.
struct StorePlace {
  std::string state_directory;        ///< store.db, store.lock and seal.key are in it
  std::string credentials_directory;  ///< systemd's $CREDENTIALS_DIRECTORY: a seal.key in it comes first;
                                      ///< empty: none
  Duration lock_wait = std::chrono::seconds(5);  ///< for another program that has the database locked
  Duration gateway_wait{};  ///< for another gateway that is about to leave the state directory
  std::uint32_t pages_max = kStorePagesMax;
};

/// StoreReport is what a check of a whole store found to be there.
struct StoreReport {
  std::int64_t schema = 0;
  std::size_t sessions = 0;
  std::size_t access_tokens = 0;
};

/// DurableStore promises: what put() and remove() of its records have returned ok for is found again after a
/// crash of the gateway or of the machine (WAL, synchronous FULL); nothing in the file is a credential;
/// what rows say is sealed with XChaCha20-Poly1305 for its table and key, so that a row can be neither read,
/// changed nor forged without the key. It does not promise that an old copy of the whole file is noticed: who
/// puts a backup in place brings back what was revoked since. One gateway at a time has a state directory's
/// store. Any thread; calls block.
class DurableStore {
 public:
  /// open makes the store where there is none, checks it whole, and brings an older one to our schema.
  /// Errors, all of which mean that no gateway should start: already_exists (another gateway has it),
  /// invalid_argument (written by a newer sallyport; another program's database; a truncated one),
  /// permission_denied (mode, owner, another seal key, a seal key that is gone), internal (damaged),
  /// unavailable (locked, I/O), exhausted (disk full). `files`, `entropy` and `clock` outlive the store.
  static Result<std::unique_ptr<DurableStore>> open(const StorePlace& place, Files& files, Entropy& entropy,
                                                    const Clock& clock);
  DurableStore(const DurableStore&) = delete;
  DurableStore& operator=(const DurableStore&) = delete;
  ~DurableStore();

  [[nodiscard]] SessionRecords& sessions() noexcept;
  [[nodiscard]] AccessTokenRecords& access_tokens() noexcept;
  /// latest_time is the latest wall time that any earlier write was made at: a clock that shows less was set
  /// back.
  [[nodiscard]] WallTime latest_time() const noexcept;

 private:
  class Core;
  class Sessions;
  class AccessTokens;
  explicit DurableStore(std::unique_ptr<Core> core);
  std::unique_ptr<Core> core_;
  std::unique_ptr<SessionRecords> sessions_;
  std::unique_ptr<AccessTokenRecords> access_tokens_;
};

/// check_store reads and unseals everything, changing nothing; a gateway may be using the store. Errors: as
/// DurableStore::open, and not_found where there is no store.
Result<StoreReport> check_store(const StorePlace& place, Files& files);

}  // namespace sallyport
