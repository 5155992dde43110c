// SPDX-License-Identifier: Apache-2.0
// Database: SQLite, as little of it as we need. The only file besides database.cc that knows its types.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "sallyport/base/result.h"
#include "sallyport/base/time.h"

struct sqlite3;
struct sqlite3_stmt;

namespace sallyport::internal {

/// Statement is one prepared statement; it must not outlive its database. Parameters count from 1, columns
/// from 0.
class Statement {
 public:
  Statement& bind(int at, std::string_view text);
  Statement& bind(int at, std::int64_t number);
  /// bind_bytes takes bytes that are no text: sealed ones, digests.
  Statement& bind_bytes(int at, std::string_view bytes);

  enum class Step : std::uint8_t { row, done };
  /// step: errors as Database.
  Result<Step> step();
  /// run is step for a statement that returns no rows.
  Status run();
  /// text returns a column of the present row, bytes included; valid until the next step.
  [[nodiscard]] std::string_view text(int column) const;
  [[nodiscard]] std::int64_t number(int column) const;

 private:
  friend class Database;
  struct Close {
    void operator()(sqlite3_stmt* statement) const noexcept;
  };
  Statement(sqlite3_stmt* statement, const std::string& path) : statement_(statement), path_(&path) {}
  std::unique_ptr<sqlite3_stmt, Close> statement_;
  const std::string* path_;
};

/// Database is one connection. Errors name the file and the remedy: unavailable (locked by somebody else,
/// I/O), exhausted (disk full, or pages_max), internal (damaged), permission_denied. One thread at a time.
class Database {
 public:
  enum class Access : std::uint8_t { read, write };
  /// open opens a file that is there; a symbolic link is not followed.
  static Result<Database> open(const std::string& path, Access access, Duration lock_wait);
  Database(Database&&) noexcept = default;
  Database& operator=(Database&&) = delete;

  /// run executes one statement without parameters or rows.
  Status run(const std::string& sql);
  Result<Statement> prepare(std::string_view sql);
  /// ask returns the first column of the first row, as a number or as text.
  Result<std::int64_t> ask_number(std::string_view sql);
  Result<std::string> ask_text(std::string_view sql);
  /// in_transaction is false where SQLite gave a transaction up by itself, as it does on a full disk.
  [[nodiscard]] bool in_transaction() const noexcept;
  [[nodiscard]] const std::string& path() const noexcept { return *path_; }

 private:
  struct Close {
    void operator()(sqlite3* connection) const noexcept;
  };
  Database(sqlite3* connection, std::unique_ptr<const std::string> path)
      : path_(std::move(path)), connection_(connection) {}
  std::unique_ptr<const std::string> path_;  ///< statements refer to it
  std::unique_ptr<sqlite3, Close> connection_;
};

}  // namespace sallyport::internal
