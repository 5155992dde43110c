// SPDX-License-Identifier: Apache-2.0
#include "cert_cli.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <utility>

#include "cert_command.h"

namespace sallyport {
namespace {

using Chosen = std::function<int()>;

/// Flags are the switches of a sub-command, until they become what they mean.
struct Flags {
  bool json = false;
  bool force = false;
  bool server = false;
  bool client = false;
  bool peer = false;
  bool self_signed = false;
  bool new_key = false;
  bool if_due = false;
  bool own = false;
  bool once = false;
  bool prometheus = false;
};

template <class Call>
struct Told {
  Call call;
  Flags flags;
};

template <class Call>
std::shared_ptr<Told<Call>> told(CLI::App& command) {
  auto made = std::make_shared<Told<Call>>();
  command.add_flag("--json", made->flags.json, "for machines");
  return made;
}

Output output_of(const Flags& flags) { return flags.json ? Output::json : Output::text; }
Existing existing_of(const Flags& flags) { return flags.force ? Existing::replace : Existing::refuse; }

void add_export(CLI::App& ca, Chosen& chosen, const Environment& environment) {
  auto* command =
      ca.add_subcommand("export", "the authority's certificate, and how browsers and systems trust it");
  command->footer("Example: sallyport cert ca export > sallyport-ca.crt");
  auto all = told<CertExport>(*command);
  command->add_option("--ca", all->call.ca, "of an authority made by cert ca [the local one, of run]")
      ->type_name("DIR");
  command->add_option("--out", all->call.out, "into a file instead of standard output")->type_name("FILE");
  command->add_option("--state-dir", all->call.state_dir, "where run keeps its state")->type_name("DIR");
  command->callback([all, &chosen, &environment] {
    chosen = [all, &environment] {
      return command_cert_export(all->call, output_of(all->flags), environment);
    };
  });
}

void add_ca(CLI::App& cert, Chosen& chosen, const Environment& environment) {
  auto* command = cert.add_subcommand("ca", "make an authority: DIR/ca.crt and DIR/ca.key");
  command->footer(
      "Example: sallyport cert ca --out my-ca --name \"My authority\"\n"
      "         sallyport cert ca --out home-ca --permit home.example --permit 192.168.1.0/24\n"
      "         sallyport cert ca export > sallyport-ca.crt");
  auto all = told<CertCa>(*command);
  command->add_option("--out", all->call.out, "folder for ca.crt and ca.key, made with mode 0700")
      ->type_name("DIR");
  command->add_option("--name", all->call.name, "common name")->type_name("CN");
  command->add_option("--days", all->call.days, "life [3650]")->type_name("N");
  command->add_option("--key", all->call.key, "p256, p384, p521, rsa2048 or rsa3072 [p256]")
      ->type_name("KIND");
  command
      ->add_option("--permit", all->call.permitted,
                   "bind it to names below NAME, or to a network; repeatable")
      ->type_name("NAME|CIDR")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_flag("--force", all->flags.force,
                    "replace an authority that is there; what it signed is then worthless");
  add_export(*command, chosen, environment);
  command->callback([all, command, &chosen] {
    if (!command->get_subcommands().empty()) return;
    all->call.existing = existing_of(all->flags);
    chosen = [all] { return command_cert_ca(all->call, output_of(all->flags)); };
  });
}

void add_issue(CLI::App& cert, Chosen& chosen) {
  auto* command = cert.add_subcommand("issue", "make a key and a certificate: PREFIX.crt and PREFIX.key");
  command->footer(
      "Example: sallyport cert issue --ca my-ca --out server --server --san gate.example --san 192.0.2.7\n"
      "         sallyport cert issue --ca my-ca --out alice --client --name alice --san "
      "spiffe://home.example/alice");
  auto all = told<CertIssue>(*command);
  Flags& flags = all->flags;
  command->add_option("--ca", all->call.ca, "folder of the authority, made by cert ca")->type_name("DIR");
  command->add_option("--out", all->call.out, "where to, without .crt and .key")->type_name("PREFIX");
  auto* server = command->add_flag("--server", flags.server, "for a server (default)");
  auto* client = command->add_flag("--client", flags.client, "for a client")->excludes(server);
  command->add_flag("--peer", flags.peer, "for both")->excludes(server)->excludes(client);
  command->add_option("--san", all->call.names, "a name: DNS, IP address or URI; repeatable")
      ->type_name("NAME|IP|URI")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_option("--name", all->call.name, "common name [the first name]")->type_name("CN");
  command->add_option("--days", all->call.days, "life [90]")->type_name("N");
  command->add_option("--key", all->call.key, "p256, p384, p521, rsa2048 or rsa3072 [p256]")
      ->type_name("KIND");
  command->add_flag("--self-signed", flags.self_signed, "without an authority, for one peer to pin");
  command->add_flag("--force", flags.force, "replace files that are there");
  command->callback([all, &chosen] {
    if (all->flags.client) all->call.use = CertificateUse::client;
    if (all->flags.peer) all->call.use = CertificateUse::peer;
    if (all->flags.self_signed) all->call.signer = CertIssue::Signer::itself;
    all->call.existing = existing_of(all->flags);
    chosen = [all] { return command_cert_issue(all->call, output_of(all->flags)); };
  });
}

void add_renew(CLI::App& cert, Chosen& chosen) {
  auto* command = cert.add_subcommand("renew", "make PREFIX.crt anew, for the same names and use");
  command->footer(
      "Example: sallyport cert renew --ca my-ca --if-due server\n"
      "The key stays, so that one rename replaces the pair and pins hold; --new-key makes another.");
  auto all = told<CertRenew>(*command);
  command->add_option("prefix", all->call.prefix, "of PREFIX.crt and PREFIX.key")
      ->required()
      ->type_name("PREFIX");
  command->add_option("--ca", all->call.ca, "folder of the authority that signed it")
      ->required()
      ->type_name("DIR");
  command->add_option("--days", all->call.days, "life [as before]")->type_name("N");
  command->add_flag("--new-key", all->flags.new_key, "with a new key");
  command->add_flag("--if-due", all->flags.if_due, "only where two thirds of its life are over");
  command->callback([all, &chosen] {
    if (all->flags.new_key) all->call.key = CertRenew::Key::renew;
    if (all->flags.if_due) all->call.when = CertRenew::When::if_due;
    chosen = [all] { return command_cert_renew(all->call, output_of(all->flags)); };
  });
}

void add_revoke(CLI::App& cert, Chosen& chosen) {
  auto* command =
      cert.add_subcommand("revoke", "put a certificate on the authority's revocation list, DIR/ca.crl");
  command->footer("Example: sallyport cert revoke --ca my-ca --reason keyCompromise alice.crt");
  auto all = told<CertRevoke>(*command);
  command->add_option("certificate", all->call.certificate, "its file")->type_name("CERT");
  command->add_option("--serial", all->call.serial, "or its serial number")->type_name("HEX");
  command->add_option("--ca", all->call.ca, "folder of the authority that signed it")
      ->required()
      ->type_name("DIR");
  command
      ->add_option("--reason", all->call.reason,
                   "keyCompromise, affiliationChanged, superseded, cessationOfOperation, privilegeWithdrawn "
                   "[unspecified]")
      ->type_name("WHY");
  command->callback(
      [all, &chosen] { chosen = [all] { return command_cert_revoke(all->call, output_of(all->flags)); }; });
}

void add_show(CLI::App& cert, Chosen& chosen) {
  auto* command = cert.add_subcommand("show", "what a certificate says of itself");
  command->footer("Example: sallyport cert show server.crt");
  auto all = told<std::string>(*command);
  command->add_option("certificate", all->call, "PEM or DER; - for standard input")
      ->required()
      ->type_name("CERT");
  command->callback(
      [all, &chosen] { chosen = [all] { return command_cert_show(all->call, output_of(all->flags)); }; });
}

void add_verify(CLI::App& cert, Chosen& chosen) {
  auto* command = cert.add_subcommand("verify", "is it to be believed? 0, or 3 with the reason");
  command->footer(
      "Example: sallyport cert verify --ca my-ca/ca.crt --host gate.example server.crt\n"
      "A ca.crl beside the trusted certificate counts where no --crl is given.");
  auto all = told<CertVerify>(*command);
  command
      ->add_option("certificate", all->call.certificate,
                   "the certificate, and what is between it and the root")
      ->required()
      ->type_name("CERT");
  command->add_option("--ca", all->call.ca, "the certificates to trust")->required()->type_name("FILE");
  command->add_option("--host", all->call.host, "a name that it must have: DNS, IP address or URI")
      ->type_name("NAME");
  command->add_option("--purpose", all->call.purpose, "server, client or peer [what it says itself]")
      ->type_name("USE");
  command->add_option("--intermediates", all->call.intermediates, "more certificates, not trusted")
      ->type_name("FILE");
  command->add_option("--crl", all->call.lists, "a revocation list; repeatable")
      ->type_name("FILE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_option("--pin", all->call.pin, "SHA-256 that its public key must have")->type_name("HEX");
  command->add_option("--at", all->call.at, "as of this UTC time [now]")->type_name("TIME");
  command->add_flag("--strict", all->flags.own, "the rules for our own authorities' certificates");
  command->callback([all, &chosen] {
    if (all->flags.own) all->call.rules = CertVerify::Rules::own;
    chosen = [all] { return command_cert_verify(all->call, output_of(all->flags)); };
  });
}

void add_watch(CLI::App& cert, Chosen& chosen) {
  auto* command = cert.add_subcommand("watch", "tell which certificates end soon");
  command->footer(
      "Example: sallyport cert watch --once --warn 30d server.crt my-ca/ca.crt\n"
      "With --once: 0, or 3 where one is due or over, or 1 where one cannot be read.");
  auto all = told<CertWatch>(*command);
  command->add_option("certificates", all->call.paths, "files")->required()->type_name("CERT");
  command->add_option("--warn", all->call.warn, "this long before the end [30d]")->type_name("D");
  command->add_option("--interval", all->call.interval, "look again after [1h]")->type_name("D");
  command->add_flag("--once", all->flags.once, "look once");
  command->add_flag("--prometheus", all->flags.prometheus, "as metrics, for a text file collector");
  command->callback([all, &chosen] {
    if (all->flags.json) all->call.form = CertWatch::Form::json;
    if (all->flags.prometheus) all->call.form = CertWatch::Form::prometheus;
    if (all->flags.once) all->call.until = CertWatch::Until::once;
    chosen = [all] { return command_cert_watch(all->call); };
  });
}

}  // namespace

void add_cert(CLI::App& app, std::function<int()>& chosen, const Environment& environment) {
  auto* cert = app.add_subcommand(
      "cert", "certificates: make an authority, issue, show, verify, renew, revoke, watch");
  cert->footer(
      "Example: sallyport cert ca --out my-ca && sallyport cert issue --ca my-ca --out server --san "
      "localhost");
  cert->require_subcommand(1);
  add_ca(*cert, chosen, environment);
  add_issue(*cert, chosen);
  add_show(*cert, chosen);
  add_verify(*cert, chosen);
  add_renew(*cert, chosen);
  add_revoke(*cert, chosen);
  add_watch(*cert, chosen);
}

}  // namespace sallyport
