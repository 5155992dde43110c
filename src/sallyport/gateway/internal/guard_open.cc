// SPDX-License-Identifier: Apache-2.0
// Guard::Core, the opening: what everything else stands on.
#include <algorithm>

#include "sallyport/base/text.h"
#include "sallyport/gateway/internal/guard_core.h"
#include "sallyport/gateway/proven_dialer.h"
#include "sallyport/net/dialer.h"

namespace sallyport {
namespace {

TokenPolicy token_policy(const Settings& settings) {
  TokenPolicy policy;
  policy.length_bytes = settings.session_token_length;
  policy.life = settings.session_token_lifetime;
  policy.cleanup_interval = settings.token_cleanup_interval;
  return policy;
}

LoginPolicy login_policy(const Settings& settings) {
  LoginPolicy policy;
  policy.life = settings.login_lifetime;
  policy.idle_max = settings.login_idle;
  return policy;
}

ConnectionLimits connection_limits(std::size_t descriptors_max) {
  ConnectionLimits limits;
  limits.total_max = connections_max_for(descriptors_max);
  return limits;
}

/// read_boot_id: without one, what a durable record says of monotonic time counts for nothing.
std::string read_boot_id(Files& files) {
  const auto text = files.read_text("/proc/sys/kernel/random/boot_id", FilePrivacy::any);
  return text ? std::string(trimmed(std::string_view(*text).substr(0, text->find('\n')))) : std::string();
}

std::size_t loops_wanted(const Settings& settings) {
  if (settings.threads > 0) return settings.threads;
  const auto cores = std::thread::hardware_concurrency();
  return cores == 0 ? 1 : cores;
}

}  // namespace

Guard::Core::Core(const Settings& from, GuardPowers with, GuardNotices tell)
    : settings(from),
      powers(std::move(with)),
      notices(std::move(tell)),
      session_tokens(store, powers.entropy, token_policy(settings)),
      logins(store, powers.entropy, login_policy(settings)),
      links(store, powers.entropy),
      tickets(store, powers.entropy),
      internals(store, powers.entropy),
      limiter(connection_limits(powers.descriptors_max)),
      pool(std::make_unique<BlockingPool>()),
      durable_clock(powers.clock, powers.monotonic, read_boot_id(powers.files)),
      live_settings(settings, [this] { require_authentication(); }),
      feed(settings.user, settings.listeners_per_owner),
      directory(settings.user, settings.sessions_per_owner) {
  Principal self;
  self.id = settings.user;
  self.provider = "owner";
  owner = std::make_shared<const Principal>(std::move(self));
  store.subscribe([this](const Grant& grant, Removal) {
    const std::lock_guard lock(ended_mutex);
    ended.push_back(grant.digest);
    if (sides.empty() || std::exchange(cut_posted, true)) return;
    sides.front()->loop().post([this] { cut_ended(); });
  });
}

Status Guard::Core::open_credentials() {
  SALLYPORT_TRY(plan, plan_auth(settings));
  auth = plan;
  SALLYPORT_TRY(doors, plan_doors(settings));
  door_plans = std::move(doors);
  SALLYPORT_CHECK(powers.files.ensure_private_directory(settings.state_dir));
  SALLYPORT_CHECK(powers.files.ensure_private_directory(run_directory()));
  SALLYPORT_CHECK(open_secrets());
  SALLYPORT_CHECK(open_password_judges());
  if (auth.tokens == AuthPlan::Use::yes) SALLYPORT_CHECK(open_access_token());
  open_throttles();
  login_service = std::make_unique<LoginService>(
      LoginService::Parts{pam_judge ? static_cast<PasswordJudge*>(pam_judge.get()) : passwords.get(), logins,
                          links, powers.entropy, powers.audit, powers.fingerprinter, lockout.get()});
  return ok();
}

Status Guard::Core::open_loops() {
  ServerLimits limits;
  limits.connections_max = limiter.limits().total_max;
  const LoopSide::Powers side_powers{powers.monotonic, powers.clock, powers.entropy, limiter, limits};
  auto dialer = [](Loop& loop) -> std::unique_ptr<Dialer> {
    return std::make_unique<ProvenDialer>(std::make_unique<SocketDialer>(loop));
  };
  for (std::size_t i = loops_wanted(settings); i > 0; --i) {
    sides.push_back(std::make_unique<LoopSide>(side_powers, dialer));
    sides.back()->on_nameless([this](const ConnectionFacts& facts) {
      tell_client_refused(facts, Denial::no_credential, "no client certificate was shown");
    });
    auto& proven = static_cast<ProvenDialer&>(sides.back()->dialer());
    sides.back()->on_ready([&proven](const SessionView& view) { proven.expect(view.endpoint, view.pid); });
    sides.back()->on_gone([&proven](const SessionView& view) { proven.forget(view.endpoint); });
  }
  return ok();
}

Status Guard::Core::open_own_pages() {
  PageFrame frame;
  frame.name = serves_many() ? "sallyport" : session.str();
  std::string theme;
  if (!settings.theme.empty()) {
    SALLYPORT_TRY(sheet, powers.files.read_text(settings.theme, FilePrivacy::any));
    theme = std::move(sheet);
    frame.theme = PageFrame::Theme::linked;
  }
  const auto user_field =
      serves_many() || pam != nullptr ? LoginPage::UserField::shown : LoginPage::UserField::hidden;
  if (auth.tailnet == AuthPlan::Use::yes)
    tailnet =
        std::make_unique<TailnetJudge>(powers.monotonic, settings.tailscale_socket, settings.tailscale_users);
  auto may_use = [this](const Principal& who, const SessionId& id) { return directory.may_use(who, id); };
  own_pages = std::make_unique<OwnPages>(OwnPages::Parts{*login_service, tickets, *pool, powers.monotonic,
                                                         powers.clock, frame, theme, user_field, may_use,
                                                         tailnet.get()});
  return ok();
}

Status Guard::Core::mint_login_link() {
  SALLYPORT_TRY(minted, links.mint({.principal = owner, .life = kLoginLinkLife}, powers.monotonic.now()));
  const std::string place = concat(told.urls.front(), kLinkPrefix);
  told.login_link = SecretText::filled_by(place.size() + minted.text.size(), [&](std::span<char> out) {
    const auto token = minted.text.expose();
    std::copy(token.begin(), token.end(), std::copy(place.begin(), place.end(), out.begin()));
  });
  told.login_link_life = kLoginLinkLife;
  return ok();
}

void Guard::Core::run_loops() {
  for (auto& side : sides) threads.emplace_back([loops = side.get()] { loops->run(); });
  if (tls_keeper) tls_keeper->run();
}

}  // namespace sallyport
