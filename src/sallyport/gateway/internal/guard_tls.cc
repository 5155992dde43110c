// SPDX-License-Identifier: Apache-2.0
// Guard::Core: the certificate, from its source to its renewal.
#include <algorithm>

#include "sallyport/base/text.h"
#include "sallyport/gateway/internal/guard_core.h"
#include "sallyport/tls/tailscale_api.h"

namespace sallyport {
namespace {

constexpr Duration kTailnetNamePatience = std::chrono::seconds(2);

}  // namespace

/// serve_identity: a client that comes again starts anew, and sees the new certificate.
Status Guard::Core::serve_identity(const ServerIdentity& identity) {
  SALLYPORT_TRY(usable, TlsIdentity::from_pem(identity.chain_pem, identity.key_pem));
  if (tls == nullptr) {
    ClientDemand demand;
    if (clients) {
      demand.kind = auth.certificates == AuthPlan::Certificates::required ? ClientDemand::Kind::required
                                                                          : ClientDemand::Kind::asked;
      demand.judge = clients.get();
      demand.authorities_pem = clients->authorities_pem();
    }
    SALLYPORT_TRY(server, TlsServer::make(powers.monotonic, powers.entropy, std::move(usable), demand));
    tls = std::move(server);
    return ok();
  }
  tls->replace_identity(std::move(usable));
  tls->forget_tickets();
  return ok();
}

void Guard::Core::tell_tls(const TlsNews& news) {
  AuditEvent event;
  event.kind = AuditKind::certificate;
  event.outcome = news.kind == TlsNews::Kind::refused ? Outcome::failed : Outcome::allowed;
  event.detail = news.what;
  powers.audit.record(event);
  const std::lock_guard lock(alarm_mutex);
  alarms.push_back(concat("certificate: ", news.what));
}

void Guard::Core::tell_client_refused(const ConnectionFacts& facts, Denial denial, std::string_view detail) {
  AuditEvent event;
  event.door = Door::http;
  event.how = CredentialKind::client_certificate;
  event.denial = denial;
  event.step = name_of(GateStep::credential);
  event.peer = &facts.peer;
  event.detail = detail;
  powers.audit.record(event);
}

Status Guard::Core::open_clients() {
  if (auth.certificates == AuthPlan::Certificates::no) return ok();
  auto refused = [this](const ConnectionFacts& facts, Denial denial, std::string_view detail) {
    tell_client_refused(facts, denial, detail);
  };
  ClientRules rules{settings.client_ca, settings.client_crl, settings.client_deny, settings.client_users};
  SALLYPORT_TRY(
      opened, ClientCertificates::open(
                  std::move(rules), ClientCertificates::Powers{powers.files, powers.clock, powers.monotonic},
                  std::move(refused)));
  clients = std::move(opened);
  return ok();
}

/// refresh_clients cuts whom the files no longer admit; it returns what is wrong with them.
std::string Guard::Core::refresh_clients() {
  if (!clients) return {};
  auto gone = clients->refresh();
  if (!gone) return concat("client certificates: ", gone.error().what, "; what was in force stays\n");
  if (gone->empty()) return {};
  const auto ended_now = std::make_shared<const std::vector<Digest>>(*std::move(gone));
  for (auto& side : sides) side->cut(ended_now, CutReason::revoked);
  return {};
}

/// learn_tailnet_name: whoever comes by the name of a Tailscale certificate, or as somebody of the tailnet,
/// sends this machine's name there as Host. Where Tailscale is not up now, its certificate is not for this
/// run: the gates would not know the name.
void Guard::Core::learn_tailnet_name(TlsWish& wish) {
  const bool people = auth.tailnet == AuthPlan::Use::yes;
  if (!people && wish.only && *wish.only != TlsTier::tailscale) return;
  const TailscaleApi api(powers.monotonic, wish.tailscale_socket);
  const auto status = api.status(after(powers.monotonic.now(), kTailnetNamePatience));
  if (!status || !status->running()) return;
  tailnet_names = status->cert_domains;
  if (people && !status->dns_name.empty()) tailnet_names.push_back(status->dns_name);
}

Status Guard::Core::open_tls() {
  no_tls.why = why_no_tls(settings);
  told.tls_source = no_tls.source;
  const bool wanted = std::any_of(door_plans.begin(), door_plans.end(),
                                  [](const DoorPlan& door) { return door.tls == Tls::on; }) ||
                      (settings.admin && admin_plan().tls == Tls::on);
  if (!wanted) return ok();
  SALLYPORT_CHECK(open_clients());
  std::map<std::string, std::string, std::less<>> variables;
  for (const std::string_view name : {"PATH", "HOME", "USER", "CAROOT", "XDG_DATA_HOME"}) {
    if (const auto value = powers.variables(name)) variables.emplace(name, *value);
  }
  tls_environment = FixedEnvironment(std::move(variables));
  TlsWish wish = tls_wish(settings, door_plans, powers.local_names);
  learn_tailnet_name(wish);
  auto cascade =
      TlsCascade::make(wish, TlsPowers{powers.files, powers.entropy, powers.monotonic, tls_environment});
  TlsKeeper::Calls calls;
  calls.serve = [this](const ServerIdentity& identity) { return serve_identity(identity); };
  calls.tell = [this](const TlsNews& news) { tell_tls(news); };
  SALLYPORT_TRY(keeper, TlsKeeper::open(std::move(cascade),
                                        TlsKeeper::Powers{powers.clock, powers.monotonic, powers.entropy},
                                        std::move(calls)));
  tls_keeper = std::move(keeper);
  const TlsReport report = tls_keeper->report();
  told.tls_source = report.source;
  told.certificate_fingerprint = report.fingerprint;
  told.authority_file = report.root_file;
  if (report.state == CertificateState::over) told.warnings.push_back("the certificate is over");
  if (report.state == CertificateState::not_yet_valid)
    told.warnings.push_back("the certificate is not valid yet");
  return ok();
}

TlsReport Guard::Core::tls_report() const { return tls_keeper == nullptr ? no_tls : tls_keeper->report(); }

}  // namespace sallyport
