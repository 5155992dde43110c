// SPDX-License-Identifier: Apache-2.0
// PamPool: asks PAM whether a name and a password belong together, in helper processes of its own.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/result.h"
#include "sallyport/base/secret.h"
#include "sallyport/base/time.h"
#include "sallyport/env/clock.h"
#include "sallyport/env/posix/descriptor.h"

namespace sallyport {

inline constexpr std::size_t kPamNameBytesMax = 64;
inline constexpr std::size_t kPamPasswordBytesMax = 1024;
inline constexpr int kPamAttemptsPerHelper = 100;
inline constexpr char kPamHelperName[] = "sallyport-pam";  ///< the argv[0] that makes a program a helper

/// PamAnswer is what PAM and our own rules made of one attempt. The default one is a refusal.
enum class PamAnswer : std::uint8_t {
  refused,          ///< unknown name, wrong password, a question that we cannot answer
  account_refused,  ///< the password was right; the account is locked, expired, or needs a new password
  not_listed,       ///< this person is not among those who may come; PAM was not asked
  unavailable,      ///< PAM could not decide, the helper failed, or it took too long
  admitted,
};
std::string_view name_of(PamAnswer answer) noexcept;

/// PamOptions say whom to ask and who may come. Somebody is listed by exact name, or as a member of `group`;
/// uid 0 by exact name only. Where both are empty nobody is.
struct PamOptions {
  std::string service = "sallyport";  ///< a file in /etc/pam.d
  std::string config_directory;       ///< read the service there instead; empty: PAM's own places
  std::vector<std::string> users;
  std::string group;                      ///< a name; empty: none
  std::string helper = "/proc/self/exe";  ///< executable whose main() calls run_as_pam_helper first
  std::size_t helpers_max = 4;
  Duration patience = std::chrono::seconds(30);  ///< for one attempt, waiting for a helper included
};

/// judge_pam_options: invalid_argument where nobody could ever come, a name is none, or there is no such
/// service; the text says what to write. Reads the disk.
Status judge_pam_options(const PamOptions& options);

/// PamPool keeps helper processes, each of which asks PAM about one attempt at a time: modules may crash,
/// leak or sleep without harm to the gateway, and hold nothing of its memory. A helper that fails or is late
/// is killed; after kPamAttemptsPerHelper another takes its place. PAM's own delay after a failure is off:
/// waiting is the lock-out's work. Any thread; check() blocks for at most `patience`, so use a pool.
///
/// It promises that `admitted` means: that person is listed, PAM took the password, the account phase agreed,
/// and PAM spoke of the very name that was asked about. It does not promise that the system's accounts are
/// well kept.
class PamPool {
 public:
  /// `clock` outlives the pool.
  PamPool(const MonotonicClock& clock, PamOptions options);
  PamPool(const PamPool&) = delete;
  PamPool& operator=(const PamPool&) = delete;
  ~PamPool();

  PamAnswer check(std::string_view name, const SecretText& password);

 private:
  struct Helper {
    Descriptor socket;
    int pid = -1;
    int attempts = 0;
  };

  [[nodiscard]] Result<Helper> start_helper() const;
  bool acquire(Helper& helper, MonotonicTime until);
  void release(Helper helper);
  static void drop(Helper helper);
  [[nodiscard]] std::optional<std::uint8_t> hear(const Helper& helper, MonotonicTime until) const;

  const MonotonicClock& clock_;
  const PamOptions options_;
  std::mutex mutex_;
  std::condition_variable freed_;
  std::vector<Helper> idle_;  ///< guarded by mutex_
  std::size_t in_use_ = 0;    ///< guarded by mutex_
};

}  // namespace sallyport
