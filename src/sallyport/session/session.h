// SPDX-License-Identifier: Apache-2.0
// What a session is made from, what can be seen of it, and who is told when it changes.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sallyport/base/address.h"
#include "sallyport/base/time.h"
#include "sallyport/identity/principal.h"
#include "sallyport/launch/process.h"
#include "sallyport/session/backend_credential.h"
#include "sallyport/session/life.h"
#include "sallyport/session/preset.h"

namespace sallyport {

inline constexpr std::size_t kStateHistoryMax = 32;
inline constexpr std::size_t kTailBytes = std::size_t{8} * 1024;

/// SessionSpec is one guarded tool as the settings describe it. Moved into Supervisor::create.
struct SessionSpec {
  SessionId id;
  const Preset* preset = find_preset("generic");
  std::vector<std::string> command;           ///< templates, see launch/command.h
  std::vector<std::string> environment;       ///< NAME=VALUE templates (--env)
  std::vector<std::string> pass_environment;  ///< names (--pass-env)
  std::string directory;                      ///< empty: ours
  std::string base_url = "/";                 ///< what {base_url} stands for
  std::string ready_path;                     ///< empty: the preset's
  SecretText credential;                      ///< spb_...; minted by the caller
  SecretText internal;   ///< spi_..., for a private file named by SALLYPORT_INTERNAL_FILE; empty: none
  std::string gate_url;  ///< where the tool may use it, SALLYPORT_GATE_URL
  LifeRules life;
  StopWaits stop;
  /// restored: an earlier gateway had this session; its tool is adopted where it still runs
  enum class Origin : std::uint8_t { fresh, restored } origin = Origin::fresh;
};

/// Exposure says who could read the credential while the tool runs.
enum class Exposure : std::uint8_t {
  private_handover,  ///< descriptor and private file: processes of our own user
  environment,  ///< also in /proc/PID/environ, for processes of our own user, and in whatever the tool starts
};

/// StateChange is a line of a session's history.
struct StateChange {
  WallTime at;
  SessionState state = SessionState::dormant;
  Ending ending = Ending::none;
  std::optional<ExitStatus> exit;
};

/// Activity is when bytes last moved for a session, either way. The proxy touches it; any thread.
class Activity {
 public:
  void touch(MonotonicTime now) noexcept {
    last_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  }
  [[nodiscard]] MonotonicTime last() const noexcept {
    return MonotonicTime(Duration(last_.load(std::memory_order_relaxed)));
  }

 private:
  std::atomic<std::int64_t> last_{0};
};

/// SessionView is a session at one moment; immutable, shared between threads.
struct SessionView {
  SessionId id;
  const Preset* preset = nullptr;
  SessionState state = SessionState::dormant;
  Ending ending = Ending::none;
  SocketAddress endpoint;                               ///< where to connect; with `ready` only
  std::shared_ptr<const BackendCredential> credential;  ///< what to put on requests
  Exposure exposure = Exposure::private_handover;
  InnerDoor inner_door = InnerDoor::open;  ///< with `ready`: as found by asking without the credential
  std::optional<ExitStatus> last_exit;
  std::string detail;  ///< one line for people: what went wrong, or is worth knowing
  std::string tail;    ///< end of the output, harmless and redacted (not HTML-escaped); with `failed`,
                       ///< `waiting`, `stopped`
  pid_t pid = 0;       ///< of the tool, 0 where none runs
  std::uint32_t starts = 0;
  MonotonicTime retry_at{};  ///< with `waiting` and `failed`
  MonotonicTime expires = kNever;
  std::shared_ptr<Activity> activity;
  std::vector<StateChange> history;  ///< the last kStateHistoryMax

  /// ending_for_good: its tokens and tickets are to be revoked and its streams cut, now.
  [[nodiscard]] bool ending_for_good() const noexcept {
    const bool decided = ending == Ending::requested || ending == Ending::expired;
    return state == SessionState::stopped || (state == SessionState::stopping && decided);
  }
};

/// SessionObserver is told on the supervisor's thread; it must be quick and may not call the supervisor's
/// blocking calls.
class SessionObserver {
 public:
  virtual ~SessionObserver() = default;
  /// on_change comes at each change of state, endpoint or credential, in order.
  virtual void on_change(const std::shared_ptr<const SessionView>& view) = 0;
  /// on_output brings a line of the tool's output, harmless and redacted.
  virtual void on_output(const SessionId& id, std::string_view line) = 0;
};

}  // namespace sallyport
