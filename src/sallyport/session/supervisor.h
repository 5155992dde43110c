// SPDX-License-Identifier: Apache-2.0
// Supervisor: the one thread that owns the processes of all sessions.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sallyport/base/result.h"
#include "sallyport/env/clock.h"
#include "sallyport/env/files.h"
#include "sallyport/session/rotation.h"
#include "sallyport/session/session.h"

namespace sallyport {

struct SupervisorOptions {
  std::string state_directory;                  ///< sessions' private files go to its run/
  std::string shepherd = "/proc/self/exe";      ///< executable whose main() calls run_as_shepherd first
  std::vector<std::string> parent_environment;  ///< our own, NAME=VALUE each; little of it is inherited
  std::size_t sessions_max = 4096;
  /// how long tools wait for another gateway when this one is gone; zero: they end with it
  std::chrono::seconds survival{};
};

enum class EndSpeed : std::uint8_t {
  orderly,  ///< INT, TERM, KILL, each with its wait
  at_once,  ///< KILL
};

/// Supervisor starts, watches, restarts and ends tools. Calls may come from any thread and return at once;
/// what they bring about is told to the observer. Errors of calls on a session: not_found.
///
/// Destroying it ends every session in order and returns when all their processes are reaped (or known to be
/// unkillable).
class Supervisor {
 public:
  /// All arguments must outlive the supervisor.
  Supervisor(const MonotonicClock& clock, const Clock& wall_clock, Files& files, SupervisorOptions options,
             SessionObserver& observer);
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;
  ~Supervisor();

  /// create judges the spec and registers the session, dormant; with StartMode::at_once it starts as well. A
  /// restored one whose tool still runs has that one again; what it was started with is not told anew.
  /// Errors: invalid_argument (the text says what to write), already_exists, exhausted.
  Status create(SessionSpec spec);
  /// start launches what is dormant, waiting or failed; nothing to do is no error.
  Status start(const SessionId& id);
  /// when_ready calls `waiter` once, on the supervisor's thread, as soon as the session is ready or clearly
  /// not going to be (unavailable). It starts a session that is on demand; all who wait share one start.
  using Waiter = std::function<void(Result<std::shared_ptr<const SessionView>>)>;
  Status when_ready(const SessionId& id, Waiter waiter);
  /// end stops the session for good. It stays listed as `stopped` until forget().
  Status end(const SessionId& id, EndSpeed speed);
  /// forget drops a session once it is stopped and reaped; its name is free again when its view is gone.
  Status forget(const SessionId& id);
  /// rotate replaces the backend credential; see RotationRequest for the errors that `done` is told.
  Status rotate(const SessionId& id, RotationRequest request);
  /// wait_for_calls returns when the calls before it were worked off: what was restored has been looked for.
  void wait_for_calls();
  /// leave lets go of all tools without ending them, where they survive us, and is the last call: observers
  /// are told nothing of it, and the supervisor knows no session any more.
  void leave();
  /// read_tail brings the last output, harmless and redacted, on the supervisor's thread.
  Status read_tail(const SessionId& id, std::size_t bytes_max, std::function<void(std::string)> done);

  /// view returns the present state, nullptr where there is no such session.
  [[nodiscard]] std::shared_ptr<const SessionView> view(const SessionId& id) const;
  [[nodiscard]] std::vector<std::shared_ptr<const SessionView>> views() const;

  /// poke makes the supervisor look at its clock now; for tests that move it.
  void poke();

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace sallyport
