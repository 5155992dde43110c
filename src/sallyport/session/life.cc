// SPDX-License-Identifier: Apache-2.0
#include "sallyport/session/life.h"

#include <algorithm>
#include <array>

namespace sallyport {
namespace {

using S = SessionState;
using E = LifeEvent;

/// After is where a row leads: to a state, or to what settle() makes of the ending.
enum class After : std::uint8_t { launch, ready, stop, reap, settle, stopped, failed };

struct Move {
  S from;
  E event;
  After after;
  Ending ending;
};

// Every way out of a running tool leads through `stopping`: `stop` sends signals, `reap` only waits for the
// rest to be gone.
constexpr Move kMoves[] = {
    {S::dormant, E::start, After::launch, Ending::none},
    {S::dormant, E::demand, After::launch, Ending::none},
    {S::dormant, E::end, After::stopped, Ending::requested},
    {S::dormant, E::expired, After::stopped, Ending::expired},
    {S::starting, E::answered, After::ready, Ending::none},
    {S::starting, E::exited_clean, After::reap, Ending::exited},
    {S::starting, E::exited_dirty, After::reap, Ending::exited},
    {S::starting, E::too_slow, After::stop, Ending::too_slow},
    {S::starting, E::squatted, After::stop, Ending::squatted},
    {S::starting, E::not_startable, After::failed, Ending::not_startable},
    {S::starting, E::relaunch, After::stop, Ending::relaunch},
    {S::starting, E::expired, After::stop, Ending::expired},
    {S::starting, E::end, After::stop, Ending::requested},
    {S::ready, E::exited_clean, After::reap, Ending::exited},
    {S::ready, E::exited_dirty, After::reap, Ending::exited},
    {S::ready, E::idle, After::stop, Ending::idle},
    {S::ready, E::relaunch, After::stop, Ending::relaunch},
    {S::ready, E::expired, After::stop, Ending::expired},
    {S::ready, E::end, After::stop, Ending::requested},
    {S::stopping, E::gone, After::settle, Ending::none},
    {S::stopping, E::lost, After::failed, Ending::lost},
    {S::stopping, E::expired, After::stop, Ending::expired},
    {S::stopping, E::end, After::stop, Ending::requested},
    {S::waiting, E::retry_due, After::launch, Ending::none},
    {S::waiting, E::start, After::launch, Ending::none},
    {S::waiting, E::expired, After::stopped, Ending::expired},
    {S::waiting, E::end, After::stopped, Ending::requested},
    {S::failed, E::start, After::launch, Ending::none},
    {S::failed, E::demand, After::launch, Ending::none},  // on demand only, after a pause: see on()
    {S::failed, E::expired, After::stopped, Ending::expired},
    {S::failed, E::end, After::stopped, Ending::requested},
};

const Move* find_move(S from, E event) noexcept {
  const auto* found = std::find_if(std::begin(kMoves), std::end(kMoves), [&](const Move& move) {
    return move.from == from && move.event == event;
  });
  return found == std::end(kMoves) ? nullptr : found;
}

Duration backoff_after(int failures) noexcept {
  auto pause = kBackoffFirst;
  for (int i = 1; i < failures && pause < kBackoffMax; ++i) pause *= 2;
  return std::min(pause, kBackoffMax);
}

}  // namespace

std::string_view name_of(SessionState state) noexcept {
  constexpr std::string_view kNames[] = {"dormant", "starting", "ready", "stopping",
                                         "waiting", "stopped",  "failed"};
  return kNames[static_cast<std::size_t>(state)];
}

std::string_view name_of(Ending ending) noexcept {
  constexpr std::string_view kNames[] = {"none",     "exited",  "too_slow",  "squatted",      "idle",
                                         "relaunch", "expired", "requested", "not_startable", "lost"};
  return kNames[static_cast<std::size_t>(ending)];
}

void SessionLife::note_exit(LifeEvent event, MonotonicTime now) noexcept {
  if (event == E::exited_clean) exit_ = Exit::clean;
  if (event == E::exited_dirty) exit_ = Exit::dirty;
  if (state_ == S::ready && now - since_ >= kStableAfter) failures_ = 0;
}

LifeAction SessionLife::on(LifeEvent event, MonotonicTime now) {
  const auto* move = find_move(state_, event);
  if (move == nullptr) return LifeAction::none;
  if (state_ == S::failed && event == E::demand &&
      (rules_.start != StartMode::on_demand || now < retry_at_)) {
    return LifeAction::none;
  }
  note_exit(event, now);
  if (move->ending != Ending::none) ending_ = move->ending;
  switch (move->after) {
    case After::launch:
      return launch(now);
    case After::ready:
      state_ = S::ready;
      since_ = now;
      answered_ = Answered::yes;
      return LifeAction::none;
    case After::stop:
      state_ = S::stopping;
      return LifeAction::stop;
    case After::reap:
      state_ = S::stopping;
      return LifeAction::none;
    case After::settle:
      return settle(now);
    case After::stopped:
      return rest(S::stopped);
    case After::failed:
      return rest(S::failed);
  }
  return LifeAction::none;
}

LifeAction SessionLife::launch(MonotonicTime now) {
  state_ = S::starting;
  since_ = now;
  ending_ = Ending::none;
  exit_ = Exit::none;
  answered_ = Answered::no;
  return LifeAction::launch;
}

LifeAction SessionLife::rest(SessionState where) {
  state_ = where;
  port_tries_ = 0;
  return LifeAction::none;
}

LifeAction SessionLife::settle(MonotonicTime now) {
  switch (ending_) {
    case Ending::relaunch:
      return launch(now);
    case Ending::squatted:
      return ++port_tries_ < kPortTriesMax ? launch(now) : settle_failure(now);
    case Ending::idle:
      return rest(rules_.start == StartMode::on_demand ? S::dormant : S::stopped);
    case Ending::exited:
      return settle_exit(now);
    case Ending::too_slow:
      return settle_failure(now);
    default:
      return rest(S::stopped);
  }
}

LifeAction SessionLife::settle_exit(MonotonicTime now) {
  // Whoever ends before the first answer never served anybody, whatever the exit status says.
  if (answered_ == Answered::no || exit_ == Exit::dirty) return settle_failure(now);
  if (rules_.restart == RestartPolicy::always) return settle_failure(now);
  return rest(rules_.start == StartMode::on_demand ? S::dormant : S::stopped);
}

LifeAction SessionLife::settle_failure(MonotonicTime now) {
  retry_at_ = after(now, backoff_after(++failures_));
  return rest(rules_.restart == RestartPolicy::no ? S::failed : S::waiting);
}

std::optional<LifeEvent> SessionLife::due(MonotonicTime now, MonotonicTime active) const {
  const bool being_ended =
      state_ == S::stopping && (ending_ == Ending::requested || ending_ == Ending::expired);
  if (now >= rules_.expires && state_ != S::stopped && !being_ended) return E::expired;
  if (state_ == S::starting && now >= after(since_, rules_.ready_timeout)) return E::too_slow;
  if (state_ == S::waiting && now >= retry_at_) return E::retry_due;
  if (state_ == S::ready && rules_.idle_timeout &&
      now >= after(std::max(since_, active), *rules_.idle_timeout))
    return E::idle;
  return std::nullopt;
}

MonotonicTime SessionLife::deadline(MonotonicTime active) const {
  auto soonest = state_ == S::stopped ? kNever : rules_.expires;
  if (state_ == S::stopping) soonest = kNever;  // the stop ladder has its own
  if (state_ == S::starting) soonest = std::min(soonest, after(since_, rules_.ready_timeout));
  if (state_ == S::waiting) soonest = std::min(soonest, retry_at_);
  if (state_ == S::ready && rules_.idle_timeout)
    soonest = std::min(soonest, after(std::max(since_, active), *rules_.idle_timeout));
  return soonest;
}

}  // namespace sallyport
