// SPDX-License-Identifier: Apache-2.0
// TlsKeeper: keeps the certificate of the listeners fresh while they serve.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "sallyport/env/clock.h"
#include "sallyport/tls/cascade.h"
#include "sallyport/tls/report.h"

namespace sallyport {

inline constexpr Duration kTlsWatchEvery = std::chrono::milliseconds(250);
inline constexpr Duration kTlsAskEvery = std::chrono::minutes(10);
inline constexpr Duration kTlsRetryFirst = std::chrono::seconds(1);
inline constexpr Duration kTlsRetryMax = std::chrono::minutes(30);
/// A certificate that is over this soon is given up for one of a later source.
inline constexpr Duration kTlsSpare = std::chrono::hours(1);

/// TlsNews is a change that an operator should hear of: another certificate is served, one was refused, or
/// all is well again. `what` is one sentence.
struct TlsNews {
  enum class Kind : std::uint8_t { replaced, refused, mended } kind = Kind::replaced;
  std::string what;
};

/// TlsKeeper looks at the files of its sources several times a second, and asks the sources anew when one has
/// changed, when a certificate may be due (it is renewed at two thirds of its life), and after a failure with
/// growing intervals; all of them with jitter. What it promises: a pair that does not match, is torn, is over
/// or cannot be read never replaces one that is good; a later source takes over only where the present
/// certificate is about to end; an earlier one does as soon as it can.
class TlsKeeper {
 public:
  struct Powers {
    const Clock& clock;
    const MonotonicClock& monotonic;
    Entropy& entropy;
  };
  struct Calls {
    /// serve puts a pair before the next handshake; its error refuses the pair. Called from the keeper's
    /// thread, and from open().
    std::function<Status(const ServerIdentity&)> serve;
    std::function<void(const TlsNews&)> tell;  ///< from the keeper's thread
  };

  /// open makes the first choice and serves it. Errors: those of TlsCascade::choose and of `serve`.
  static Result<std::unique_ptr<TlsKeeper>> open(TlsCascade cascade, Powers powers, Calls calls);
  TlsKeeper(const TlsKeeper&) = delete;
  TlsKeeper& operator=(const TlsKeeper&) = delete;
  ~TlsKeeper();

  /// run starts the keeper's thread, which ends with the keeper.
  void run();
  /// look does what is due once; for tests, instead of run().
  void look();
  /// report is what is served now. Any thread.
  [[nodiscard]] TlsReport report() const;
  [[nodiscard]] WallTime not_after() const;

 private:
  TlsKeeper(TlsCascade cascade, Powers powers, Calls calls);
  Result<TlsChoice> choose(WallTime now);
  Status adopt(TlsChoice choice, WallTime now);
  void note_failure(const Error& error);
  void note_success();
  [[nodiscard]] Duration jittered(Duration interval);

  TlsCascade cascade_;
  Powers powers_;
  Calls calls_;
  // What follows belongs to whoever calls look().
  std::string marks_;
  MonotonicTime ask_at_{};
  Duration retry_ = kTlsRetryFirst;
  enum class Trouble : std::uint8_t { none, fresh, told } trouble_ = Trouble::none;

  mutable std::mutex mutex_;
  std::condition_variable stopping_;
  bool stopped_ = false;       ///< guarded by mutex_
  TlsChoice current_;          ///< guarded by mutex_
  std::string fault_;          ///< guarded by mutex_
  WallTime changed_at_{};      ///< guarded by mutex_
  std::uint64_t changes_ = 0;  ///< guarded by mutex_
  std::thread thread_;
};

/// marks_of tells whether any of these files changed: two texts differ where one was written, replaced, came
/// or went. Links are followed. Blocks on the disk.
std::string marks_of(const std::vector<std::string>& paths);

}  // namespace sallyport
