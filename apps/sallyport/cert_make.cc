// SPDX-License-Identifier: Apache-2.0
// `cert ca`, `cert ca export`, `cert issue`, `cert renew` and `cert revoke`: what writes.
#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cert_command.h"
#include "cert_files.h"
#include "cert_trust.h"
#include "sallyport/base/text.h"
#include "sallyport/env/posix/system.h"
#include "sallyport/pki/identity.h"

namespace sallyport {
namespace {

using Json = nlohmann::ordered_json;

constexpr unsigned kBrowserDaysMax = 825;

void warn(std::string_view text) { std::cerr << "sallyport: warning: " << text << '\n'; }

/// report tells of a pair that was written.
int report(const CertifiedKey& pair, const PairPaths& paths, Output output) {
  const CertificateFacts& facts = pair.certificate.facts();
  if (output == Output::json) {
    std::cout << Json{{"certificate", paths.certificate},
                      {"key", paths.key},
                      {"name", name_text(pair.certificate)},
                      {"serial", facts.serial},
                      {"not_before", utc(facts.not_before)},
                      {"not_after", utc(facts.not_after)},
                      {"fingerprint_sha256", to_hex(facts.fingerprint.bytes)},
                      {"pin_sha256", to_hex(facts.pin.bytes)}}
                     .dump()
              << '\n';
  } else {
    std::cout << paths.certificate << '\n' << paths.key << '\n';
    std::cerr << name_text(pair.certificate) << ", " << facts.key << ", until " << utc(facts.not_after)
              << '\n';
  }
  return kExitDone;
}

Result<Duration> life_of(unsigned days) {
  if (days == 0 || days > kDaysMax)
    return fail(Code::invalid_argument, concat("--days: use 1 to ", kDaysMax));
  return Duration(Days(static_cast<std::int32_t>(days)));
}

Result<NameConstraints> constraints_of(const std::vector<std::string>& texts) {
  NameConstraints made;
  for (const std::string& text : texts) {
    if (auto network = Cidr::parse(text)) {
      made.networks.push_back(*network);
    } else if (auto name = DnsName::parse(text)) {
      made.dns.push_back(*std::move(name));
    } else {
      return fail(Code::invalid_argument, concat("--permit: \"", escaped(text),
                                                 "\" is no DNS name, address or network (10.0.0.0/8)"));
    }
  }
  return made;
}

Result<CertifiedKey> new_authority(const CertCa& call, WallTime now) {
  AuthorityRequest request;
  request.name = call.name;
  SALLYPORT_TRY(kind, key_kind_of(call.key));
  SALLYPORT_TRY(life, life_of(call.days));
  SALLYPORT_TRY(permitted, constraints_of(call.permitted));
  request.key = kind;
  request.life = life;
  request.permitted = std::move(permitted);
  SystemEntropy entropy;
  SALLYPORT_TRY(made, Authority::create(request, entropy, now));
  return std::move(made).take_pair();
}

Result<LeafRequest> leaf_request_of(const CertIssue& call) {
  LeafRequest request;
  request.use = call.use;
  request.common_name = call.name;
  SALLYPORT_TRY(names, subject_names(call.names).transform_error([](const Error& error) {
    return fail(error.code, concat("--san: ", error.what));
  }));
  SALLYPORT_TRY(kind, key_kind_of(call.key));
  SALLYPORT_TRY(life, life_of(call.days));
  request.names = std::move(names);
  request.key = kind;
  request.life = life;
  if (request.names.empty() && request.common_name.empty()) {
    return fail(Code::invalid_argument,
                "a certificate needs a name: give --san NAME, IP or URI (repeatable), or --name CN");
  }
  return request;
}

Result<CertifiedKey> issued(const CertIssue& call, Files& files, WallTime now) {
  SALLYPORT_TRY(request, leaf_request_of(call));
  if (request.use != CertificateUse::client && call.days > kBrowserDaysMax)
    warn(concat("some clients refuse server certificates that live longer than ", kBrowserDaysMax, " days"));
  SystemEntropy entropy;
  if (call.signer == CertIssue::Signer::itself) return self_signed(request, entropy, now);
  if (call.ca.empty()) {
    return fail(
        Code::invalid_argument,
        "--ca DIR names the authority that signs (see: sallyport cert ca --help); or use --self-signed");
  }
  SALLYPORT_TRY(authority, read_authority(files, call.ca));
  return authority.issue(request, entropy, now);
}

/// RenewalRequest is what the old certificate says, to be said again.
LeafRequest again(const Certificate& old, Duration life) {
  const CertificateFacts& facts = old.facts();
  const auto lists = [&facts](std::string_view use) {
    return std::ranges::find(facts.extended_key_usage, use) != facts.extended_key_usage.end();
  };
  LeafRequest request;
  request.use = !lists("clientAuth")  ? CertificateUse::server
                : lists("serverAuth") ? CertificateUse::peer
                                      : CertificateUse::client;
  request.names = facts.names;
  request.common_name = facts.common_name;
  request.life = life;
  return request;
}

KeyKind kind_like(const Certificate& old) {
  const std::string& key = old.facts().key;
  if (key == "P-384") return KeyKind::p384;
  if (key == "P-521") return KeyKind::p521;
  if (key == "RSA 2048") return KeyKind::rsa2048;
  return key.starts_with("RSA") ? KeyKind::rsa3072 : KeyKind::p256;
}

bool is_due(const Certificate& certificate, WallTime now) {
  const CertificateFacts& facts = certificate.facts();
  return !certificate.valid_at(now) || now - facts.not_before >= (facts.not_after - facts.not_before) / 3 * 2;
}

int renew(const CertRenew& call, Output output) {
  SystemFiles files;
  SystemEntropy entropy;
  const WallTime now = SystemClock().now();
  const PairPaths paths{call.prefix + ".crt", call.prefix + ".key"};
  auto chain = read_public(paths.certificate);
  if (!chain) return complain(chain.error());
  auto key = files.read_secret(paths.key, FilePrivacy::owner_only);
  if (!key) return complain(key.error());
  auto old = read_certified_key(*chain, *key);
  if (!old) return complain(fail(old.error().code, concat(call.prefix, ": ", old.error().what)));
  if (call.when == CertRenew::When::if_due && !is_due(old->certificate, now)) {
    std::cerr << "not due: " << name_text(old->certificate) << " is good until "
              << utc(old->certificate.facts().not_after) << '\n';
    return kExitDone;
  }
  const auto authority = read_authority(files, call.ca);
  if (!authority) return complain(authority.error());
  if (!authority->issued(old->certificate)) {
    return complain(
        fail(Code::permission_denied, concat(paths.certificate, " is not from the authority in ", call.ca,
                                             "; issue a new one: sallyport cert issue")));
  }
  const CertificateFacts& facts = old->certificate.facts();
  const auto life =
      call.days ? life_of(*call.days) : Result<Duration>(facts.not_after - facts.not_before - kBackdating);
  if (!life) return complain(life.error());
  LeafRequest request = again(old->certificate, *life);
  request.key = kind_like(old->certificate);
  auto made = call.key == CertRenew::Key::keep
                  ? authority->reissue(request, std::move(old->key), entropy, now)
                  : authority->issue(request, entropy, now);
  if (!made) return complain(made.error());
  const Status written = call.key == CertRenew::Key::keep
                             ? files.replace_private(paths.certificate, made->chain_pem())
                             : write_pair(files, paths, *made, Existing::replace);
  return written ? report(*made, paths, output) : complain(written.error());
}

/// RevocationState is the list as it was.
struct RevocationState {
  std::vector<Revocation> entries;
  std::uint64_t number = 0;
};

Result<RevocationState> read_state(const std::string& path, const Authority& authority) {
  auto text = read_public(path);
  if (!text && text.error().code == Code::not_found) return RevocationState{};
  if (!text) return std::move(text).error();
  SALLYPORT_TRY(list, RevocationList::from_pem(*text).transform_error([&path](const Error& error) {
    return fail(error.code, concat(path, ": ", error.what));
  }));
  if (!list.signed_by(authority.certificate()))
    return fail(Code::permission_denied, concat(path, " is not signed by this authority; move it away"));
  return RevocationState{list.entries(), list.number().value_or(0)};
}

Result<std::string> serial_to_revoke(const CertRevoke& call, const Authority& authority) {
  if (call.serial.empty() == call.certificate.empty())
    return fail(Code::invalid_argument, "name what to revoke: a certificate's file, or --serial HEX");
  if (call.certificate.empty()) {
    std::string serial = to_lower(call.serial);
    std::erase(serial, ':');
    const bool hex = serial.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (!hex || serial.size() % 2 != 0 || serial.empty() || serial.size() > 2 * kSerialBytesMax)
      return fail(Code::invalid_argument, "--serial: use hexadecimal, as cert show prints it");
    return serial;
  }
  SALLYPORT_TRY(chain, read_certificates(call.certificate, kChainCertificatesMax));
  if (authority.issued(chain.front())) return chain.front().facts().serial;
  return fail(Code::permission_denied, concat(call.certificate, " is not from the authority in ", call.ca));
}

Status revoke(const CertRevoke& call, Output output) {
  SystemFiles files;
  const WallTime now = SystemClock().now();
  const auto reason = parse_revocation_reason(call.reason);
  if (!reason)
    return fail(Code::invalid_argument,
                concat("--reason: \"", escaped(call.reason), "\" is none; see --help"));
  SALLYPORT_TRY(authority, read_authority(files, call.ca));
  SALLYPORT_TRY(serial, serial_to_revoke(call, authority));
  const std::string path = concat(call.ca, "/ca.crl");
  SALLYPORT_TRY(state, read_state(path, authority));
  const bool already = std::ranges::find(state.entries, serial, &Revocation::serial) != state.entries.end();
  if (!already) {
    state.entries.push_back({serial, now, *reason});
    // The list has no end of its own: one that nobody renews must not turn every client away.
    const Duration life = authority.certificate().facts().not_after - now;
    SALLYPORT_TRY(list, authority.revocation_list(state.entries, state.number + 1, life, now));
    SALLYPORT_CHECK(files.replace_private(path, list.to_pem()));
  }
  if (output == Output::json) {
    std::cout << Json{{"serial", serial}, {"list", path}, {"already_revoked", already}}.dump() << '\n';
  } else {
    std::cout << path << '\n';
    std::cerr << serial << (already ? " was revoked already" : " is revoked") << '\n';
  }
  return ok();
}

}  // namespace

int command_cert_ca(const CertCa& call, Output output) {
  if (call.out.empty())
    return complain(fail(Code::invalid_argument, "--out DIR names the folder for ca.crt and ca.key"));
  SystemFiles files;
  const auto made = new_authority(call, SystemClock().now());
  if (!made) return complain(made.error());
  if (const Status folder = prepare_folder(files, call.out); !folder) return complain(folder.error());
  const PairPaths paths{call.out + "/ca.crt", call.out + "/ca.key"};
  if (const Status written = write_pair(files, paths, *made, call.existing); !written)
    return complain(written.error());
  return report(*made, paths, output);
}

int command_cert_issue(const CertIssue& call, Output output) {
  SystemFiles files;
  if (call.out.empty())
    return complain(fail(Code::invalid_argument, "--out PREFIX names the files PREFIX.crt and PREFIX.key"));
  const auto made = issued(call, files, SystemClock().now());
  if (!made) return complain(made.error());
  const PairPaths paths{call.out + ".crt", call.out + ".key"};
  if (const Status written = write_pair(files, paths, *made, call.existing); !written)
    return complain(written.error());
  return report(*made, paths, output);
}

int command_cert_renew(const CertRenew& call, Output output) { return renew(call, output); }

int command_cert_revoke(const CertRevoke& call, Output output) {
  const Status done = revoke(call, output);
  return done ? kExitDone : complain(done.error());
}

int command_cert_export(const CertExport& call, Output output, const Environment& environment) {
  SystemFiles files;
  SystemEntropy entropy;
  const auto certificate = [&]() -> Result<Certificate> {
    if (!call.ca.empty())
      return read_anchors(call.ca).transform(
          [](const std::vector<Certificate>& list) { return list.front(); });
    std::string state = call.state_dir;
    if (state.empty()) {
      SALLYPORT_TRY(usual, state_directory(environment));
      state = std::move(usual);
    }
    SALLYPORT_CHECK(files.ensure_private_directory(state));
    SALLYPORT_TRY(authority, ensure_authority(files, entropy, state + "/tls", SystemClock().now()));
    return authority.certificate();
  }();
  if (!certificate) return complain(certificate.error());
  if (!call.out.empty()) {
    const Status written = files.create_private(call.out, certificate->to_pem());
    if (!written && written.error().code == Code::already_exists)
      return complain(
          fail(Code::already_exists, concat(call.out, " exists and is not overwritten; remove it first")));
    if (!written) return complain(written.error());
  }
  const std::string file = call.out.empty() ? "sallyport-ca.crt" : call.out;
  if (output == Output::json) {
    std::cout << Json{{"name", certificate->facts().common_name},
                      {"fingerprint_sha256", to_hex(certificate->facts().fingerprint.bytes)},
                      {"not_after", utc(certificate->facts().not_after)},
                      {"pem", certificate->to_pem()}}
                     .dump()
              << '\n';
    return kExitDone;
  }
  std::cout << (call.out.empty() ? certificate->to_pem() : call.out + '\n');
  std::cerr << trust_words(*certificate, file);
  return kExitDone;
}

}  // namespace sallyport
