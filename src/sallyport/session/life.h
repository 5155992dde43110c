// SPDX-License-Identifier: Apache-2.0
// SessionLife: the states of a guarded tool and what moves it from one to the next. Pure: no process, no
// clock, no thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sallyport/base/time.h"

namespace sallyport {

enum class SessionState : std::uint8_t {
  dormant,   ///< not started; somebody's request, or start(), will
  starting,  ///< launched, and not yet answering
  ready,     ///< answers; the only state in which requests are passed on
  stopping,  ///< being ended and reaped, see Ending for why
  waiting,   ///< failed, and to be started again after a pause
  stopped,   ///< over, for good
  failed,    ///< over, and the user should look why
};
std::string_view name_of(SessionState state) noexcept;

/// Ending is why the tool was, or is being, ended.
enum class Ending : std::uint8_t {
  none,
  exited,
  too_slow,
  squatted,
  idle,
  relaunch,
  expired,
  requested,
  not_startable,
  lost
};
std::string_view name_of(Ending ending) noexcept;

enum class RestartPolicy : std::uint8_t { no, on_failure, always };
enum class StartMode : std::uint8_t { at_once, on_demand };

inline constexpr Duration kBackoffFirst = std::chrono::seconds(1);
inline constexpr Duration kBackoffMax = std::chrono::seconds(60);
/// A tool that was ready for this long has proven itself: its next failure counts as the first.
inline constexpr Duration kStableAfter = std::chrono::seconds(60);
/// Ports that are tried before a squatted start is given up.
inline constexpr int kPortTriesMax = 3;

struct LifeRules {
  RestartPolicy restart = RestartPolicy::no;
  StartMode start = StartMode::at_once;
  Duration ready_timeout = std::chrono::seconds(30);
  std::optional<Duration> idle_timeout;  ///< none: never ended for being idle
  MonotonicTime expires = kNever;
};

enum class LifeEvent : std::uint8_t {
  start,          ///< asked for by an operator, or at creation
  demand,         ///< a request came in
  answered,       ///< a real HTTP answer below 500
  exited_clean,   ///< the tool ended with status 0
  exited_dirty,   ///< it ended otherwise
  squatted,       ///< somebody else listens on its port
  not_startable,  ///< it cannot be launched at all: retrying cannot help
  gone,           ///< all of it is reaped
  lost,           ///< KILL did not help
  relaunch,       ///< end and start anew, e.g. to hand over a new credential
  end,            ///< end it for good
  too_slow,
  idle,
  expired,
  retry_due,  ///< from tick()
};
inline constexpr std::size_t kLifeEventCount = 15;

/// LifeAction is what the owner of the process has to do now.
enum class LifeAction : std::uint8_t { none, launch, stop };

/// SessionLife is the state machine of one session. One thread. Single moves are rows of one table (life.cc);
/// an event that has no row in the present state means nothing and changes nothing.
class SessionLife {
 public:
  explicit SessionLife(LifeRules rules) : rules_(rules) {}

  /// on moves the machine and says what to do.
  LifeAction on(LifeEvent event, MonotonicTime now);
  /// due returns the event that time brings about, if any; the owner passes it to on(). `active` is when
  /// bytes last moved.
  [[nodiscard]] std::optional<LifeEvent> due(MonotonicTime now, MonotonicTime active) const;
  /// deadline is when due() is worth asking again, if `active` does not change.
  [[nodiscard]] MonotonicTime deadline(MonotonicTime active) const;

  [[nodiscard]] SessionState state() const noexcept { return state_; }
  [[nodiscard]] Ending ending() const noexcept { return ending_; }
  [[nodiscard]] MonotonicTime retry_at() const noexcept { return retry_at_; }
  [[nodiscard]] int failures_in_a_row() const noexcept { return failures_; }
  [[nodiscard]] const LifeRules& rules() const noexcept { return rules_; }
  /// over: no event but `end` of a failed one, or `start`, changes anything any more.
  [[nodiscard]] bool over() const noexcept { return state_ == SessionState::stopped; }

 private:
  LifeAction settle(MonotonicTime now);
  LifeAction settle_exit(MonotonicTime now);
  LifeAction settle_failure(MonotonicTime now);
  LifeAction rest(SessionState where);
  LifeAction launch(MonotonicTime now);
  void note_exit(LifeEvent event, MonotonicTime now) noexcept;

  LifeRules rules_;
  SessionState state_ = SessionState::dormant;
  Ending ending_ = Ending::none;
  MonotonicTime since_{};  ///< start of the present state
  MonotonicTime retry_at_{};
  int failures_ = 0;
  int port_tries_ = 0;
  enum class Exit : std::uint8_t { none, clean, dirty } exit_ = Exit::none;
  enum class Answered : std::uint8_t { no, yes } answered_ = Answered::no;
};

}  // namespace sallyport
