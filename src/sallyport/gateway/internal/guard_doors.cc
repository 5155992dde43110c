// SPDX-License-Identifier: Apache-2.0
// Guard::Core: listeners, the names under which sessions are reached there, and the admin doors.
#include <algorithm>

#include "sallyport/base/text.h"
#include "sallyport/gateway/internal/guard_core.h"

namespace sallyport {
Status Guard::Core::open_doors() {
  SALLYPORT_CHECK(open_policy());  // which asks who owns a session only where there are many
  SALLYPORT_CHECK(open_loops());
  SALLYPORT_CHECK(open_own_pages());
  // Requests come only once the loops run: what the doors refer to may be made after them.
  supervisor = std::make_unique<Supervisor>(powers.monotonic, powers.clock, powers.files,
                                            supervisor_options(), static_cast<SessionObserver&>(*this));
  std::vector<OpenedDoor> opened;
  for (const auto& plan : door_plans) {
    auto door = plan.listen.is_inherited() ? inherit_door(plan.listen.descriptor, sides.size())
                                           : open_door(plan.listen.address, sides.size());
    if (!door) return std::move(door).error();
    SALLYPORT_TRY(judged, judge_bound(plan, *door));
    bound.push_back(judged);
    opened.push_back(*std::move(door));
  }
  SALLYPORT_CHECK(plan_domains());
  if (serves_many()) {
    directions = std::make_unique<ManySessions>(domains);
  } else {
    directions = std::make_unique<OneSession>(session);
  }
  for (std::size_t i = 0; i < bound.size(); ++i) SALLYPORT_CHECK(serve_door(std::move(opened[i]), bound[i]));
  for (const auto& door : bound) note_urls(door);
  SALLYPORT_CHECK(open_service());
  SALLYPORT_CHECK(open_admin_door());
  told.session = session;
  told.admission = explain(settings, auth, bound);
  return mint_login_link();
}

/// What an inherited socket listens on is known only now: the same rule is held again, on the real address.
Result<BoundDoor> Guard::Core::judge_bound(const DoorPlan& plan, const OpenedDoor& opened) const {
  BoundDoor door{opened.address, plan.tls};
  if (!plan.listen.is_inherited()) return door;
  const bool by_itself = settings.tls == TlsMode::automatic && settings.tls_cert.empty();
  if (by_itself && reach_of(door.address) != Reach::network) door.tls = Tls::off;
  const bool off = auth.authentication == Authentication::off;
  SALLYPORT_CHECK(judge_listener(ListenerPlan{door.address, door.tls},
                                 off ? Authentication::off : Authentication::required,
                                 settings.insecurely_public == Switch::on ? PublicExposure::insecurely_allowed
                                                                          : PublicExposure::refused));
  return door;
}

/// plan_domains: below the domain that was named, and below localhost where a listener can be reached so.
Status Guard::Core::plan_domains() {
  if (!serves_many()) return ok();
  for (const auto& door : bound) {
    const Scheme scheme = door.tls == Tls::on ? Scheme::https : Scheme::http;
    const PublicPort own{scheme, door.address.is_unix() ? default_port_of(scheme) : door.address.port};
    if (!settings.domain.empty()) {
      const auto url = PublicUrl::parse(settings.domain);
      const bool https = url && url->scheme == PublicUrl::Scheme::https;
      const PublicPort named = url ? PublicPort{https ? Scheme::https : Scheme::http, url->port} : own;
      auto made = SessionDomain::make(named, url ? url->host : settings.domain);
      if (!made) return std::move(made).error();
      domains.insert(domains.begin(), *std::move(made));
    }
    const bool local =
        door.address.is_unix() || door.address.ip.is_unspecified() || door.address.ip.is_loopback();
    if (!local) continue;
    SALLYPORT_TRY(made, SessionDomain::make(own, "localhost"));
    domains.push_back(std::move(made));
  }
  return ok();
}

Status Guard::Core::open_service() {
  using Origins = SessionService::Parts::Origins;
  auto open_routes = [this](const SessionEntry& entry) {
    for (auto& side : sides) side->open_session(entry.id, entry.traffic, entry.reached);
  };
  auto close_routes = [this](const SessionId& id) {
    for (auto& side : sides) side->close_session(id);
  };
  auto cut_streams = [this](const SessionId& id) {
    for (auto& side : sides) side->cut_session(id, CutReason::revoked);
  };
  SessionService::Parts parts{directory,
                              *supervisor,
                              session_tokens,
                              durable ? durable->sessions() : memory_sessions,
                              powers.entropy,
                              durable_clock,
                              [this] { return live_settings.life(); },
                              [this] { return live_settings.environment(); },
                              domains.empty() ? Origins::none : Origins::each,
                              open_routes,
                              close_routes,
                              cut_streams};
  service = std::make_unique<SessionService>(std::move(parts));
  told.session_urls = !serves_many()    ? std::string()
                      : domains.empty() ? concat(told.urls.front(), path_route_of("SESSION"))
                                        : domains.front().origin_of("SESSION");
  return ok();
}

Status Guard::Core::serve_door(OpenedDoor opened, const BoundDoor& door) {
  const GateIdentity who{session, owner, powers.local_names, tailnet_names, powers.own_uid};
  SALLYPORT_TRY(rules, rules_for(settings, auth, door, who));
  rules.session_domains = domains;
  gates.push_back(std::make_unique<Gate>(std::move(rules), gate_parts()));
  const ListenerTraits traits = traits_of(settings, door);
  ListenerTraits session_traits = traits;
  if (serves_many()) session_traits.local_trust = LocalTrust::off;
  auto demand = [this](const SessionId& id) { (void)supervisor->when_ready(id, [](const auto&) {}); };
  auto read_tail = [this](const Principal& reader, const SessionId& id,
                          std::function<void(std::string)> done) {
    const bool his = serves_many() ? directory.may_manage(reader, id) : reader.id == owner->id;
    return his && supervisor->read_tail(id, kTailBytes, std::move(done)).has_value();
  };
  ForwardTimeouts timeouts;
  timeouts.response = settings.response_timeout;
  for (std::size_t i = 0; i < sides.size(); ++i) {
    auto handler = std::make_unique<GuardHandler>(
        GuardHandler::Parts{*gates.back(), *own_pages, sides[i]->routes(), *directions, sides[i]->forwarder(),
                            powers.audit, traits, session_traits, demand, timeouts, read_tail, tracer.get()});
    SALLYPORT_CHECK(sides[i]->serve(std::move(opened.sockets[i]), door.address, std::move(handler),
                                    door.tls == Tls::on ? tls.get() : nullptr, proxy_rules(door)));
  }
  if (opened.file) socket_files.push_back(std::move(opened.file));
  return ok();
}

void Guard::Core::note_urls(const BoundDoor& door) {
  for (auto& url : urls_of(settings, door, powers.local_names)) {
    if (std::find(told.urls.begin(), told.urls.end(), url) == told.urls.end())
      told.urls.push_back(std::move(url));
  }
}

std::string Guard::Core::url_of(const SessionId& id) const {
  if (!serves_many()) return told.urls.empty() ? std::string() : told.urls.front();
  const auto entry = directory.find(id);
  const bool has_origin = entry != nullptr && entry->reached == SessionRoute::Reached::by_origin;
  if (has_origin && !domains.empty()) return domains.front().origin_of(id.view());
  return concat(told.urls.front(), path_route_of(id.view()));
}

AdminApi::Parts Guard::Core::admin_parts(const Gate& gate, ListenerTraits listener) {
  using Sessions = AdminApi::Parts::Sessions;
  auto report_now = [this] { return report(); };
  auto url = [this](const SessionId& id) { return url_of(id); };
  return AdminApi::Parts{gate,
                         listener,
                         *supervisor,
                         *service,
                         directory,
                         session_tokens,
                         *access_tokens,
                         live_settings,
                         feed,
                         links,
                         tickets,
                         *login_service,
                         *own_pages,
                         *pool,
                         powers.monotonic,
                         powers.clock,
                         powers.fingerprinter,
                         powers.audit,
                         powers.audit_file,
                         serves_many() ? Sessions::many : Sessions::one,
                         report_now,
                         url,
                         lockout.get(),
                         policy_step.get()};
}

Status Guard::Core::open_admin_door() {
  std::string path = settings.state_dir + "/admin.sock";
  auto opened = open_door(SocketAddress::unix_path(path), 1);
  if (!opened && opened.error().code == Code::already_exists && !serves_many()) {
    path = concat(run_directory(), '/', session.view(),
                  ".sock");  // another guard of this user has the first one
    opened = open_door(SocketAddress::unix_path(path), 1);
  }
  if (!opened) return std::move(opened).error();
  GateRules rules{HostList(Scheme::http)};
  SALLYPORT_TRY(localhost, HostPort::parse("localhost"));
  rules.hosts.add(localhost);
  rules.networks.peer_uids = {powers.own_uid};
  rules.open_own_paths.clear();
  rules.presentations = {Presentation::local_peer};
  rules.local_principal = owner;
  rules.own_uid = powers.own_uid;
  gates.push_back(
      std::make_unique<Gate>(std::move(rules), GateParts{store, tickets, powers.monotonic, powers.audit}));
  ListenerTraits traits;
  traits.reach = Reach::private_socket;
  traits.local_trust = LocalTrust::on;
  auto handler = std::make_unique<AdminApi>(admin_parts(*gates.back(), traits));
  SALLYPORT_CHECK(
      sides.front()->serve(std::move(opened->sockets.front()), opened->address, std::move(handler), nullptr));
  socket_files.push_back(std::move(opened->file));
  told.admin_socket = path;
  return ok();
}

DoorPlan Guard::Core::admin_plan() const {
  DoorPlan plan{*settings.admin, Tls::off};
  const bool local = plan.listen.is_inherited() || reach_of(plan.listen.address) != Reach::network;
  const bool asked = settings.tls != TlsMode::automatic || !settings.tls_cert.empty();
  if (settings.tls != TlsMode::off && (asked || !local)) plan.tls = Tls::on;
  return plan;
}

/// The admin listener lets nobody in for where he comes from: an access token, or a login.
Status Guard::Core::open_admin_listener() {
  if (!settings.admin) return ok();
  const DoorPlan plan = admin_plan();
  auto opened = plan.listen.is_inherited() ? inherit_door(plan.listen.descriptor, 1)
                                           : open_door(plan.listen.address, 1);
  if (!opened) return std::move(opened).error();
  const BoundDoor door{opened->address, plan.tls};
  SALLYPORT_CHECK(judge_listener(ListenerPlan{door.address, door.tls}, Authentication::required,
                                 settings.insecurely_public == Switch::on ? PublicExposure::insecurely_allowed
                                                                          : PublicExposure::refused));
  const GateIdentity who{{}, nullptr, powers.local_names, tailnet_names, powers.own_uid};
  SALLYPORT_TRY(rules, admin_rules_for(settings, door, who));
  GateParts parts{store, tickets, powers.monotonic, powers.audit};
  parts.lockout = lockout_step.get();
  parts.rate = rate_step.get();
  gates.push_back(std::make_unique<Gate>(std::move(rules), parts));
  ListenerTraits traits = traits_of(settings, door);
  traits.local_trust = LocalTrust::off;
  auto handler = std::make_unique<AdminApi>(admin_parts(*gates.back(), traits));
  SALLYPORT_CHECK(sides.front()->serve(std::move(opened->sockets.front()), door.address, std::move(handler),
                                       door.tls == Tls::on ? tls.get() : nullptr));
  if (opened->file) socket_files.push_back(std::move(opened->file));
  told.admin_url = settings.admin_url
                       ? settings.admin_url->origin()
                       : concat(door.tls == Tls::on ? "https://" : "http://", door.address.str());
  return ok();
}

/// require_authentication: nobody stays inside who came in while nobody was asked.
void Guard::Core::require_authentication() {
  for (const auto& gate : gates) gate->require_authentication();
  const auto nobody = std::make_shared<const std::vector<Digest>>(1, Digest{});
  for (auto& side : sides) side->cut(nobody, CutReason::revoked);
}

}  // namespace sallyport
