// SPDX-License-Identifier: Apache-2.0
// Guard::Core, the opening: credentials, certificate, listeners, session.
#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>

#include "sallyport/base/text.h"
#include "sallyport/config/secrets.h"
#include "sallyport/credential/kept_secret.h"
#include "sallyport/gateway/internal/guard_core.h"
#include "sallyport/gateway/proven_dialer.h"
#include "sallyport/net/dialer.h"
#include "sallyport/session/recipe.h"

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

std::size_t loops_wanted(const Settings& settings) {
  if (settings.threads > 0) return settings.threads;
  const auto cores = std::thread::hardware_concurrency();
  return cores == 0 ? 1 : cores;
}

/// SettingsEnvironment lets resolve_secret see the variables of the powers.
class LookupEnvironment final : public Environment {
 public:
  explicit LookupEnvironment(const VariableLookup& lookup) : lookup_(lookup) {}
  [[nodiscard]] std::optional<std::string> get(std::string_view name) const override {
    const auto value = lookup_(name);
    return value ? std::optional<std::string>(std::string(*value)) : std::nullopt;
  }
  [[nodiscard]] std::vector<std::string> names(std::string_view) const override { return {}; }

 private:
  const VariableLookup& lookup_;
};

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
      pool(std::make_unique<BlockingPool>()) {
  Principal self;
  self.id = settings.user;
  self.provider = "owner";
  owner = std::make_shared<const Principal>(std::move(self));
  store.subscribe([this](const Grant& grant, Removal) {
    const std::lock_guard lock(ended_mutex);
    ended.push_back(grant.digest);
    if (std::exchange(cut_posted, true) || sides.empty()) return;
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
  if (auth.passwords == AuthPlan::Use::yes) SALLYPORT_CHECK(open_password_book());
  if (auth.tokens == AuthPlan::Use::yes) SALLYPORT_CHECK(open_access_token());
  login_service = std::make_unique<LoginService>(LoginService::Parts{
      passwords.get(), logins, links, powers.entropy, powers.audit, powers.fingerprinter});
  return ok();
}

Status Guard::Core::open_password_book() {
  PasswordOptions options;
  options.generated_file = settings.state_dir + "/password";
  options.owner = settings.user;
  SecretText given;
  if (settings.password.ref.kind == SecretRef::Kind::file) {
    options.file = settings.password.ref.where;
  } else if (settings.password.is_set()) {
    const LookupEnvironment environment(powers.variables);
    SALLYPORT_TRY(text, resolve_secret(settings.password, powers.files, environment));
    given = std::move(text);
  }
  const VariableLookup lookup = [&given](std::string_view name) -> std::optional<std::string_view> {
    if (name == kPasswordVariable && !given.empty()) return given.expose();
    return std::nullopt;
  };
  SALLYPORT_TRY(book, PasswordBook::open(powers.files, powers.entropy, lookup, options));
  passwords = std::move(book);
  told.password_place = passwords->path().empty() ? "the environment" : passwords->path();
  return ok();
}

Status Guard::Core::open_access_token() {
  std::string path = settings.state_dir + "/token";
  if (settings.token.ref.kind == SecretRef::Kind::file) {
    path = settings.token.ref.where;
  } else if (settings.token.is_set()) {
    const LookupEnvironment environment(powers.variables);
    SALLYPORT_TRY(text, resolve_secret(settings.token, powers.files, environment));
    const auto presented = read_token(text.expose());
    if (!presented || presented->kind != CredentialKind::access_token) {
      return fail(Code::invalid_argument,
                  "--token holds no access token (spa_...); make one by leaving the option out once");
    }
    Grant grant;
    grant.kind = CredentialKind::access_token;
    grant.digest = presented->digest;
    grant.principal = owner;
    grant.issued = powers.monotonic.now();
    grant.expires = kNever;
    return store.put(std::move(grant));
  } else {
    const auto kept = ensure_access_token(powers.files, powers.entropy, path);
    if (!kept) return kept.error();
  }
  access_token = std::make_unique<AccessTokenFile>(powers.files, store, path, owner);
  SALLYPORT_CHECK(access_token->refresh(powers.monotonic.now()));
  told.token_file = path;
  return ok();
}

Result<ServerIdentity> Guard::Core::current_identity() {
  if (!settings.tls_cert.empty()) {
    SALLYPORT_TRY(chain, powers.files.read_text(settings.tls_cert, FilePrivacy::any));
    SALLYPORT_TRY(key, powers.files.read_secret(settings.tls_key, FilePrivacy::owner_only));
    const auto both = SecretText::filled_by(chain.size() + 1 + key.size(), [&](std::span<char> out) {
      auto at = std::copy(chain.begin(), chain.end(), out.begin());
      *at++ = '\n';
      std::copy(key.expose().begin(), key.expose().end(), at);
    });
    return read_identity(both.expose()).transform_error([this](Error error) {
      error.what = concat(settings.tls_cert, " and ", settings.tls_key, ": ", error.what);
      return error;
    });
  }
  std::vector<SubjectName> names;
  for (const auto& text : certificate_names(settings, door_plans, powers.local_names)) {
    if (const auto name = SubjectName::parse(text)) names.push_back(*name);
  }
  names.resize(std::min(names.size(), kSubjectNamesMax), names.front());
  return ensure_local_identity(powers.files, powers.entropy, settings.state_dir + "/tls", names,
                               powers.clock.now());
}

Status Guard::Core::open_tls() {
  told.tls_source = "off";
  const bool wanted = std::any_of(door_plans.begin(), door_plans.end(),
                                  [](const DoorPlan& door) { return door.tls == Tls::on; });
  if (!wanted) return ok();
  SALLYPORT_TRY(identity, current_identity());
  SALLYPORT_TRY(usable, TlsIdentity::from_pem(identity.chain_pem, identity.key_pem));
  SALLYPORT_TRY(server, TlsServer::make(powers.monotonic, powers.entropy, std::move(usable)));
  tls = std::move(server);
  identity_not_after = identity.not_after;
  told.tls_source = settings.tls_cert.empty() ? "local authority" : "given files";
  told.certificate_fingerprint = identity.fingerprint;
  if (!identity.authority_pem.empty()) told.authority_file = settings.state_dir + "/tls/authority.crt";
  return ok();
}

/// lock_name holds a lock file for the life of the process, so that two guards never share a run directory.
Status Guard::Core::lock_name(const std::string& name) {
  const std::string path = concat(run_directory(), '/', name, ".lock");
  Descriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return fail(Code::unavailable, concat("cannot open ", path));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail(Code::already_exists,
                concat("a session named ", name, " is running already; choose another name with --name"));
  }
  name_lock = std::move(fd);
  return ok();
}

Status Guard::Core::settle_name(const std::vector<std::string>& command) {
  if (!settings.name.empty()) {
    if (!is_session_id(settings.name)) {
      return fail(
          Code::invalid_argument,
          "--name is 1 to 63 of a-z, 0-9 and -, with no - at either end, since it becomes a host name");
    }
    session = SessionId(settings.name);
    return lock_name(settings.name);
  }
  const std::string base = session_id_from(command);
  for (int number = 1; number <= kDerivedNamesMax; ++number) {
    const std::string name = number == 1 ? base : concat(std::string_view(base).substr(0, 58), '-', number);
    auto locked = lock_name(name);
    if (locked) {
      session = SessionId(name);
      return ok();
    }
    if (locked.error().code != Code::already_exists) return locked;
  }
  return fail(Code::exhausted, concat("too many sessions named ", base, "; choose a name with --name"));
}

Status Guard::Core::open_doors(const std::vector<std::string>& command) {
  SALLYPORT_CHECK(settle_name(command));
  ServerLimits limits;
  limits.connections_max = limiter.limits().total_max;
  const LoopSide::Powers side_powers{powers.monotonic, powers.clock, powers.entropy, limiter, limits};
  auto dialer = [](Loop& loop) -> std::unique_ptr<Dialer> {
    return std::make_unique<ProvenDialer>(std::make_unique<SocketDialer>(loop));
  };
  for (std::size_t i = loops_wanted(settings); i > 0; --i) {
    sides.push_back(std::make_unique<LoopSide>(side_powers, dialer));
    auto& proven = static_cast<ProvenDialer&>(sides.back()->dialer());
    sides.back()->on_ready([&proven](const SessionView& view) { proven.expect(view.pid); });
  }
  PageFrame frame;
  frame.name = session.str();
  std::string theme;
  if (!settings.theme.empty()) {
    SALLYPORT_TRY(sheet, powers.files.read_text(settings.theme, FilePrivacy::any));
    theme = std::move(sheet);
    frame.theme = PageFrame::Theme::linked;
  }
  own_pages = std::make_unique<OwnPages>(OwnPages::Parts{*login_service, tickets, *pool, powers.monotonic,
                                                         powers.clock, frame, theme,
                                                         LoginPage::UserField::hidden, session});
  const GateIdentity who{session, owner, powers.local_names, powers.own_uid};
  for (const auto& plan : door_plans) SALLYPORT_CHECK(open_door_of(plan, who));
  SALLYPORT_CHECK(open_admin_door());
  told.session = session;
  told.admission = explain(settings, auth, bound);
  return mint_login_link();
}

Status Guard::Core::open_door_of(const DoorPlan& plan, const GateIdentity& who) {
  auto opened = plan.listen.is_inherited() ? inherit_door(plan.listen.descriptor, sides.size())
                                           : open_door(plan.listen.address, sides.size());
  if (!opened) return std::move(opened).error();
  BoundDoor door{opened->address, plan.tls};
  if (plan.listen.is_inherited()) {
    const bool by_itself = settings.tls == TlsMode::automatic && settings.tls_cert.empty();
    if (by_itself && reach_of(door.address) != Reach::network) door.tls = Tls::off;
    // What an inherited socket listens on is known only now: hold the same rule again, on the real address.
    const bool off = auth.authentication == Authentication::off;
    SALLYPORT_CHECK(judge_listener(
        ListenerPlan{door.address, door.tls}, off ? Authentication::off : Authentication::required,
        settings.insecurely_public == Switch::on ? PublicExposure::insecurely_allowed
                                                 : PublicExposure::refused));
  }
  SALLYPORT_TRY(rules, rules_for(settings, auth, door, who));
  gates.push_back(
      std::make_unique<Gate>(std::move(rules), GateParts{store, tickets, powers.monotonic, powers.audit}));
  const ListenerTraits traits = traits_of(settings, door);
  auto demand = [this] { (void)supervisor->when_ready(session, [](const auto&) {}); };
  ForwardTimeouts timeouts;
  timeouts.response = settings.response_timeout;
  for (std::size_t i = 0; i < sides.size(); ++i) {
    auto handler = std::make_unique<GuardHandler>(
        GuardHandler::Parts{*gates.back(), *own_pages, sides[i]->route(), sides[i]->forwarder(), powers.audit,
                            traits, session, demand, &traffic, timeouts});
    SALLYPORT_CHECK(sides[i]->serve(std::move(opened->sockets[i]), door.address, std::move(handler),
                                    door.tls == Tls::on ? tls.get() : nullptr));
  }
  if (opened->file) socket_files.push_back(std::move(opened->file));
  for (auto& url : urls_of(settings, door, powers.local_names)) {
    if (std::find(told.urls.begin(), told.urls.end(), url) == told.urls.end())
      told.urls.push_back(std::move(url));
  }
  bound.push_back(door);
  return ok();
}

Status Guard::Core::open_admin_door() {
  std::string path = settings.state_dir + "/admin.sock";
  auto opened = open_door(SocketAddress::unix_path(path), 1);
  if (!opened && opened.error().code == Code::already_exists) {
    path = concat(run_directory(), '/', session.view(),
                  ".sock");  // another guard of this user has the first one
    opened = open_door(SocketAddress::unix_path(path), 1);
  }
  if (!opened) return std::move(opened).error();
  GateRules rules{HostList(80)};
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
  auto report_now = [this] { return report(); };
  auto url = [this](const SessionId&) { return told.urls.empty() ? std::string() : told.urls.front(); };
  // The supervisor is made after this; requests come only once the loops run.
  supervisor = std::make_unique<Supervisor>(
      powers.monotonic, powers.clock, powers.files,
      SupervisorOptions{settings.state_dir, "/proc/self/exe", powers.parent_environment},
      static_cast<SessionObserver&>(*this));
  auto handler = std::make_unique<AdminApi>(AdminApi::Parts{
      *gates.back(), traits, *supervisor, session_tokens, links, tickets, powers.entropy, powers.monotonic,
      powers.clock, powers.fingerprinter, powers.audit, owner, report_now, url});
  SALLYPORT_CHECK(
      sides.front()->serve(std::move(opened->sockets.front()), opened->address, std::move(handler), nullptr));
  socket_files.push_back(std::move(opened->file));
  told.admin_socket = path;
  return ok();
}

Status Guard::Core::mint_login_link() {
  SALLYPORT_TRY(minted, links.mint(owner, kLoginLinkLife, powers.monotonic.now()));
  const std::string place = concat(told.urls.front(), kLinkPrefix);
  told.login_link = SecretText::filled_by(place.size() + minted.text.size(), [&](std::span<char> out) {
    const auto token = minted.text.expose();
    std::copy(token.begin(), token.end(), std::copy(place.begin(), place.end(), out.begin()));
  });
  told.login_link_life = kLoginLinkLife;
  return ok();
}

Status Guard::Core::open_session(std::vector<std::string> command) {
  SessionSpec spec;
  spec.id = session;
  if (!settings.preset.empty()) {
    spec.preset = find_preset(settings.preset);
    if (spec.preset == nullptr) {
      return fail(Code::invalid_argument, concat("there is no preset \"", escaped(settings.preset),
                                                 "\"; see: sallyport run --preset list"));
    }
  } else if (const Preset* known = preset_for(command.front())) {
    if (known->name != "generic") {
      told.warnings.push_back(
          concat("sallyport knows this tool: --preset ", known->name, " gives it a credential of its own"));
    }
  }
  if (settings.sandbox != SandboxLevel::none) {
    return fail(Code::invalid_argument, "--sandbox is not in this version yet; leave it out");
  }
  spec.command = std::move(command);
  for (const auto& [name, value] : settings.env) spec.environment.push_back(concat(name, '=', value));
  spec.pass_environment = settings.pass_env;
  spec.ready_path = settings.ready == "/" ? std::string() : settings.ready;
  spec.credential = mint(CredentialKind::backend_credential, powers.entropy).text;
  // The tool may ask the gate about itself where it can reach it without leaving this machine, and nothing
  // else.
  for (std::size_t i = 0; i < bound.size() && spec.internal.empty(); ++i) {
    if (reach_of(bound[i].address) != Reach::this_machine) continue;
    SALLYPORT_TRY(minted, internals.mint_for(session, {"/.sallyport/auth/status"}, powers.monotonic.now()));
    spec.internal = std::move(minted.text);
    spec.gate_url = urls_of(settings, bound[i], powers.local_names).front();
  }
  spec.life.restart = static_cast<RestartPolicy>(settings.restart);
  spec.life.start = settings.on_demand == Switch::on ? StartMode::on_demand : StartMode::at_once;
  spec.life.ready_timeout = settings.ready_timeout;
  spec.life.idle_timeout = settings.idle_timeout;
  return supervisor->create(std::move(spec));
}

void Guard::Core::run_loops() {
  for (auto& side : sides) threads.emplace_back([loops = side.get()] { loops->run(); });
}

}  // namespace sallyport
