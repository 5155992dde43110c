// SPDX-License-Identifier: Apache-2.0
// Question: do settings come to the doors, names and rules that a careful person would expect, and is what is
// unsafe refused?
#include <gmock/gmock.h>

#include "sallyport/gateway/guard_plan.h"

namespace sallyport {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Settings listening_on(std::initializer_list<std::string_view> addresses) {
  Settings settings;
  for (const auto text : addresses) settings.listen.push_back(*ListenAddress::parse(text));
  return settings;
}

BoundDoor door_at(std::string_view address, Tls tls = Tls::off) {
  return BoundDoor{*SocketAddress::parse(address), tls};
}

GateIdentity identity() {
  GateIdentity who;
  who.session = SessionId("tool");
  who.own_uid = 1000;
  who.local_names = {"box.example", "203.0.113.5", "no host value"};
  return who;
}

GateRules rules_at(const Settings& settings, const BoundDoor& door) {
  auto rules = rules_for(settings, AuthPlan{}, door, identity());
  EXPECT_TRUE(rules.has_value());
  return *std::move(rules);
}

TEST(PlanDoors, SG_07_tls_is_off_on_loopback_and_on_elsewhere_by_default) {
  const auto doors = plan_doors(
      listening_on({"127.0.0.1:7070", "[::1]:7070", "unix:/run/x.sock", "0.0.0.0:7070", "192.0.2.1:443"}));
  ASSERT_TRUE(doors.has_value());
  std::vector<Tls> tls;
  for (const auto& door : *doors) tls.push_back(door.tls);
  EXPECT_THAT(tls, ElementsAre(Tls::off, Tls::off, Tls::off, Tls::on, Tls::on));
}

TEST(PlanDoors, SG_07_an_inherited_socket_counts_as_reached_from_everywhere) {
  const auto doors = plan_doors(listening_on({"fd:3"}));
  ASSERT_TRUE(doors.has_value());
  EXPECT_EQ(doors->front().tls, Tls::on);
  Settings plain = listening_on({"fd:3"});
  plain.tls = TlsMode::off;
  EXPECT_EQ(plan_doors(plain).error().code, Code::permission_denied);
}

TEST(PlanDoors, SG_07_no_tls_or_no_login_towards_the_network_is_refused_unless_insisted) {
  Settings settings = listening_on({"0.0.0.0:7070"});
  settings.tls = TlsMode::off;
  EXPECT_EQ(plan_doors(settings).error().code, Code::permission_denied);
  settings.tls = TlsMode::automatic;
  settings.insecurely_no_auth = Switch::on;
  EXPECT_EQ(plan_doors(settings).error().code, Code::permission_denied);
  settings.insecurely_public = Switch::on;
  EXPECT_TRUE(plan_doors(settings).has_value());
  Settings local = listening_on({"127.0.0.1:7070"});
  local.insecurely_no_auth = Switch::on;
  EXPECT_TRUE(plan_doors(local).has_value());
}

TEST(PlanDoors, AT_04_given_files_mean_tls_and_half_a_pair_is_an_error) {
  Settings settings = listening_on({"127.0.0.1:7070"});
  settings.tls_cert = "/c";
  EXPECT_EQ(plan_doors(settings).error().code, Code::invalid_argument);
  settings.tls_key = "/k";
  EXPECT_EQ(plan_doors(settings)->front().tls, Tls::on);
}

TEST(PlanDoors, AT_04_a_named_source_means_tls_on_loopback_too) {
  Settings settings = listening_on({"127.0.0.1:7070"});
  EXPECT_EQ(plan_doors(settings)->front().tls, Tls::off);
  for (const TlsMode mode : {TlsMode::self_signed, TlsMode::mkcert, TlsMode::tailscale}) {
    settings.tls = mode;
    EXPECT_EQ(plan_doors(settings)->front().tls, Tls::on);
  }
}

TEST(TlsWishOf, AT_04_settings_name_the_sources) {
  Settings settings = listening_on({"0.0.0.0:8443"});
  settings.state_dir = "/state";
  const auto doors = *plan_doors(settings);
  EXPECT_FALSE(tls_wish(settings, doors, {}).only) << "the cascade";
  EXPECT_EQ(tls_wish(settings, doors, {}).dir, "/state/tls");
  EXPECT_TRUE(tls_wish(settings, doors, {}).tailscale.listeners.front().is_unspecified());
  settings.tls = TlsMode::mkcert;
  EXPECT_EQ(tls_wish(settings, doors, {}).only, TlsTier::mkcert);
  settings.tls = TlsMode::automatic;
  settings.tls_cert = "/c";
  EXPECT_EQ(tls_wish(settings, doors, {}).only, TlsTier::given_files);
  settings.public_urls = {*PublicUrl::parse("https://gate.example")};
  EXPECT_EQ(tls_wish(settings, doors, {}).tailscale.hosts, std::vector<std::string>{"gate.example"});
}

TEST(PlanAuth, AT_02_default_is_password_and_token_and_named_methods_are_those_alone) {
  Settings settings;
  auto plan = plan_auth(settings);
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->passwords, AuthPlan::Use::yes);
  EXPECT_EQ(plan->tokens, AuthPlan::Use::yes);
  EXPECT_EQ(plan->authentication, Authentication::required);
  settings.auth = {AuthMethod::token};
  plan = plan_auth(settings);
  EXPECT_EQ(plan->passwords, AuthPlan::Use::no);
  EXPECT_EQ(plan->tokens, AuthPlan::Use::yes);
  EXPECT_EQ(plan->pam, AuthPlan::Pam::no);
  settings.auth = {AuthMethod::pam};
  plan = plan_auth(settings);
  EXPECT_EQ(plan->pam, AuthPlan::Pam::asked);
  EXPECT_EQ(plan->passwords, AuthPlan::Use::no);
  settings.auth = {AuthMethod::password, AuthMethod::mtls};
  EXPECT_EQ(plan_auth(settings).error().code, Code::invalid_argument)
      << "never silently weaker than asked for";
  settings.client_ca = "/ca.pem";
  EXPECT_EQ(plan_auth(settings)->certificates, AuthPlan::Certificates::asked);
  settings.auth = {AuthMethod::mtls};
  EXPECT_EQ(plan_auth(settings)->certificates, AuthPlan::Certificates::required);
  settings.auth = {AuthMethod::automatic};
  EXPECT_EQ(plan_auth(settings)->certificates, AuthPlan::Certificates::asked);
  settings.auth = {AuthMethod::token};
  EXPECT_EQ(plan_auth(settings).error().code, Code::invalid_argument) << "authorities that count for nothing";
  settings.auth = {};
  settings.client_ca.clear();
  settings.client_deny = "/deny";
  EXPECT_EQ(plan_auth(settings).error().code, Code::invalid_argument);
}

TEST(PlanAuth, BY_10_tailscale_is_for_those_who_are_named_and_for_no_proxy) {
  Settings settings;
  EXPECT_EQ(plan_auth(settings)->tailnet, AuthPlan::Use::no);
  settings.auth = {AuthMethod::tailscale};
  EXPECT_EQ(plan_auth(settings).error().code, Code::invalid_argument) << "nobody is named";
  settings.tailscale_users = {*TailnetUser::parse("alice@example.com=alice")};
  EXPECT_EQ(plan_auth(settings)->tailnet, AuthPlan::Use::yes);
  EXPECT_EQ(plan_auth(settings)->passwords, AuthPlan::Use::no);
  settings.auth = {};
  EXPECT_EQ(plan_auth(settings)->tailnet, AuthPlan::Use::yes);
  settings.auth = {AuthMethod::password};
  EXPECT_EQ(plan_auth(settings).error().code, Code::invalid_argument) << "people who would count for nothing";
  settings.auth = {};
  settings.trusted_proxies = {*Cidr::parse("10.0.0.0/8")};
  EXPECT_EQ(plan_auth(settings).error().code, Code::invalid_argument);
  settings.trusted_proxies.clear();
  settings.proxy_protocol = {*Cidr::parse("10.0.0.0/8")};
  EXPECT_EQ(plan_auth(settings).error().code, Code::invalid_argument);
}

TEST(TraitsOf, AT_01_local_trust_is_for_direct_loopback_listeners_only) {
  Settings settings;
  EXPECT_EQ(traits_of(settings, door_at("127.0.0.1:7070")).local_trust, LocalTrust::on);
  EXPECT_EQ(traits_of(settings, door_at("0.0.0.0:7070", Tls::on)).local_trust, LocalTrust::off);
  EXPECT_EQ(traits_of(settings, door_at("192.0.2.1:7070", Tls::on)).local_trust, LocalTrust::off);
  settings.no_local_trust = Switch::on;
  EXPECT_EQ(traits_of(settings, door_at("127.0.0.1:7070")).local_trust, LocalTrust::off);
  settings.no_local_trust = Switch::off;
  settings.public_urls = {*PublicUrl::parse("http://localhost:7070")};
  EXPECT_EQ(traits_of(settings, door_at("127.0.0.1:7070")).fronting, Fronting::direct);
  settings.public_urls.push_back(*PublicUrl::parse("https://tool.example"));
  EXPECT_EQ(traits_of(settings, door_at("127.0.0.1:7070")).fronting, Fronting::proxied)
      << "a tunnel may bring strangers";
  settings.public_urls.clear();
  settings.trusted_proxies = {*Cidr::parse("127.0.0.1")};
  EXPECT_EQ(traits_of(settings, door_at("127.0.0.1:7070")).fronting, Fronting::proxied);
}

TEST(RulesFor, BY_04_loopback_listener_answers_to_loopback_names_with_its_port) {
  const auto rules = rules_at({}, door_at("127.0.0.1:7070"));
  for (const auto* good :
       {"localhost:7070", "127.0.0.1:7070", "[::1]:7070", "tool.localhost:7070", "LOCALHOST:7070"}) {
    EXPECT_TRUE(rules.hosts.allows(good)) << good;
  }
  for (const auto* bad : {"localhost", "localhost:7071", "box.example:7070", "evil.example:7070",
                          "127.0.0.2:7070", "other.localhost:7070", ""}) {
    EXPECT_FALSE(rules.hosts.allows(bad)) << bad;
  }
  EXPECT_EQ(rules.origins.judge("http://localhost:7070"), OriginVerdict::listed);
  EXPECT_NE(rules.origins.judge("https://localhost:7070"), OriginVerdict::listed);
  EXPECT_NE(rules.origins.judge("http://localhost"), OriginVerdict::listed);
}

TEST(RulesFor, BY_04_wildcard_listener_answers_to_the_names_of_this_host) {
  const auto rules = rules_at({}, door_at("0.0.0.0:7070", Tls::on));
  for (const auto* good : {"box.example:7070", "203.0.113.5:7070", "localhost:7070"})
    EXPECT_TRUE(rules.hosts.allows(good)) << good;
  for (const auto* bad : {"0.0.0.0:7070", "evil.example:7070", "no host value:7070"})
    EXPECT_FALSE(rules.hosts.allows(bad)) << bad;
  EXPECT_EQ(rules.origins.judge("https://box.example:7070"), OriginVerdict::listed);
}

TEST(RulesFor, BY_04_public_urls_are_names_too_with_and_without_the_schemes_port) {
  Settings settings;
  settings.public_urls = {*PublicUrl::parse("https://tool.example"),
                          *PublicUrl::parse("https://alt.example:8443")};
  const auto rules = rules_at(settings, door_at("127.0.0.1:7070"));
  for (const auto* good : {"tool.example", "tool.example:443", "alt.example:8443"})
    EXPECT_TRUE(rules.hosts.allows(good)) << good;
  for (const auto* bad : {"alt.example", "tool.example:7070", "tool.example:80", "sub.tool.example"})
    EXPECT_FALSE(rules.hosts.allows(bad)) << bad;
  EXPECT_EQ(rules.origins.judge("https://tool.example"), OriginVerdict::listed);
  EXPECT_NE(rules.origins.judge("http://tool.example"), OriginVerdict::listed);
}

TEST(RulesFor, BY_04_each_name_says_how_a_browser_came_by_it) {
  const PublicPort own{Scheme::http, 7070};
  Settings settings;
  settings.public_urls = {*PublicUrl::parse("https://tool.example"),
                          *PublicUrl::parse("https://alt.example:8443"),
                          *PublicUrl::parse("http://plain.example")};
  const auto behind = rules_at(settings, door_at("127.0.0.1:7070"));
  EXPECT_EQ(behind.hosts.find("localhost:7070"), own);
  EXPECT_EQ(behind.hosts.find("tool.example"), (PublicPort{Scheme::https, 443}));
  EXPECT_EQ(behind.hosts.find("tool.example:443"), (PublicPort{Scheme::https, 443}));
  EXPECT_EQ(behind.hosts.find("alt.example:8443"), (PublicPort{Scheme::https, 8443}));
  EXPECT_EQ(behind.hosts.find("plain.example"), (PublicPort{Scheme::http, 80}));
  const auto tls = rules_at({}, door_at("192.0.2.1:8443", Tls::on));
  EXPECT_EQ(tls.hosts.find("192.0.2.1:8443"), (PublicPort{Scheme::https, 8443}));
  settings.public_urls = {*PublicUrl::parse("https://localhost:7070")};
  EXPECT_EQ(rules_at(settings, door_at("127.0.0.1:7070")).hosts.find("localhost:7070"),
            (PublicPort{Scheme::https, 7070}))
      << "where both lead to one name, the safe one counts";
}

TEST(RulesFor, AT_03_bad_public_paths_are_errors_and_not_ignored) {
  Settings settings;
  for (const auto* bad : {"health", "/a/*/b", "/../x", "/%2e", "/.sallyport/sessions", ""}) {
    settings.public_paths = {bad};
    EXPECT_EQ(rules_for(settings, {}, door_at("127.0.0.1:7070"), identity()).error().code,
              Code::invalid_argument)
        << bad;
  }
}

TEST(RulesFor, open_own_paths_show_nothing_of_anybody) {
  EXPECT_THAT(rules_at({}, door_at("127.0.0.1:7070")).open_own_paths,
              testing::UnorderedElementsAre("/.sallyport/login", "/.sallyport/link", "/.sallyport/style.css",
                                            "/.sallyport/theme.css"));
}

TEST(UrlsOf, are_the_public_ones_or_something_a_browser_can_open) {
  Settings settings;
  const std::vector<std::string> local_names{"box", "127.0.0.1", "2001:db8::5", "203.0.113.5", "203.0.113.6"};
  EXPECT_THAT(urls_of(settings, door_at("127.0.0.1:7070"), local_names),
              ElementsAre("http://127.0.0.1:7070"));
  EXPECT_THAT(urls_of(settings, door_at("[::1]:7070", Tls::on), local_names),
              ElementsAre("https://[::1]:7070"));
  EXPECT_THAT(urls_of(settings, door_at("0.0.0.0:7070", Tls::on), local_names),
              ElementsAre("https://203.0.113.5:7070", "https://localhost:7070"));
  EXPECT_THAT(urls_of(settings, door_at("0.0.0.0:7070", Tls::on), {}), ElementsAre("https://localhost:7070"));
  settings.public_urls = {*PublicUrl::parse("https://tool.example")};
  EXPECT_THAT(urls_of(settings, door_at("0.0.0.0:7070", Tls::on), local_names),
              ElementsAre("https://tool.example"));
}

TEST(CertificateNames, AT_08_hold_loopback_addresses_and_public_names_once_each) {
  Settings settings = listening_on({"192.0.2.1:443", "0.0.0.0:444", "unix:/x"});
  settings.public_urls = {*PublicUrl::parse("https://tool.example"),
                          *PublicUrl::parse("https://[2001:db8::1]:8443")};
  const auto names = certificate_names(settings, *plan_doors(settings), {"box.example"});
  EXPECT_THAT(names, testing::UnorderedElementsAre("localhost", "127.0.0.1", "::1", "192.0.2.1",
                                                   "box.example", "tool.example", "2001:db8::1"));
}

TEST(SessionIdFrom, is_always_a_dns_label) {
  for (const auto& [command, id] : std::initializer_list<std::pair<std::string, std::string>>{
           {"python3.11", "python3-11"},
           {"/usr/bin/code-server", "code-server"},
           {"./Run Me!.sh", "run-me-sh"},
           {"___", "tool"},
           {"", "tool"},
           {"/", "tool"},
           {"\xc3\xa4", "tool"},
           {"-a-", "a"},
           {std::string(200, 'a'), std::string(63, 'a')},
           {std::string(62, 'a') + "-b", std::string(62, 'a')}}) {
    EXPECT_EQ(session_id_from({command}), id) << command;
  }
}

TEST(SessionIdFrom, tells_what_an_interpreter_runs) {
  EXPECT_EQ(session_id_from({"python3", "-m", "http.server", "{port}"}), "http-server");
  EXPECT_EQ(session_id_from({"/usr/bin/python3.11", "-u", "/opt/whoami_tool.py", "--port={port}"}),
            "whoami-tool");
  EXPECT_EQ(session_id_from({"npx", "opencode-ai", "serve"}), "opencode-ai");
  EXPECT_EQ(session_id_from({"env", "A=1", "node", "x.js"}), "node");
  EXPECT_EQ(session_id_from({"python3"}), "python3");
  EXPECT_EQ(session_id_from({"sh", "-c", "exec something; else"}), "sh")
      << "a whole line of shell is no name";
}

TEST(Explain, says_who_is_let_in_and_warns_where_everybody_is) {
  Settings settings;
  const auto plan = plan_auth(settings);
  EXPECT_THAT(explain(settings, *plan, {door_at("127.0.0.1:7070")}),
              Contains(HasSubstr("you on this machine")));
  EXPECT_THAT(explain(settings, *plan, {door_at("0.0.0.0:7070", Tls::on)}),
              Not(Contains(HasSubstr("you on this machine"))));
  settings.public_paths = {"/health"};
  EXPECT_THAT(explain(settings, *plan, {}), Contains(HasSubstr("anybody")));
  settings.insecurely_no_auth = Switch::on;
  EXPECT_THAT(explain(settings, *plan_auth(settings), {}), ElementsAre(HasSubstr("--insecurely-no-auth")));
}

}  // namespace
}  // namespace sallyport
