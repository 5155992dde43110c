// SPDX-License-Identifier: Apache-2.0
// Guard::Core, the life: what the supervisor tells, what is due now and then, and the end.
#include <algorithm>

#include "sallyport/base/text.h"
#include "sallyport/gateway/internal/guard_core.h"

namespace sallyport {
namespace {

constexpr Duration kStopWaitMax = std::chrono::seconds(60);

}  // namespace

Guard::Core::~Core() {
  tls_keeper.reset();
  if (service) service->retire();
  for (auto& side : sides) side->loop().stop();
  for (auto& thread : threads) {
    if (thread.joinable()) thread.join();
  }
  supervisor.reset();  // ends and reaps the tool; what it still tells goes into mailboxes that nobody opens
  pool.reset();        // waits for what runs: it uses frames of the tasks that go next
  for (auto& side : sides) side->loop().drop_tasks();
}

void Guard::Core::on_change(const std::shared_ptr<const SessionView>& view) {
  for (auto& side : sides) side->adopt(view);
  feed.publish(FeedItem::Kind::state, view->id, name_of(view->state));
  if (serves_many()) {
    service->on_change(*view);
  } else if (view->ending_for_good()) {
    session_tokens.end(session);
  }
  AuditEvent event;
  event.kind = AuditKind::session;
  event.outcome = view->state == SessionState::failed ? Outcome::failed : Outcome::allowed;
  event.session = view->id.view();
  event.detail = name_of(view->state);
  powers.audit.record(event);
  if (notices.state) notices.state(*view);
  const std::lock_guard lock(change_mutex);
  last_view = view;
  changed.notify_all();
}

void Guard::Core::on_output(const SessionId& id, std::string_view line) {
  feed.publish(FeedItem::Kind::output, id, line);
  if (notices.output && !serves_many()) notices.output(line);
}

void Guard::Core::cut_ended() {
  auto batch = std::make_shared<std::vector<Digest>>();
  {
    const std::lock_guard lock(ended_mutex);
    batch->swap(ended);
    cut_posted = false;
  }
  for (auto& side : sides) side->cut(batch, CutReason::revoked);
}

GatewayReport Guard::Core::report() const {
  GatewayReport report;
  report.version = powers.version;
  for (const auto& door : bound)
    report.listeners.push_back(concat(door.address.str(), door.tls == Tls::on ? " tls" : ""));
  report.tls = tls_report();
  report.authentication =
      gates.front()->authentication() == Authentication::required ? "required" : "off (insecurely)";
  report.store = durable ? "sqlite" : "memory";
  report.live_credentials = store.count();
  report.audit = powers.audit.health();
  const auto health = passwords == nullptr ? PasswordHealth{} : passwords->health();
  report.password_state = health.state == PasswordHealth::State::good ? "good" : health.reason;
  count_up(report);
  return report;
}

std::vector<std::string> Guard::Core::housekeep() {
  const auto now = powers.monotonic.now();
  (void)store.sweep(now, kSweepStepsPerSecond);
  for (const auto& entry : directory.all()) {
    const MonotonicTime active{Duration(entry->traffic->last_active_ns.load(std::memory_order_relaxed))};
    const auto view = supervisor->view(entry->id);
    if (view && view->activity && active > view->activity->last()) view->activity->touch(active);
  }
  if (service) service->tidy();
  std::string complaint;
  if (const auto renewed = renew_policy(); !renewed)
    complaint += concat("policy: ", renewed.error().what, "; the one before stays in force\n");
  if (access_token) {
    if (const auto fresh = access_token->refresh(now); !fresh)
      complaint += concat("access token: ", fresh.error().what, "\n");
  }
  if (passwords) {
    passwords->refresh();
    for (const auto& name : passwords->take_changed()) {
      logins.end_all(name);
      if (!passwords->knows(name)) access_tokens->revoke_owner(name);
    }
    if (const auto health = passwords->health(); health.state == PasswordHealth::State::failing) {
      complaint += concat("password: ", health.reason, "; nobody can sign in with it until that is mended\n");
    }
  }
  complaint += refresh_clients();
  if (trace_exporter) {
    if (const auto fault = trace_exporter->figures().fault; !fault.empty())
      complaint += concat("traces: ", fault, "; spans are dropped once ", kSpansHeldMax, " wait\n");
  }
  auto news = take_alarms();
  if (complaint == last_complaint) return news;
  last_complaint = complaint;
  if (complaint.empty()) complaint = "all is well again\n";
  complaint.pop_back();
  news.push_back(std::move(complaint));
  return news;
}

void Guard::Core::end_all(EndSpeed speed) {
  if (!serves_many()) return (void)supervisor->end(session, speed);
  for (const auto& view : supervisor->views()) (void)supervisor->end(view->id, speed);
}

void Guard::Core::drain(Duration patience) {
  if (durable) service->retire();
  for (auto& side : sides) side->stop_after(patience);
  for (auto& thread : threads) {
    if (thread.joinable()) thread.join();
  }
}

void Guard::Core::leave(Duration patience) {
  drain(patience);
  supervisor->leave();
}

int Guard::Core::stop(Duration patience) {
  drain(patience);
  end_all(EndSpeed::orderly);
  std::unique_lock lock(change_mutex);
  if (serves_many()) {
    const auto all_over = [this] {
      const auto views = supervisor->views();
      return std::all_of(views.begin(), views.end(), [](const auto& view) {
        return view->state == SessionState::stopped || view->ending == Ending::lost;
      });
    };
    (void)changed.wait_for(lock, kStopWaitMax, all_over);
    return 0;
  }
  const auto over = [this] { return last_view != nullptr && last_view->state == SessionState::stopped; };
  (void)changed.wait_for(lock, kStopWaitMax, over);
  const auto view = last_view;
  return view != nullptr && view->last_exit ? view->last_exit->shell_status() : 0;
}

}  // namespace sallyport
