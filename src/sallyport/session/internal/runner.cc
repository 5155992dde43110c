// SPDX-License-Identifier: Apache-2.0
#include "sallyport/session/internal/runner.h"

#include <algorithm>
#include <array>
#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/launch/port.h"

namespace sallyport {
namespace {

constexpr std::size_t kOutputBytesPerTurn = std::size_t{256} * 1024;
constexpr std::size_t kReadyWaitersMax = 4096;

bool is_settled(SessionState state) noexcept {
  return state != SessionState::starting && state != SessionState::stopping;
}

}  // namespace

Runner::Runner(SessionSpec spec, Recipe recipe, const RunnerHost& host)
    : spec_(std::move(spec)),
      recipe_(std::move(recipe)),
      host_(host),
      life_(spec_.life),
      ladder_(spec_.stop),
      credential_(make_credential(std::move(spec_.credential))),
      inner_door_(spec_.preset->inner_door) {
  activity_->touch(host_.clock.now());
  publish();
}

std::shared_ptr<const BackendCredential> Runner::make_credential(SecretText text) const {
  return std::make_shared<const BackendCredential>(spec_.preset->form, spec_.preset->user, std::move(text));
}

void Runner::apply(LifeEvent event) {
  const auto before = life_.state();
  const auto ending = life_.ending();
  const auto action = life_.on(event, host_.clock.now());
  if (before == life_.state() && ending == life_.ending() && action == LifeAction::none) return;
  if (life_.state() != SessionState::starting) check_.reset();
  if (life_.over() && !process_) directory_.reset();
  publish();
  act(action);
  answer_waiters();
}

void Runner::act(LifeAction action) {
  if (action == LifeAction::launch) launch();
  if (action == LifeAction::stop && process_) {
    if (const auto signal = ladder_.begin(host_.clock.now())) process_->send(*signal);
  }
}

PlaceholderValues Runner::values_for(std::uint16_t port) const {
  return {concat(port),   directory_->socket(), directory_->token_file(),
          spec_.base_url, spec_.id.str(),       &credential_->text()};
}

ReadyTarget Runner::target() const {
  return {recipe_.endpoint(), port_, directory_->socket(), recipe_.ready_path(), process_->root()};
}

void Runner::launch() {
  if (rotation_) adopt_rotation();  // whatever ended the old run, the new one begins with the new credential
  last_exit_.reset();
  note_.clear();
  ladder_ = StopLadder(spec_.stop);
  const auto launched = try_launch();
  if (launched) return;
  note_ = launched.error().what;
  const auto code = launched.error().code;
  if (code != Code::exhausted && code != Code::unavailable) return apply(LifeEvent::not_startable);
  apply(LifeEvent::exited_dirty);
  apply(LifeEvent::gone);
}

Status Runner::try_launch() {
  if (process_)
    return fail(Code::invalid_argument,
                "processes of the previous run could not be killed; they block this session");
  SALLYPORT_CHECK(open_directory());
  if (adopted_) return take_adopted();
  const bool has_credential = credential_->form() != CredentialForm::none;
  if (has_credential) SALLYPORT_CHECK(directory_->write_token(credential_->text()));
  directory_->clear_socket();
  if (recipe_.endpoint() == EndpointKind::port) {
    SALLYPORT_TRY(port, free_loopback_port());
    port_ = port;
  }
  const auto values = values_for(port_);
  SALLYPORT_TRY(environment, recipe_.environment(values, host_.environment));
  if (!spec_.internal.empty()) {
    SALLYPORT_CHECK(directory_->write_internal(spec_.internal));
    environment.set("SALLYPORT_INTERNAL_FILE", SecretText(directory_->internal_file()));
    environment.set("SALLYPORT_GATE_URL", SecretText(spec_.gate_url));
  }
  ProcessPlan plan;
  plan.name = spec_.id.str();
  plan.argv = recipe_.argv(values);
  plan.environment = &environment;
  plan.credential = has_credential ? &credential_->text() : nullptr;
  plan.directory = spec_.directory;
  plan.shepherd = host_.shepherd;
  if (host_.survival.count() > 0) plan.survival = {directory_->door(), port_, host_.survival};
  SALLYPORT_TRY(process, Process::start(plan));
  process_.emplace(std::move(process));
  ++starts_;
  check_.emplace(target(), credential_, ReadyDemand::any_answer);
  return ok();
}

void Runner::add_descriptors(std::vector<pollfd>& waits) const {
  const auto add = [&](int fd, short events) {
    if (fd >= 0) waits.push_back({fd, events, 0});
  };
  if (process_) {
    add(process_->events_descriptor(), POLLIN);
    add(process_->stdout_descriptor(), POLLIN);
    add(process_->stderr_descriptor(), POLLIN);
  }
  if (check_) add(check_->descriptor(), check_->poll_events());
  if (rotation_ && rotation_->check) add(rotation_->check->descriptor(), rotation_->check->poll_events());
}

MonotonicTime Runner::deadline() const {
  auto soonest = life_.deadline(activity_->last());
  if (process_ && !lost_) soonest = std::min(soonest, ladder_.deadline());
  if (check_) soonest = std::min(soonest, check_->deadline());
  if (rotation_ && rotation_->check && life_.state() == SessionState::ready) {
    soonest = std::min({soonest, rotation_->deadline, rotation_->check->deadline()});
  }
  return soonest;
}

void Runner::turn() {
  read_output();
  read_events();
  check_ready();
  turn_rotation();
  climb();
  if (const auto event = life_.due(host_.clock.now(), activity_->last())) {
    if (*event == LifeEvent::too_slow) note_ = check_ ? check_->note() : std::string();
    apply(*event);
  }
}

void Runner::read_output() {
  if (!process_) return;
  std::string text;
  process_->read_output(text, kOutputBytesPerTurn);
  if (text.empty()) return;
  ring_.append(text);
  for (const auto& line : lines_.feed(text)) host_.observer.on_output(spec_.id, clean(line));
}

void Runner::read_events() {
  while (process_) {
    const auto event = process_->next_event();
    if (!event) return;
    if (event->kind == ProcessEvent::Kind::started) {
      pid_ = event->pid;
      publish();
    }
    if (event->kind == ProcessEvent::Kind::ended) note_end(event->exit);
    if (event->kind == ProcessEvent::Kind::gone) note_gone();
  }
}

void Runner::note_end(const ExitStatus& exit) {
  last_exit_ = exit;
  pid_ = 0;
  if (process_) {
    if (const auto signal = ladder_.hurry(host_.clock.now())) process_->send(*signal);
  }
  if (exit.how == ExitStatus::How::not_started) return apply(LifeEvent::not_startable);
  apply(exit.clean() ? LifeEvent::exited_clean : LifeEvent::exited_dirty);
}

void Runner::note_gone() {
  read_output();  // nobody holds the other ends any more: this is the last of it
  if (auto rest = lines_.rest(); !rest.empty()) host_.observer.on_output(spec_.id, clean(rest));
  process_.reset();
  lost_ = false;
  apply(LifeEvent::gone);
  if (life_.over()) directory_.reset();
}

void Runner::check_ready() {
  if (!check_ || life_.state() != SessionState::starting) return;
  switch (check_->step(host_.clock.now())) {
    case ReadyCheck::Verdict::pending:
      return;
    case ReadyCheck::Verdict::squatted:
      note_ = check_->note();
      return apply(LifeEvent::squatted);
    case ReadyCheck::Verdict::ready:
      endpoint_ = check_->endpoint();
      inner_door_ = check_->inner_door();
      note_ = check_->note();
      activity_->touch(host_.clock.now());
      return apply(LifeEvent::answered);
  }
}

void Runner::climb() {
  const auto now = host_.clock.now();
  if (!process_ || lost_) return;
  if (const auto signal = ladder_.tick(now)) process_->send(*signal);
  if (!ladder_.lost(now)) return;
  lost_ = true;
  apply(LifeEvent::lost);
}

void Runner::hurry() {
  if (!process_) return;
  if (const auto signal = ladder_.hurry(host_.clock.now())) process_->send(*signal);
}

void Runner::wait_ready(ReadyWaiter waiter) {
  if (waiters_.size() >= kReadyWaitersMax)
    return waiter(fail(Code::exhausted, "too many requests wait for this session"));
  waiters_.push_back(std::move(waiter));
  apply(LifeEvent::demand);
  answer_waiters();
}

void Runner::answer_waiters() {
  if (!is_settled(life_.state()) || waiters_.empty()) return;
  if (life_.state() == SessionState::dormant && life_.rules().start == StartMode::on_demand)
    return apply(LifeEvent::demand);
  for (const auto& waiter : std::exchange(waiters_, {})) {
    if (life_.state() == SessionState::ready) {
      waiter(view_);
    } else {
      waiter(fail(Code::unavailable,
                  concat("session ", spec_.id.view(), " is ", name_of(life_.state()), ": ", view_->detail)));
    }
  }
}

std::string Runner::clean(std::string_view text) const {
  const std::array<const SecretText*, 5> secrets = {&spec_.internal, &credential_->text(),
                                                    &credential_->authorization(),
                                                    rotation_ ? &rotation_->next->text() : nullptr,
                                                    rotation_ ? &rotation_->next->authorization() : nullptr};
  return redacted(harmless(text), secrets);
}

std::string Runner::tail(std::size_t bytes_max) const { return clean(ring_.tail(bytes_max)); }

std::string Runner::describe() const {
  const auto tool = concat("`", escaped(spec_.command.front(), 60), "` ");
  const auto exit = last_exit_ ? last_exit_->str() : std::string("ended");
  switch (life_.ending()) {
    case Ending::exited:
      return note_.empty() ? concat(tool, exit) : note_;
    case Ending::too_slow:
      return concat(tool, "did not answer GET ", recipe_.ready_path(), " in time (", note_,
                    "); see --ready and --ready-timeout");
    case Ending::idle:
      return concat(tool, "was ended because it was idle");
    case Ending::expired:
      return "the session has expired";
    case Ending::requested:
      return "the session was ended";
    case Ending::lost:
      return concat("processes of ", tool, "could not be killed");
    case Ending::not_startable:
      return last_exit_ ? concat("cannot start ", tool, ": ", last_exit_->str()) : note_;
    case Ending::squatted:
      return note_;
    case Ending::relaunch:
    case Ending::none:
      return note_;
  }
  return {};
}

void Runner::publish() {
  const auto state = life_.state();
  if (history_.empty() || history_.back().state != state || history_.back().ending != life_.ending()) {
    if (history_.size() >= kStateHistoryMax) history_.erase(history_.begin());
    history_.push_back({host_.wall_clock.now(), state, life_.ending(), last_exit_});
  }
  auto view = std::make_shared<SessionView>();
  view->id = spec_.id;
  view->preset = spec_.preset;
  view->state = state;
  view->ending = life_.ending();
  if (state == SessionState::ready) view->endpoint = endpoint_;
  view->credential = credential_;
  view->exposure = recipe_.exposure();
  view->inner_door = inner_door_;
  view->last_exit = last_exit_;
  const bool running = state == SessionState::starting || state == SessionState::ready;
  view->detail = running || state == SessionState::dormant ? note_ : describe();
  if (!running && state != SessionState::dormant) view->tail = tail(kTailBytes);
  view->pid = pid_;
  view->starts = starts_;
  view->retry_at = life_.retry_at();
  view->expires = life_.rules().expires;
  view->activity = activity_;
  view->history = history_;
  view_ = std::move(view);
  host_.observer.on_change(view_);
}

}  // namespace sallyport
