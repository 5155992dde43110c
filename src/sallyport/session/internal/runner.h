// SPDX-License-Identifier: Apache-2.0
// Runner: one session on the supervisor's thread. It joins the pure parts (life, ladder) to the process, its
// output and its probe.
#pragma once

#include <poll.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sallyport/env/clock.h"
#include "sallyport/env/files.h"
#include "sallyport/launch/handover.h"
#include "sallyport/launch/output.h"
#include "sallyport/launch/process.h"
#include "sallyport/session/ready_check.h"
#include "sallyport/session/recipe.h"
#include "sallyport/session/rotation.h"
#include "sallyport/session/session.h"

namespace sallyport {

/// RunnerHost is what all runners of a supervisor share; it outlives them.
struct RunnerHost {
  const MonotonicClock& clock;
  const Clock& wall_clock;
  Files& files;
  SessionObserver& observer;
  std::string state_directory;
  std::string shepherd;
  std::vector<std::string> environment;
  std::chrono::seconds survival;
};

using ReadyWaiter = std::function<void(Result<std::shared_ptr<const SessionView>>)>;

class Runner {
 public:
  Runner(SessionSpec spec, Recipe recipe, const RunnerHost& host);

  /// adopt looks for the tool that an earlier gateway left; the next launch takes it over. False where there
  /// is none, or none that could be used any more.
  bool adopt();
  /// leave lets the tool go on without us.
  void leave();
  void apply(LifeEvent event);
  void wait_ready(ReadyWaiter waiter);
  void rotate(RotationRequest request);
  void hurry();
  [[nodiscard]] std::string tail(std::size_t bytes_max) const;

  /// add_descriptors appends what to poll for.
  void add_descriptors(std::vector<pollfd>& waits) const;
  /// turn does everything that can be done now.
  void turn();
  [[nodiscard]] MonotonicTime deadline() const;
  [[nodiscard]] bool has_process() const noexcept { return process_.has_value(); }
  /// is_lost: KILL did not help; waiting for it would wait for ever.
  [[nodiscard]] bool is_lost() const noexcept { return lost_; }
  [[nodiscard]] bool over() const noexcept { return life_.over() && !process_; }
  [[nodiscard]] const std::shared_ptr<const SessionView>& view() const noexcept { return view_; }

 private:
  struct Rotation {
    RotationRequest request;
    std::shared_ptr<const BackendCredential> next;
    std::optional<ReadyCheck> check;
    MonotonicTime deadline = kNever;  ///< of the tool's acknowledgement
  };

  void act(LifeAction action);
  void launch();
  Status try_launch();
  Status open_directory();
  Status take_adopted();
  /// knows_credential: the tool goes by the credential that we would send.
  bool knows_credential();
  PlaceholderValues values_for(std::uint16_t port) const;
  [[nodiscard]] ReadyTarget target() const;
  void read_output();
  void read_events();
  void note_end(const ExitStatus& exit);
  void note_gone();
  void check_ready();
  void climb();
  void turn_rotation();
  void give_up_rotation();
  void adopt_rotation();
  void cancel_rotation(std::string_view why);
  std::shared_ptr<const BackendCredential> make_credential(SecretText text) const;
  [[nodiscard]] std::string describe() const;
  [[nodiscard]] std::string clean(std::string_view text) const;
  void publish();
  void answer_waiters();

  SessionSpec spec_;
  Recipe recipe_;
  const RunnerHost& host_;
  SessionLife life_;
  StopLadder ladder_;
  std::optional<RunDirectory> directory_;
  std::optional<Process> process_;
  std::optional<Adopted> adopted_;  ///< found, and not launched yet
  std::optional<ReadyCheck> check_;
  std::optional<Rotation> rotation_;
  std::shared_ptr<const BackendCredential> credential_;
  std::shared_ptr<Activity> activity_ = std::make_shared<Activity>();
  OutputRing ring_;
  LineSplitter lines_;
  std::uint16_t port_ = 0;
  pid_t pid_ = 0;
  bool lost_ = false;
  std::uint32_t starts_ = 0;
  SocketAddress endpoint_;
  InnerDoor inner_door_;
  std::optional<ExitStatus> last_exit_;
  std::string note_;
  std::vector<StateChange> history_;
  std::vector<ReadyWaiter> waiters_;
  std::shared_ptr<const SessionView> view_;
};

}  // namespace sallyport
