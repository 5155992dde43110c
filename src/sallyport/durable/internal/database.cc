// SPDX-License-Identifier: Apache-2.0
#include "sallyport/durable/internal/database.h"

#include <sqlite3.h>

#include "sallyport/base/text.h"

namespace sallyport::internal {
namespace {

/// database_error puts SQLite's result into our terms. Its own text may quote statements, never values.
Error database_error(int result, const std::string& path) {
  const std::string_view reason = sqlite3_errstr(result);
  if (result == SQLITE_IOERR_SHORT_READ) result = SQLITE_CORRUPT;
  switch (result & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return fail(Code::unavailable,
                  concat(path, " is locked by another program; end that one, then try again"));
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return fail(Code::internal,
                  concat(path, " is damaged (", reason,
                         "); put a backup in its place, or move it away to begin anew: the sessions and "
                         "tokens in it are lost then"));
    case SQLITE_FULL:
      return fail(Code::exhausted,
                  concat("there is no room for ", path, " (", reason, "); free some disk space"));
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
      return fail(Code::permission_denied,
                  concat("cannot write ", path, " (", reason, "); it and its folder must belong to you"));
    case SQLITE_CANTOPEN:
      return fail(Code::permission_denied,
                  concat("cannot open ", path, " (", reason,
                         "); it must be a file of yours, no symbolic link, in a folder of yours"));
    case SQLITE_NOMEM:
      return fail(Code::exhausted, concat("no memory for ", path));
    default:
      return fail(Code::unavailable, concat("cannot use ", path, ": ", reason));
  }
}

}  // namespace

void Statement::Close::operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
void Database::Close::operator()(sqlite3* connection) const noexcept { sqlite3_close_v2(connection); }

// A parameter that cannot be bound stays NULL, which no column of ours takes: the step then fails.
Statement& Statement::bind(int at, std::string_view text) {
  sqlite3_bind_text64(statement_.get(), at, text.data() == nullptr ? "" : text.data(), text.size(),
                      SQLITE_TRANSIENT, SQLITE_UTF8);
  return *this;
}

Statement& Statement::bind(int at, std::int64_t number) {
  sqlite3_bind_int64(statement_.get(), at, number);
  return *this;
}

Statement& Statement::bind_bytes(int at, std::string_view bytes) {
  sqlite3_bind_blob64(statement_.get(), at, bytes.data() == nullptr ? "" : bytes.data(), bytes.size(),
                      SQLITE_TRANSIENT);
  return *this;
}

Result<Statement::Step> Statement::step() {
  const int result = sqlite3_step(statement_.get());
  if (result == SQLITE_ROW) return Step::row;
  if (result == SQLITE_DONE) return Step::done;
  return database_error(result, *path_);
}

Status Statement::run() {
  SALLYPORT_CHECK(step());
  return ok();
}

std::string_view Statement::text(int column) const {
  const void* bytes = sqlite3_column_blob(statement_.get(), column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
  return bytes == nullptr ? std::string_view() : std::string_view(static_cast<const char*>(bytes), size);
}

std::int64_t Statement::number(int column) const { return sqlite3_column_int64(statement_.get(), column); }

Result<Database> Database::open(const std::string& path, Access access, Duration lock_wait) {
  sqlite3* connection = nullptr;
  const int mode = access == Access::write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
  const int result =
      sqlite3_open_v2(path.c_str(), &connection,
                      mode | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  Database opened(connection, std::make_unique<const std::string>(path));
  if (result != SQLITE_OK) return database_error(result, path);
  const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(lock_wait).count();
  sqlite3_busy_timeout(connection, static_cast<int>(wait));
  return opened;
}

Status Database::run(const std::string& sql) {
  const int result = sqlite3_exec(connection_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  return result == SQLITE_OK ? ok() : database_error(result, path());
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int result =
      sqlite3_prepare_v2(connection_.get(), sql.data(), static_cast<int>(sql.size()), &statement, nullptr);
  Statement prepared(statement, *path_);
  if (result != SQLITE_OK) return database_error(result, path());
  return prepared;
}

Result<std::int64_t> Database::ask_number(std::string_view sql) {
  SALLYPORT_TRY(statement, prepare(sql));
  SALLYPORT_TRY(step, statement.step());
  return step == Statement::Step::row ? statement.number(0) : 0;
}

Result<std::string> Database::ask_text(std::string_view sql) {
  SALLYPORT_TRY(statement, prepare(sql));
  SALLYPORT_TRY(step, statement.step());
  return step == Statement::Step::row ? std::string(statement.text(0)) : std::string();
}

bool Database::in_transaction() const noexcept { return sqlite3_get_autocommit(connection_.get()) == 0; }

}  // namespace sallyport::internal
