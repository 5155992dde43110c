// SPDX-License-Identifier: Apache-2.0
#include "sallyport/gateway/guard_plan.h"

#include <algorithm>

#include "sallyport/base/text.h"
#include "sallyport/pki/names.h"

namespace sallyport {
namespace {

constexpr std::size_t kSessionIdMax = 63;

bool names(const std::vector<AuthMethod>& methods, AuthMethod method) {
  return std::find(methods.begin(), methods.end(), method) != methods.end();
}

bool wants(const std::vector<AuthMethod>& methods, AuthMethod method) {
  return methods.empty() || names(methods, method) || names(methods, AuthMethod::automatic);
}

bool wants_certificates(const Settings& settings) {
  return !settings.client_ca.empty() && wants(settings.auth, AuthMethod::mtls);
}

bool wants_tailnet(const Settings& settings) {
  return !settings.tailscale_users.empty() && wants(settings.auth, AuthMethod::tailscale);
}

/// judge_tailnet: who is asked for is at the other end of the connection, so nothing may stand between.
Status judge_tailnet(const Settings& settings) {
  const bool named = names(settings.auth, AuthMethod::tailscale);
  if (named && settings.tailscale_users.empty())
    return fail(Code::invalid_argument,
                "--auth tailscale needs --tailscale-user LOGIN, once for each who may sign in");
  if (settings.tailscale_users.empty()) return ok();
  if (!wants(settings.auth, AuthMethod::tailscale))
    return fail(Code::invalid_argument,
                "--tailscale-user is given, and --auth does not name tailscale: add --auth tailscale");
  if (!settings.trusted_proxies.empty() || !settings.proxy_protocol.empty())
    return fail(Code::invalid_argument,
                "behind a proxy Tailscale's daemon would be asked about the proxy: drop --tailscale-user, or "
                "--trusted-proxy and --proxy-protocol");
  return ok();
}

/// asks_for_tls: a source is named, or client certificates, so that loopback listeners speak TLS too.
bool asks_for_tls(const Settings& settings) {
  if (settings.tls == TlsMode::automatic && wants_certificates(settings)) return true;
  return (settings.tls != TlsMode::automatic && settings.tls != TlsMode::off) || !settings.tls_cert.empty();
}

Reach reach_of_listener(const ListenAddress& listen) {
  return listen.is_inherited() ? Reach::network : reach_of(listen.address);
}

bool is_loopback_url(const PublicUrl& url) { return is_loopback_host(url.authority(), url.port, url.port); }

/// is_fronted: names of our own were given that are not this machine's loopback, so something may bring
/// strangers in from there: a tunnel, a proxy, a port forwarding.
bool is_fronted(const Settings& settings) {
  return !settings.trusted_proxies.empty() || !settings.proxy_protocol.empty() ||
         std::any_of(settings.public_urls.begin(), settings.public_urls.end(),
                     [](const PublicUrl& url) { return !is_loopback_url(url); });
}

Status add_name(GateRules& rules, Scheme scheme, const std::string& host, std::uint16_t port) {
  SALLYPORT_TRY(parsed, HostPort::parse(concat(host, ':', port)));
  rules.hosts.add(parsed, scheme);
  rules.origins.add(Origin::of(name_of(scheme), parsed));
  return ok();
}

/// add_name of a public URL: behind a proxy that ends TLS, Host has no port, or the public one, whatever port
/// we listen on.
Status add_name(GateRules& rules, const PublicUrl& url) {
  const bool https = url.scheme == PublicUrl::Scheme::https;
  return add_name(rules, https ? Scheme::https : Scheme::http, url.host, url.port);
}

Scheme scheme_of(const BoundDoor& door) { return door.tls == Tls::on ? Scheme::https : Scheme::http; }

std::uint16_t port_of(const BoundDoor& door) {
  return door.address.is_unix() ? default_port_of(scheme_of(door)) : door.address.port;
}

std::string bracketed(const IpAddress& ip) { return ip.is_v4() ? ip.str() : concat('[', ip.str(), ']'); }

std::string_view base_name(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

bool is_interpreter(std::string_view program) {
  constexpr std::string_view kInterpreters[] = {"python", "node", "ruby", "perl", "php",
                                                "java",   "deno", "bun",  "npx",  "uvx",
                                                "sh",     "bash", "env",  "nice", "taskset"};
  while (!program.empty() && (program.back() == '.' || (program.back() >= '0' && program.back() <= '9'))) {
    program.remove_suffix(1);
  }
  return std::find(std::begin(kInterpreters), std::end(kInterpreters), program) != std::end(kInterpreters);
}

/// telling_word is the word of a command that says what it is.
std::string_view telling_word(const std::vector<std::string>& command) {
  const std::string_view program = base_name(command.front());
  if (!is_interpreter(program)) return program;
  for (std::size_t i = 1; i < command.size(); ++i) {
    std::string_view word = command[i];
    const bool is_name = !word.starts_with('-') && word.find_first_of(" {=;") == std::string_view::npos &&
                         word.find_first_not_of("0123456789,") != std::string_view::npos;
    if (!is_name) continue;
    word = base_name(word);
    for (const std::string_view ending : {".py", ".js", ".mjs", ".rb", ".pl", ".sh", ".jar"}) {
      if (word.ends_with(ending) && word.size() > ending.size()) word.remove_suffix(ending.size());
    }
    return word;
  }
  return program;
}

/// own_names are the names under which a bound address is reached without any configuration.
std::vector<std::string> own_names(const BoundDoor& door, const GateIdentity& who) {
  std::vector<std::string> names;
  const bool wildcard = !door.address.is_unix() && door.address.ip.is_unspecified();
  if (door.address.is_unix() || wildcard || door.address.ip.is_loopback()) {
    names = {"localhost", "127.0.0.1", "[::1]", concat(who.session.view(), ".localhost")};
  }
  if (!door.address.is_unix() && !wildcard) names.push_back(bracketed(door.address.ip));
  if (wildcard) names.insert(names.end(), who.local_names.begin(), who.local_names.end());
  if (door.tls == Tls::on) names.insert(names.end(), who.tailnet_names.begin(), who.tailnet_names.end());
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace

Result<std::vector<DoorPlan>> plan_doors(const Settings& settings) {
  if (settings.metrics && !settings.metrics->is_inherited())
    SALLYPORT_CHECK(judge_metrics_address(settings.metrics->address));
  if (settings.tls_cert.empty() != settings.tls_key.empty()) {
    return fail(Code::invalid_argument, "--tls-cert and --tls-key belong together; give both");
  }
  std::vector<DoorPlan> doors;
  std::vector<ListenerPlan> judged;
  for (const auto& listen : settings.listen) {
    DoorPlan door{listen, Tls::off};
    const bool asked = asks_for_tls(settings);
    const bool needed = settings.tls == TlsMode::automatic && reach_of_listener(listen) == Reach::network;
    if (settings.tls != TlsMode::off && (asked || needed)) door.tls = Tls::on;
    if (listen.address.is_unix() && !listen.is_inherited() && settings.tls == TlsMode::automatic)
      door.tls = Tls::off;
    const auto address = listen.is_inherited() ? SocketAddress::tcp(IpAddress(), 0) : listen.address;
    judged.push_back(ListenerPlan{address, door.tls});
    doors.push_back(std::move(door));
  }
  const bool plain = std::ranges::none_of(doors, [](const DoorPlan& door) { return door.tls == Tls::on; });
  if (wants_certificates(settings) && plain)
    return fail(
        Code::invalid_argument,
        "client certificates are shown in TLS, and no listener speaks it: drop --tls off, or listen on "
        "an address");
  const auto authentication =
      settings.insecurely_no_auth == Switch::on ? Authentication::off : Authentication::required;
  const auto exposure =
      settings.insecurely_public == Switch::on ? PublicExposure::insecurely_allowed : PublicExposure::refused;
  SALLYPORT_CHECK(judge_listeners(judged, authentication, exposure));
  return doors;
}

Result<AuthPlan> plan_auth(const Settings& settings) {
  const bool named = names(settings.auth, AuthMethod::mtls);
  if (named && settings.client_ca.empty())
    return fail(Code::invalid_argument,
                "--auth mtls needs --client-ca FILE, the authorities whose certificates let in");
  if (!settings.client_ca.empty() && !wants(settings.auth, AuthMethod::mtls))
    return fail(Code::invalid_argument,
                "--client-ca is given, and --auth does not name mtls: add --auth mtls");
  if (settings.client_ca.empty() &&
      !(settings.client_crl.empty() && settings.client_deny.empty() && settings.client_users.empty()))
    return fail(Code::invalid_argument,
                "--client-crl, --client-deny and --client-user belong to --client-ca");
  SALLYPORT_CHECK(judge_tailnet(settings));
  AuthPlan plan;
  if (wants_tailnet(settings)) plan.tailnet = AuthPlan::Use::yes;
  if (wants(settings.auth, AuthMethod::password)) plan.passwords = AuthPlan::Use::yes;
  if (names(settings.auth, AuthMethod::pam))
    plan.pam = AuthPlan::Pam::asked;
  else if (wants(settings.auth, AuthMethod::pam))
    plan.pam = AuthPlan::Pam::where_there;
  if (wants_certificates(settings)) {
    const bool alone = std::ranges::all_of(settings.auth, [](AuthMethod m) { return m == AuthMethod::mtls; });
    plan.certificates = named && alone ? AuthPlan::Certificates::required : AuthPlan::Certificates::asked;
  }
  if (wants(settings.auth, AuthMethod::token)) plan.tokens = AuthPlan::Use::yes;
  if (settings.insecurely_no_auth == Switch::on) plan.authentication = Authentication::off;
  return plan;
}

ListenerTraits traits_of(const Settings& settings, const BoundDoor& door) {
  ListenerTraits traits;
  traits.reach = reach_of(door.address);
  traits.port = door.address.is_unix() ? std::uint16_t{0} : door.address.port;
  traits.fronting = is_fronted(settings) ? Fronting::proxied : Fronting::direct;
  const bool local = traits.reach != Reach::network && settings.no_local_trust == Switch::off;
  traits.local_trust = local ? LocalTrust::on : LocalTrust::off;
  return traits;
}

Result<GateRules> rules_for(const Settings& settings, const AuthPlan& auth, const BoundDoor& door,
                            const GateIdentity& who) {
  GateRules rules{HostList(scheme_of(door))};
  for (const auto& name : own_names(door, who)) {
    // A name of this host that is no Host value (a hostname with '_') is simply not one of ours.
    (void)add_name(rules, scheme_of(door), name, port_of(door));
  }
  for (const auto& url : settings.public_urls) SALLYPORT_CHECK(add_name(rules, url));
  rules.networks.allow = settings.allow;
  rules.networks.deny = settings.deny;
  rules.networks.peer_uids = settings.peer_uids;
  rules.networks.peer_gids = settings.peer_gids;
  rules.trusted_proxies = settings.trusted_proxies;
  for (const auto& text : settings.public_paths) {
    SALLYPORT_TRY(rule, PathRule::parse(text));
    rules.public_paths.push_back(std::move(rule));
  }
  rules.open_own_paths.emplace_back("/.sallyport/theme.css");
  if (wants_certificates(settings) && door.tls == Tls::on)
    rules.presentations.insert(rules.presentations.begin() + 1, Presentation::client_certificate);
  rules.authentication = auth.authentication;
  rules.local_principal = who.owner;
  rules.own_uid = who.own_uid;
  return rules;
}

Result<GateRules> admin_rules_for(const Settings& settings, const BoundDoor& door, const GateIdentity& who) {
  GateRules rules{HostList(scheme_of(door))};
  for (const auto& name : own_names(door, who)) (void)add_name(rules, scheme_of(door), name, port_of(door));
  if (settings.admin_url) SALLYPORT_CHECK(add_name(rules, *settings.admin_url));
  rules.networks.allow = settings.allow;
  rules.networks.deny = settings.deny;
  rules.trusted_proxies = settings.trusted_proxies;
  rules.presentations = {Presentation::explicit_token, Presentation::login_cookie};
  if (wants_certificates(settings) && door.tls == Tls::on)
    rules.presentations.insert(rules.presentations.begin() + 1, Presentation::client_certificate);
  rules.own_uid = who.own_uid;
  return rules;
}

Status judge_metrics_address(const SocketAddress& address) {
  if (reach_of(address) != Reach::network) return ok();
  return fail(
      Code::permission_denied,
      concat("refusing to serve metrics on ", address.str(),
             ", which the network can reach, without a login: use a loopback address or unix:PATH, or "
             "read /metrics of --admin with an admin's access token"));
}

Result<GateRules> metrics_rules_for(const BoundDoor& door, const GateIdentity& who) {
  GateRules rules{HostList(Scheme::http)};
  for (const auto& name : own_names(door, who)) (void)add_name(rules, Scheme::http, name, port_of(door));
  SALLYPORT_TRY(page, PathRule::parse("/metrics"));
  rules.public_paths.push_back(std::move(page));
  rules.open_own_paths.clear();
  rules.presentations.clear();
  rules.own_uid = who.own_uid;
  return rules;
}

std::vector<std::string> urls_of(const Settings& settings, const BoundDoor& door,
                                 const std::vector<std::string>& local_names) {
  std::vector<std::string> urls;
  for (const auto& url : settings.public_urls) urls.push_back(url.origin());
  if (!urls.empty()) return urls;
  if (door.address.is_unix()) return {door.address.str()};
  auto add = [&](std::string_view host) {
    urls.push_back(concat(door.tls == Tls::on ? "https://" : "http://", host, ':', door.address.port));
  };
  if (!door.address.ip.is_unspecified()) {
    add(bracketed(door.address.ip));
    return urls;
  }
  for (const auto& name : local_names) {
    const auto ip = IpAddress::parse(name);
    if (urls.empty() && ip && ip->is_v4() && !ip->is_loopback()) add(name);
  }
  add("localhost");
  return urls;
}

TlsWish tls_wish(const Settings& settings, const std::vector<DoorPlan>& doors,
                 const std::vector<std::string>& local_names) {
  TlsWish wish;
  if (!settings.tls_cert.empty()) wish.only = TlsTier::given_files;
  if (settings.tls == TlsMode::tailscale) wish.only = TlsTier::tailscale;
  if (settings.tls == TlsMode::mkcert) wish.only = TlsTier::mkcert;
  if (settings.tls == TlsMode::self_signed) wish.only = TlsTier::local_authority;
  wish.certificate_file = settings.tls_cert;
  wish.key_file = settings.tls_key;
  wish.dir = settings.state_dir + "/tls";
  wish.tailscale_socket = settings.tailscale_socket;
  for (const auto& text : certificate_names(settings, doors, local_names)) {
    if (const auto name = SubjectName::parse(text)) wish.names.push_back(*name);
  }
  wish.names.resize(std::min(wish.names.size(), kSubjectNamesMax), wish.names.front());
  for (const auto& door : doors) {
    if (door.tls == Tls::off || door.listen.address.is_unix()) continue;
    wish.tailscale.listeners.push_back(door.listen.is_inherited() ? IpAddress() : door.listen.address.ip);
  }
  for (const auto& url : settings.public_urls) wish.tailscale.hosts.push_back(url.host);
  return wish;
}

std::string why_no_tls(const Settings& settings) {
  if (settings.tls == TlsMode::off) return "--tls off";
  return "no listener is within the network's reach; --tls self-signed, mkcert or tailscale asks for one";
}

std::vector<std::string> certificate_names(const Settings& settings, const std::vector<DoorPlan>& doors,
                                           const std::vector<std::string>& local_names) {
  std::vector<std::string> names{"localhost", "127.0.0.1", "::1"};
  for (const auto& door : doors) {
    const bool has_ip = !door.listen.is_inherited() && !door.listen.address.is_unix();
    if (has_ip && !door.listen.address.ip.is_unspecified()) names.push_back(door.listen.address.ip.str());
    if (!has_ip || door.listen.address.ip.is_unspecified())
      names.insert(names.end(), local_names.begin(), local_names.end());
  }
  for (const auto& url : settings.public_urls) {
    const bool in_brackets = url.host.starts_with('[');
    names.push_back(in_brackets ? url.host.substr(1, url.host.size() - 2) : url.host);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::string session_id_from(const std::vector<std::string>& command) {
  const std::string_view telling = telling_word(command);
  std::string id;
  for (const char raw : telling) {
    const char c = ascii_lower(raw);
    const bool fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (fits) {
      id.push_back(c);
    } else if (!id.empty() && id.back() != '-') {
      id.push_back('-');
    }
  }
  id.resize(std::min(id.size(), kSessionIdMax));
  while (!id.empty() && id.back() == '-') id.pop_back();
  return id.empty() ? "tool" : id;
}

std::vector<std::string> explain(const Settings& settings, const AuthPlan& auth,
                                 const std::vector<BoundDoor>& doors) {
  if (auth.authentication == Authentication::off)
    return {"everybody, without a login (--insecurely-no-auth)"};
  std::vector<std::string> sentences;
  const bool local = std::any_of(doors.begin(), doors.end(), [&](const BoundDoor& door) {
    const auto traits = traits_of(settings, door);
    return traits.local_trust == LocalTrust::on && traits.fronting == Fronting::direct;
  });
  if (local) sentences.emplace_back("you on this machine, without a login");
  if (auth.passwords == AuthPlan::Use::yes) sentences.emplace_back("who has the password");
  if (auth.pam == AuthPlan::Pam::asked) sentences.emplace_back("listed accounts of this machine, by PAM");
  if (auth.certificates != AuthPlan::Certificates::no)
    sentences.emplace_back(concat("who has a client certificate of ", settings.client_ca,
                                  auth.certificates == AuthPlan::Certificates::required
                                      ? ", without which no connection is made"
                                      : ""));
  if (auth.tailnet == AuthPlan::Use::yes)
    sentences.emplace_back("listed people of the tailnet, who sign in by the word of Tailscale");
  if (auth.tokens == AuthPlan::Use::yes) sentences.emplace_back("programs with the access token");
  sentences.emplace_back("who opens a one-time link");
  if (!settings.public_paths.empty()) sentences.emplace_back("anybody, on the public paths");
  return sentences;
}

}  // namespace sallyport
