// SPDX-License-Identifier: Apache-2.0
// Guard::Core, the life: what the supervisor tells, what is due now and then, and the end.
#include <algorithm>

#include "sallyport/base/text.h"
#include "sallyport/gateway/internal/guard_core.h"

namespace sallyport {
namespace {

constexpr Duration kIdentityRetry = std::chrono::minutes(10);
constexpr Duration kStopWaitMax = std::chrono::seconds(60);

std::string days_text(WallTime until, WallTime now) {
  return concat(std::chrono::duration_cast<std::chrono::hours>(until - now).count() / 24);
}

}  // namespace

Guard::Core::~Core() {
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
  if (view->ending_for_good()) session_tokens.end(session);
  AuditEvent event;
  event.kind = AuditKind::session;
  event.outcome = view->state == SessionState::failed ? Outcome::failed : Outcome::allowed;
  event.session = session.view();
  event.detail = name_of(view->state);
  powers.audit.record(event);
  if (notices.state) notices.state(*view);
  const std::lock_guard lock(change_mutex);
  last_view = view;
  changed.notify_all();
}

void Guard::Core::on_output(const SessionId&, std::string_view line) {
  if (notices.output) notices.output(line);
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
  report.tls_source = told.tls_source;
  if (tls != nullptr) {
    report.tls_days_left = static_cast<int>(
        std::chrono::duration_cast<std::chrono::hours>(identity_not_after.load() - powers.clock.now())
            .count() /
        24);
  }
  report.authentication = auth.authentication == Authentication::required ? "required" : "off (insecurely)";
  report.store = "memory";
  report.live_credentials = store.count();
  report.audit = powers.audit.health();
  const auto health = passwords == nullptr ? PasswordHealth{} : passwords->health();
  report.password_state = health.state == PasswordHealth::State::good ? "good" : health.reason;
  return report;
}

Status Guard::Core::renew_identity_if_due() {
  const auto now = powers.clock.now();
  if (tls == nullptr || now < identity_look_again) return ok();
  identity_look_again = now + kIdentityRetry;
  auto identity = current_identity();
  if (!identity) return std::move(identity).error();
  SALLYPORT_TRY(usable, TlsIdentity::from_pem(identity->chain_pem, identity->key_pem));
  tls->replace_identity(std::move(usable));
  identity_not_after = identity->not_after;
  if (identity->not_after <= now) {
    return fail(Code::unavailable,
                concat("the certificate has expired ", days_text(now, identity->not_after), " days ago"));
  }
  return ok();
}

std::vector<std::string> Guard::Core::housekeep() {
  const auto now = powers.monotonic.now();
  (void)store.sweep(now, kSweepStepsPerSecond);
  const MonotonicTime active{Duration(traffic.last_active_ns.load(std::memory_order_relaxed))};
  if (const auto view = supervisor->view(session);
      view && view->activity && active > view->activity->last()) {
    view->activity->touch(active);
  }
  std::string complaint;
  if (access_token) {
    if (const auto fresh = access_token->refresh(now); !fresh)
      complaint += concat("access token: ", fresh.error().what, "\n");
  }
  if (passwords) {
    passwords->refresh();
    for (const auto& name : passwords->take_changed()) logins.end_all(name);
    if (const auto health = passwords->health(); health.state == PasswordHealth::State::failing) {
      complaint += concat("password: ", health.reason, "; nobody can sign in with it until that is mended\n");
    }
  }
  if (const auto renewed = renew_identity_if_due(); !renewed)
    complaint += concat("certificate: ", renewed.error().what, "\n");
  if (complaint == last_complaint) return {};
  last_complaint = complaint;
  if (complaint.empty()) return {"all is well again"};
  complaint.pop_back();
  return {complaint};
}

int Guard::Core::stop(Duration patience) {
  for (auto& side : sides) side->stop_after(patience);
  for (auto& thread : threads) {
    if (thread.joinable()) thread.join();
  }
  (void)supervisor->end(session, EndSpeed::orderly);
  std::unique_lock lock(change_mutex);
  const auto over = [this] { return last_view != nullptr && last_view->state == SessionState::stopped; };
  (void)changed.wait_for(lock, kStopWaitMax, over);
  const auto view = last_view;
  return view != nullptr && view->last_exit ? view->last_exit->shell_status() : 0;
}

}  // namespace sallyport
