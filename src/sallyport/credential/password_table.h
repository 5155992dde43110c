// SPDX-License-Identifier: Apache-2.0
// PasswordTable: who may log in with which password. Its file is one of
//   people  lines "NAME:HASH" with an argon2id hash; empty lines and lines that begin with '#' are passed
//   over hashed  one argon2id hash: one password, for the owner plain   one line, the owner's password as it
//   is
// A file of any other shape is refused, above all one with hashes that we do not know: read as plain text,
// the hash itself would become the password.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/result.h"
#include "sallyport/base/secret.h"
#include "sallyport/crypto/digest.h"
#include "sallyport/crypto/password_hash.h"

namespace sallyport {

inline constexpr std::size_t kPeopleMax = 1000;
inline constexpr std::size_t kUserNameBytesMax = 64;

/// valid_user_name: 1 to kUserNameBytesMax of letters, digits, '.', '_', '-', '@'; not first '-' or '.'.
bool valid_user_name(std::string_view name) noexcept;

/// PasswordTable is immutable after parsing but for set and remove. Passwords in it are hashes, or for the
/// plain forms a digest. Not thread-safe.
class PasswordTable {
 public:
  /// parse reads a password file. Error: invalid_argument names the line and the remedy, and quotes nothing.
  static Result<PasswordTable> parse(std::string_view content, std::string_view owner);
  /// of_owner makes the table of one plain password, from the environment for example. Error:
  /// invalid_argument (empty, overlong, or with control characters).
  static Result<PasswordTable> of_owner(const SecretText& password, std::string_view owner);

  /// verify says whether `password` is `name`'s. In a table of the owner alone an empty name means the owner.
  /// Unknown names cost as much as known ones. Blocks, see verify_password.
  [[nodiscard]] PasswordMatch verify(std::string_view name, const SecretText& password) const noexcept;
  [[nodiscard]] std::vector<std::string> names() const;
  /// is_of_owner: one password for the owner, and no list of people.
  [[nodiscard]] bool is_of_owner() const noexcept { return form_ == Form::owner_only; }
  /// changed_since lists the names of `before` that are gone, or have another password, in this table.
  [[nodiscard]] std::vector<std::string> changed_since(const PasswordTable& before) const;
  /// keeps says whether `name` is in this table with the very entry that it has in `before`. False where
  /// either lacks it.
  [[nodiscard]] bool keeps(std::string_view name, const PasswordTable& before) const noexcept;

  /// set adds a person or changes the hash. Errors: invalid_argument (name, hash), exhausted (kPeopleMax),
  /// permission_denied (a table of the owner alone).
  Status set(std::string_view name, std::string_view hash);
  /// remove: not_found where there is no such person.
  Status remove(std::string_view name);
  /// render writes a people file.
  [[nodiscard]] std::string render() const;

 private:
  enum class Form : std::uint8_t { people, owner_only };
  struct Entry {
    std::string name;
    std::string hash;  ///< argon2id; empty: `plain` counts
    Digest plain;      ///< SHA-256 of the password
    [[nodiscard]] bool same_as(const Entry& other) const noexcept {
      return name == other.name && hash == other.hash && plain.matches(other.plain);
    }
  };

  static Result<PasswordTable> parse_people(const std::vector<std::string_view>& lines);
  [[nodiscard]] const Entry* find(std::string_view name) const noexcept;

  Form form_ = Form::people;
  std::vector<Entry> entries_;
};

}  // namespace sallyport
