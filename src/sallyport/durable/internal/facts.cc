// SPDX-License-Identifier: Apache-2.0
#include "sallyport/durable/internal/facts.h"

#include <array>

#include "sallyport/base/text.h"

namespace sallyport::internal {
namespace {

constexpr std::string_view kFactsTable = "facts";
constexpr std::string_view kSealCheck = "seal_check";

std::string place_of(std::string_view table, std::string_view row) {
  std::string place("sallyport store 1");
  for (const auto part : {table, row}) place.append(1, '\0').append(part);  // no name holds a NUL
  return place;
}

}  // namespace

Status note_time(Database& database, WallTime now) {
  SALLYPORT_TRY(statement, database.prepare("INSERT INTO facts VALUES ('latest_time', ?1) ON CONFLICT (name) "
                                            "DO UPDATE SET value = max(value, excluded.value)"));
  return statement.bind(1, now.time_since_epoch().count()).run();
}

Result<WallTime> latest_time(Database& database) {
  SALLYPORT_TRY(since, database.ask_number("SELECT value FROM facts WHERE name = 'latest_time'"));
  return WallTime(Duration(since));
}

Status keep_seal_check(Database& database, const SealKey& key, Entropy& entropy) {
  SALLYPORT_TRY(sealed, seal_for(key, entropy, kFactsTable, kSealCheck, SecretText()));
  SALLYPORT_TRY(statement, database.prepare("INSERT OR IGNORE INTO facts VALUES ('seal_check', ?1)"));
  return statement.bind_bytes(1, sealed).run();
}

Status judge_seal_key(Database& database, const SealKey& key, const std::string& key_place) {
  SALLYPORT_TRY(sealed, database.ask_text("SELECT value FROM facts WHERE name = 'seal_check'"));
  if (unseal(key, place_of(kFactsTable, kSealCheck), sealed)) return ok();
  return fail(Code::permission_denied,
              concat(database.path(), " was sealed with another key than the one in ", key_place,
                     "; put the right key there, or move the database away to begin anew"));
}

Result<std::string> seal_for(const SealKey& key, Entropy& entropy, std::string_view table,
                             std::string_view row, const SecretText& plain) {
  std::array<std::byte, kSealNonceBytes> nonce{};
  entropy.fill(nonce);
  return seal(key, nonce, place_of(table, row), plain);
}

Result<SecretText> unseal_for(const SealKey& key, std::string_view table, std::string_view row,
                              std::string_view sealed) {
  return unseal(key, place_of(table, row), sealed).transform_error([&](const Error& error) {
    return fail(Code::internal,
                concat("the row ", escaped(row, 70), " of ", table, " does not open: ", error.what,
                       "; put a backup in its place, or move the database away to begin anew"));
  });
}

}  // namespace sallyport::internal
