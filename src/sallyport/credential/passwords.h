// SPDX-License-Identifier: Apache-2.0
// PasswordBook: where passwords come from, and whether one is right. Read anew for every attempt.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/result.h"
#include "sallyport/credential/password_table.h"
#include "sallyport/credential/variables.h"
#include "sallyport/env/clock.h"
#include "sallyport/env/files.h"
#include "sallyport/identity/principal.h"

namespace sallyport {

inline constexpr std::string_view kPasswordVariable = "SALLYPORT_PASSWORD";

enum class PasswordSource : std::uint8_t { environment, file, generated };
std::string_view name_of(PasswordSource source) noexcept;

struct PasswordOptions {
  std::string file;  ///< asked for by the user; empty: none
  std::string
      generated_file;  ///< in the state directory; used where neither the variable nor `file` is given
  std::string owner = "owner";  ///< who a password without a name belongs to
};

/// PasswordVerdict is the outcome of one attempt; the default one is a denial. It is a judgement of the past:
/// ask PasswordBook::stands before and after acting on it.
struct PasswordVerdict {
  std::optional<Denial> denial = Denial::unspecified;  ///< wrong_password, or store_unavailable: see health()
  std::shared_ptr<const Principal> principal;          ///< null unless admitted
  std::shared_ptr<const PasswordTable> judged_by;      ///< what the password was compared with; likewise
};

/// PasswordHealth is for status and doctor. A book that fails admits nobody; it never admits without a
/// password.
struct PasswordHealth {
  enum class State : std::uint8_t { good, failing } state = State::good;
  std::string reason;  ///< where failing: the read's or the parser's error, for operators
};

/// PasswordJudge says whether a name and a password belong together. Any thread; check() blocks: use a
/// bounded pool.
class PasswordJudge {
 public:
  virtual ~PasswordJudge() = default;
  /// check judges one attempt.
  virtual PasswordVerdict check(std::string_view name, const SecretText& password) = 0;
  /// stands says whether an admitting verdict still holds: nobody has noticed since that this person's
  /// password changed or vanished. A hash takes its time, and meanwhile the file may have been read anew.
  /// What stands after a login was put into the store is in time for whoever acts on take_changed(). No I/O.
  [[nodiscard]] virtual bool stands(const PasswordVerdict& verdict) const = 0;
  /// take_changed returns, once, whose passwords changed or vanished since it was last called: their logins
  /// are to end.
  virtual std::vector<std::string> take_changed() = 0;
};

/// PasswordBook takes its passwords from the first of SALLYPORT_PASSWORD, the given file, and a generated
/// file. A file is read anew at each attempt, so a rotated password counts at once; while it cannot be read,
/// is empty, malformed or open to others, every attempt is denied and health() says so, and the logins that
/// were admitted before go on. Any thread; calls block on the disk, and for argon2id hashes on the processor:
/// use a bounded pool.
class PasswordBook final : public PasswordJudge {
 public:
  /// open decides the source and reads it once. Error: invalid_argument with the remedy (the variable is set
  /// and empty; the file cannot be read, is empty, malformed or open to others), or Files' where no password
  /// could be kept.
  static Result<std::unique_ptr<PasswordBook>> open(Files& files, Entropy& entropy,
                                                    const VariableLookup& lookup, PasswordOptions options);

  PasswordBook(const PasswordBook&) = delete;
  PasswordBook& operator=(const PasswordBook&) = delete;

  PasswordVerdict check(std::string_view name, const SecretText& password) override;
  /// knows says whether the last good table has this name.
  [[nodiscard]] bool knows(std::string_view name) const;
  [[nodiscard]] bool stands(const PasswordVerdict& verdict) const override;
  /// refresh reads the file now: for a watcher, so that a changed password is noticed without an attempt.
  void refresh();
  std::vector<std::string> take_changed() override;

  [[nodiscard]] PasswordSource source() const noexcept { return source_; }
  /// path is the file that is read; empty for the environment.
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] PasswordHealth health() const;

 private:
  PasswordBook(Files& files, PasswordSource source, std::string path, std::string owner);

  Result<std::shared_ptr<const PasswordTable>> read();
  std::shared_ptr<const PasswordTable> current();
  void adopt(std::shared_ptr<const PasswordTable> table, const Digest& content);

  Files& files_;
  const PasswordSource source_;
  const std::string path_;
  const std::string owner_;
  mutable std::mutex mutex_;
  std::shared_ptr<const PasswordTable> table_;  ///< the last good one
  Digest content_;                              ///< of the file that it was parsed from
  std::vector<std::string> changed_;
  PasswordHealth health_;
};

}  // namespace sallyport
