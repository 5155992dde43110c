// SPDX-License-Identifier: Apache-2.0
#include "sallyport/tls/client_certificates.h"

#include <algorithm>

#include "sallyport/base/text.h"
#include "sallyport/tls/keeper.h"
#include "sallyport/tls/source.h"

namespace sallyport {
namespace {

constexpr std::size_t kFingerprintDigits = 64;

std::string hex_of(std::string_view text) {
  std::string hex = to_lower(text);
  std::erase(hex, ':');
  const bool good =
      !hex.empty() && hex.size() % 2 == 0 && hex.find_first_not_of("0123456789abcdef") == std::string::npos;
  return good ? hex : std::string();
}

/// canonical gives an entry as certificates have it; empty: it is none.
std::string canonical(std::string_view text) {
  const auto rest = [&text](std::string_view kind) { return text.substr(kind.size()); };
  if (text.starts_with("sha256:")) {
    const auto hex = hex_of(rest("sha256:"));
    return hex.size() == kFingerprintDigits ? concat("sha256:", hex) : std::string();
  }
  if (text.starts_with("serial:")) {
    auto hex = hex_of(rest("serial:"));
    while (hex.size() > 2 && hex.starts_with("00")) hex.erase(0, 2);  // DER's sign byte, as openssl shows it
    return hex.empty() ? std::string() : concat("serial:", hex);
  }
  if (text.starts_with("uri:")) {
    const auto uri = UriName::parse(rest("uri:"));
    return uri ? concat("uri:", uri->str()) : std::string();
  }
  if (text.starts_with("dns:")) {
    const auto dns = DnsName::parse(rest("dns:"));
    return dns ? concat("dns:", dns->str()) : std::string();
  }
  return {};
}

Denial denial_of(CertificateFault fault) noexcept {
  switch (fault) {
    case CertificateFault::malformed:
      return Denial::certificate_malformed;
    case CertificateFault::unknown_authority:
    case CertificateFault::bad_signature:
      return Denial::certificate_unknown_authority;
    case CertificateFault::expired:
      return Denial::certificate_expired;
    case CertificateFault::not_yet_valid:
      return Denial::certificate_not_yet_valid;
    case CertificateFault::wrong_purpose:
      return Denial::certificate_wrong_purpose;
    case CertificateFault::wrong_name:
    case CertificateFault::name_constraint:
      return Denial::certificate_wrong_name;
    case CertificateFault::revoked:
      return Denial::certificate_revoked;
    default:
      return Denial::certificate_refused;
  }
}

Error at_path(const std::string& path, const Error& error) {
  return fail(error.code, concat(path, ": ", error.what));
}

/// only_one gives the only name of a kind; empty where there is none, or several.
std::string only_one(const std::vector<std::string>& names, std::string_view kind) {
  std::string found;
  for (const auto& name : names) {
    if (!name.starts_with(kind)) continue;
    if (!found.empty()) return {};
    found = name;
  }
  return found;
}

}  // namespace

Result<ClientDenyList> ClientDenyList::parse(std::string_view text) {
  ClientDenyList list;
  std::size_t number = 0;
  for (auto line : split(text, '\n')) {
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    line = trimmed(line);
    if (line.empty() || line.starts_with('#')) continue;
    auto entry = canonical(line);
    if (entry.empty())
      return fail(Code::invalid_argument, concat("line ", number, ": \"", escaped(line, 80),
                                                 "\" is none of sha256:HEX, serial:HEX, uri:URI, dns:NAME"));
    list.entries_.push_back(std::move(entry));
    if (list.entries_.size() > kClientDenyLinesMax)
      return fail(Code::invalid_argument, concat("more than ", kClientDenyLinesMax, " lines"));
  }
  std::ranges::sort(list.entries_);
  return list;
}

bool ClientDenyList::names(const Certificate& certificate) const {
  if (entries_.empty()) return false;
  const CertificateFacts& facts = certificate.facts();
  const auto has = [this](const std::string& entry) { return std::ranges::binary_search(entries_, entry); };
  if (has(concat("sha256:", to_hex(facts.fingerprint.bytes))) || has(concat("serial:", facts.serial)))
    return true;
  return std::ranges::any_of(certificate_identities(certificate), has);
}

std::vector<std::string> certificate_identities(const Certificate& certificate) {
  std::vector<std::string> identities;
  for (const auto& name : certificate.facts().names) {
    if (name.is_uri()) identities.push_back(concat("uri:", name.uri().str()));
    if (name.is_dns() && !name.is_pattern()) identities.push_back(concat("dns:", name.dns()));
  }
  return identities;
}

Result<Principal> principal_of(const Certificate& certificate, const std::vector<ClientUser>& users) {
  Principal who;
  who.provider = "certificate";
  who.certificate_names = certificate_identities(certificate);
  if (users.empty()) {
    who.id = only_one(who.certificate_names, "uri:");
    const bool has_uri = std::ranges::any_of(
        who.certificate_names, [](const std::string& name) { return name.starts_with("uri:"); });
    if (!has_uri) who.id = only_one(who.certificate_names, "dns:");
    if (who.id.empty()) return fail(Code::not_found, "it has not exactly one URI, nor exactly one DNS name");
    return who;
  }
  const std::string common_name = concat("cn:", certificate.facts().common_name);
  for (const auto& rule : users) {
    const bool fits = rule.name == common_name ||
                      std::ranges::find(who.certificate_names, rule.name) != who.certificate_names.end();
    if (!fits || who.id == rule.user) continue;
    if (!who.id.empty()) return fail(Code::not_found, "its names lead to several users of --client-user");
    who.id = rule.user;
  }
  if (who.id.empty()) return fail(Code::not_found, "none of its names is in a --client-user");
  return who;
}

Result<std::unique_ptr<ClientCertificates>> ClientCertificates::open(ClientRules rules, Powers powers,
                                                                     Refused refused) {
  for (auto& rule : rules.users) {
    if (rule.name.starts_with("cn:")) continue;
    auto name = canonical(rule.name);
    if (name.empty())
      return fail(Code::invalid_argument, concat("--client-user: \"", escaped(rule.name),
                                                 "\" is no name that a certificate can have"));
    rule.name = std::move(name);
  }
  std::unique_ptr<ClientCertificates> made(
      new ClientCertificates(std::move(rules), powers, std::move(refused)));
  made->marks_ = marks_of(made->watched());
  SALLYPORT_TRY(read, made->read());
  made->in_force_ = std::move(read);
  return made;
}

std::vector<std::string> ClientCertificates::watched() const {
  std::vector<std::string> paths{rules_.ca_file};
  paths.insert(paths.end(), rules_.list_files.begin(), rules_.list_files.end());
  if (!rules_.deny_file.empty()) paths.push_back(rules_.deny_file);
  return paths;
}

Result<std::shared_ptr<const ClientCertificates::InForce>> ClientCertificates::read() {
  auto made = std::make_shared<InForce>();
  SALLYPORT_TRY(pem, powers_.files.read_text(followed(rules_.ca_file), FilePrivacy::any));
  SALLYPORT_TRY(
      anchors,
      Certificate::list_from_pem(pem, kBundleCertificatesMax).transform_error([this](const Error& error) {
        return at_path(rules_.ca_file, error);
      }));
  made->anchors = std::move(anchors);
  made->anchors_pem = std::move(pem);
  for (const auto& path : rules_.list_files) {
    SALLYPORT_TRY(text, powers_.files.read_text(followed(path), FilePrivacy::any));
    SALLYPORT_TRY(list, RevocationList::from_pem(text).transform_error(
                            [&path](const Error& error) { return at_path(path, error); }));
    made->lists.push_back(std::move(list));
  }
  if (!rules_.deny_file.empty()) {
    SALLYPORT_TRY(text, powers_.files.read_text(followed(rules_.deny_file), FilePrivacy::any));
    SALLYPORT_TRY(denied, ClientDenyList::parse(text).transform_error(
                              [this](const Error& error) { return at_path(rules_.deny_file, error); }));
    made->denied = std::move(denied);
  }
  return std::shared_ptr<const InForce>(std::move(made));
}

ClientCertificates::Judged ClientCertificates::judge_shown(const Shown& shown, const InForce& rules) const {
  VerifyRequest request{rules.anchors, shown.intermediates, powers_.clock.now(), CertificateUse::client};
  request.profile = Profile::foreign();
  request.lists = &rules.lists;
  if (!rules_.list_files.empty()) request.revocations = Revocations::demanded;
  const ChainVerdict verdict = verify(shown.leaf, request);
  if (!verdict.accepted())
    return {denial_of(verdict.fault), concat(name_of(verdict.fault), ": ", verdict.why), {}};
  Duration left = time_left(shown.leaf, request.now);
  for (const auto& certificate : verdict.chain) {
    if (rules.denied.names(certificate))
      return {Denial::certificate_revoked, "it, or an issuer of it, is on the deny list", {}};
    left = std::min(left, time_left(certificate, request.now));
  }
  return {std::nullopt, {}, left};
}

std::shared_ptr<const CertifiedPeer> ClientCertificates::judge(std::span<const std::string> chain_der,
                                                               const ConnectionFacts& facts) {
  if (chain_der.empty()) return nullptr;
  if (chain_der.size() > kClientChainMax) {
    refused_(facts, Denial::certificate_refused, concat("more than ", kClientChainMax, " certificates"));
    return nullptr;
  }
  std::vector<Certificate> chain;
  for (const auto& der : chain_der) {
    auto certificate = Certificate::from_der(std::as_bytes(std::span(der)));
    if (!certificate) {
      refused_(facts, Denial::certificate_malformed, certificate.error().what);
      return nullptr;
    }
    chain.push_back(*std::move(certificate));
  }
  Shown shown{std::move(chain.front()), {}};
  shown.intermediates.assign(std::make_move_iterator(chain.begin() + 1),
                             std::make_move_iterator(chain.end()));
  std::shared_ptr<const InForce> rules;
  {
    const std::lock_guard lock(mutex_);
    rules = in_force_;
  }
  return admit(std::move(shown), std::move(rules), facts);
}

std::shared_ptr<const CertifiedPeer> ClientCertificates::admit(Shown shown,
                                                               std::shared_ptr<const InForce> judged_by,
                                                               const ConnectionFacts& facts) {
  auto principal = principal_of(shown.leaf, rules_.users);
  for (;;) {
    const Judged judged = judge_shown(shown, *judged_by);
    const std::string subject = concat(" (", name_text(shown.leaf), ")");
    if (judged.denial) {
      refused_(facts, *judged.denial, concat(judged.detail, subject));
      return nullptr;
    }
    if (!principal) {
      refused_(facts, Denial::certificate_wrong_name, concat(principal.error().what, subject));
      return nullptr;
    }
    const std::lock_guard lock(mutex_);
    if (judged_by != in_force_) {  // the rules changed meanwhile: whoever changed them did not see this one
      judged_by = in_force_;
      continue;
    }
    auto peer = std::make_shared<CertifiedPeer>();
    peer->fingerprint = shown.leaf.facts().fingerprint;
    peer->expires = after(powers_.monotonic.now(), judged.left);
    peer->principal = std::make_shared<const Principal>(*std::move(principal));
    if (live_.size() >= prune_at_) prune();
    live_.push_back({peer, std::move(shown)});
    return peer;
  }
}

void ClientCertificates::prune() {
  std::erase_if(live_, [](const Live& live) { return live.peer.expired(); });
  prune_at_ = std::max<std::size_t>(64, live_.size() * 2);
}

Result<std::vector<Digest>> ClientCertificates::refresh() {
  auto marks = marks_of(watched());
  if (marks == marks_) return std::vector<Digest>();
  SALLYPORT_TRY(read, this->read());
  marks_ = std::move(marks);
  std::vector<Digest> ended;
  const std::lock_guard lock(mutex_);
  in_force_ = std::move(read);
  prune();
  for (const auto& live : live_) {
    const auto peer = live.peer.lock();
    if (peer == nullptr || !judge_shown(live.shown, *in_force_).denial) continue;
    peer->ended.store(true, std::memory_order_release);
    ended.push_back(peer->fingerprint);
  }
  return ended;
}

std::string ClientCertificates::authorities_pem() const {
  const std::lock_guard lock(mutex_);
  return in_force_->anchors_pem;
}

}  // namespace sallyport
