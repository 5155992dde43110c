// SPDX-License-Identifier: Apache-2.0
#include "sallyport/durable/internal/schema.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "sallyport/base/text.h"
#include "sallyport/durable/internal/facts.h"
#include "sallyport/env/posix/descriptor.h"

namespace sallyport::internal {
namespace {

constexpr Duration kNoWait = Duration::zero();

// What a row says is sealed for its table and key: rows can be neither read, changed, swapped nor forged by
// who has the file alone. Digests are those of SHA-256 of 256 random bits.
constexpr const char* kSchema =
    "CREATE TABLE facts (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE sessions (id TEXT PRIMARY KEY, sealed BLOB NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE access_tokens (id TEXT PRIMARY KEY, digest BLOB NOT NULL UNIQUE, sealed BLOB NOT NULL)"
    " STRICT, WITHOUT ROWID;";

/// kMigrations: the one at place n leads from version n + 1 to n + 2.
constexpr std::array<const char*, kSchemaVersion - 1> kMigrations{};

Error file_error(std::string_view doing, const std::string& path) {
  const int fault = errno;
  const auto code = fault == ENOSPC || fault == EDQUOT                    ? Code::exhausted
                    : fault == EACCES || fault == EPERM || fault == ELOOP ? Code::permission_denied
                                                                          : Code::unavailable;
  return fail(code, concat("cannot ", doing, ' ', path, ": ", std::strerror(fault)));
}

Status sync_directory_of(const std::string& path) {
  const Descriptor directory(
      ::open(path.substr(0, path.rfind('/')).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || ::fsync(directory.get()) != 0) return file_error("sync the folder of", path);
  return ok();
}

Status fill(const std::string& path, const SealKey& key, Entropy& entropy) {
  SALLYPORT_TRY(database, Database::open(path, Database::Access::write, kNoWait));
  SALLYPORT_CHECK(database.run("PRAGMA synchronous=FULL"));
  SALLYPORT_CHECK(database.run(concat("BEGIN; PRAGMA application_id=", kApplicationId,
                                      "; PRAGMA user_version=", kSchemaVersion, ';', kSchema)));
  SALLYPORT_CHECK(keep_seal_check(database, key, entropy));
  return database.run("COMMIT");
}

}  // namespace

Status create_database(const std::string& path, const SealKey& key, Entropy& entropy) {
  const std::string fresh = path + ".new";
  if (::unlink(fresh.c_str()) != 0 && errno != ENOENT) return file_error("replace", fresh);
  // SQLite gives its journal files the mode of the database, so this one decides for all.
  const Descriptor born(::open(fresh.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!born) return file_error("make", fresh);
  if (auto filled = fill(fresh, key, entropy); !filled) {
    ::unlink(fresh.c_str());
    return filled;
  }
  if (::fsync(born.get()) != 0) return file_error("sync", fresh);
  if (::rename(fresh.c_str(), path.c_str()) != 0) return file_error("make", path);
  return sync_directory_of(path);
}

Status judge_schema(Database& database) {
  SALLYPORT_TRY(application, database.ask_number("PRAGMA application_id"));
  SALLYPORT_TRY(tables, database.ask_number("SELECT count(*) FROM sqlite_schema"));
  if (tables == 0) {
    return fail(Code::internal, concat(database.path(),
                                       " holds nothing: it is damaged; put a backup in its "
                                       "place, or remove it to begin anew"));
  }
  if (application != kApplicationId)
    return fail(Code::invalid_argument,
                concat(database.path(),
                       " is a database of another program; move it away, or choose another --state-dir"));
  SALLYPORT_TRY(version, database.ask_number("PRAGMA user_version"));
  if (version > kSchemaVersion) {
    return fail(
        Code::invalid_argument,
        concat(database.path(), " was written by a newer sallyport (schema ", version, ", this one knows ",
               kSchemaVersion, "); upgrade sallyport, or put a backup of before in its place"));
  }
  if (version >= 1) return ok();
  return fail(Code::internal, concat(database.path(), " is damaged (schema ", version,
                                     "); put a backup in its place, or move it away to begin anew"));
}

Status migrate(Database& database) {
  SALLYPORT_TRY(version, database.ask_number("PRAGMA user_version"));
  if (version == kSchemaVersion) return ok();
  SALLYPORT_CHECK(database.run("BEGIN IMMEDIATE"));
  for (auto at = version; at < kSchemaVersion; ++at) {
    if (auto done = database.run(kMigrations[static_cast<std::size_t>(at - 1)]); !done) {
      (void)database.run("ROLLBACK");
      return done;
    }
  }
  return database.run(concat("PRAGMA user_version=", kSchemaVersion, "; COMMIT"));
}

Status verify(Database& database, Thoroughness how) {
  SALLYPORT_TRY(said, database.ask_text(how == Thoroughness::full ? "PRAGMA integrity_check(1)"
                                                                  : "PRAGMA quick_check(1)"));
  if (said == "ok") return ok();
  return fail(Code::internal,
              concat(database.path(), " is damaged (", escaped(said),
                     "); put a backup in its place, or move it away to begin anew: the sessions and tokens "
                     "in it are lost then"));
}

}  // namespace sallyport::internal
