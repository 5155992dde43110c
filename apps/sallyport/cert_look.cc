// SPDX-License-Identifier: Apache-2.0
// `cert show` and `cert verify`: what reads.
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cert_command.h"
#include "cert_files.h"
#include "sallyport/base/text.h"
#include "sallyport/env/posix/system.h"
#include "sallyport/pki/verify.h"

namespace sallyport {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kSerialShownMax = 80;

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += concat(text.empty() ? "" : ", ", part);
  return text.empty() ? "none" : text;
}

std::vector<std::string> all_names(const CertificateFacts& facts) {
  std::vector<std::string> names;
  for (const SubjectName& name : facts.names) names.push_back(name.str());
  names.insert(names.end(), facts.other_names.begin(), facts.other_names.end());
  return names;
}

std::string state_of(const Certificate& certificate, WallTime now) {
  if (now < certificate.facts().not_before) return "not valid yet";
  if (!certificate.valid_at(now)) return "expired";
  const auto days = std::chrono::floor<Days>(time_left(certificate, now)).count();
  return concat("valid, ", days, days == 1 ? " day left" : " days left");
}

Json json_of(const Certificate& certificate, WallTime now) {
  const CertificateFacts& facts = certificate.facts();
  return {{"subject", facts.subject},
          {"issuer", facts.issuer},
          {"common_name", facts.common_name},
          {"serial", facts.serial},
          {"not_before", utc(facts.not_before)},
          {"not_after", utc(facts.not_after)},
          {"valid_now", certificate.valid_at(now)},
          {"days_left", std::chrono::floor<Days>(time_left(certificate, now)).count()},
          {"names", all_names(facts)},
          {"authority", facts.authority},
          {"key", facts.key},
          {"signature", facts.signature},
          {"key_usage", facts.key_usage},
          {"extended_key_usage", facts.extended_key_usage},
          {"fingerprint_sha256", to_hex(facts.fingerprint.bytes)},
          {"pin_sha256", to_hex(facts.pin.bytes)}};
}

void print(const Certificate& certificate, WallTime now) {
  const CertificateFacts& facts = certificate.facts();
  const std::string role =
      !facts.authority
          ? "no authority"
          : concat("authority", facts.path_length ? concat(", path length ", *facts.path_length) : "");
  std::cout << "subject      " << (facts.subject.empty() ? "(empty)" : facts.subject) << '\n'
            << "issuer       " << (facts.issuer.empty() ? "(empty)" : facts.issuer) << '\n'
            << "names        " << joined(all_names(facts)) << '\n'
            << "valid        " << utc(facts.not_before) << " to " << utc(facts.not_after) << " ("
            << state_of(certificate, now) << ")\n"
            << "for          " << joined(facts.extended_key_usage) << "; " << role << '\n'
            << "key          " << facts.key << ", usage " << joined(facts.key_usage) << '\n'
            << "signature    " << facts.signature << '\n'
            << "serial       " << escaped(facts.serial, kSerialShownMax) << '\n'
            << "fingerprint  " << to_hex(facts.fingerprint.bytes) << "  (SHA-256)\n"
            << "pin          " << to_hex(facts.pin.bytes) << "  (SHA-256 of the public key)\n";
}

/// parse_utc reads RFC 3339 in UTC.
std::optional<WallTime> parse_utc(const std::string& text) {
  std::tm parts{};
  const char* const rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  if (rest == nullptr || *rest != '\0') return std::nullopt;
  return WallTime(std::chrono::seconds(timegm(&parts)));
}

std::optional<Digest> parse_digest(std::string_view text) {
  Digest digest;
  std::string hex = to_lower(text);
  std::erase(hex, ':');
  if (hex.size() != 2 * digest.bytes.size() || hex.find_first_not_of("0123456789abcdef") != std::string::npos)
    return std::nullopt;
  for (std::size_t i = 0; i < digest.bytes.size(); ++i)
    digest.bytes.at(i) = static_cast<std::byte>(std::stoul(hex.substr(2 * i, 2), nullptr, 16));
  return digest;
}

/// use_of is what the command line says, else what the certificate says of itself.
Result<CertificateUse> use_of(const CertVerify& call, const Certificate& leaf) {
  if (call.purpose == "server") return CertificateUse::server;
  if (call.purpose == "client") return CertificateUse::client;
  if (call.purpose == "peer") return CertificateUse::peer;
  if (!call.purpose.empty())
    return fail(Code::invalid_argument,
                concat("--purpose: \"", escaped(call.purpose), "\" is none; use server, client or peer"));
  if (!call.host.empty()) return CertificateUse::server;
  const auto& uses = leaf.facts().extended_key_usage;
  const auto lists = [&uses](std::string_view use) { return std::ranges::find(uses, use) != uses.end(); };
  return lists("clientAuth") && !lists("serverAuth") ? CertificateUse::client : CertificateUse::server;
}

/// Question is everything that verify borrows.
struct Question {
  std::vector<Certificate> anchors;
  std::vector<Certificate> intermediates;
  std::vector<RevocationList> lists;
  std::optional<SubjectName> name;
  std::optional<Digest> pin;
  WallTime now{};
};

Status read_lists(const CertVerify& call, Question& question) {
  std::vector<std::string> paths = call.lists;
  // The list of an authority made here lies beside its certificate.
  std::error_code failed;
  const std::filesystem::path ca(call.ca);
  const auto beside = (std::filesystem::is_directory(ca, failed) ? ca : ca.parent_path()) / "ca.crl";
  if (paths.empty() && std::filesystem::exists(beside, failed)) paths.push_back(beside.string());
  for (const std::string& path : paths) {
    SALLYPORT_TRY(text, read_public(path));
    SALLYPORT_TRY(list, RevocationList::from_pem(text).transform_error([&path](const Error& error) {
      return fail(error.code, concat(path, ": ", error.what));
    }));
    question.lists.push_back(std::move(list));
  }
  return ok();
}

Result<Question> question_of(const CertVerify& call) {
  Question question;
  question.now = SystemClock().now();
  if (call.ca.empty()) return fail(Code::invalid_argument, "--ca FILE names the certificates to trust");
  if (!call.host.empty()) {
    question.name = SubjectName::parse_any(call.host);
    if (!question.name)
      return fail(Code::invalid_argument,
                  concat("--host: \"", escaped(call.host), "\" is no DNS name, address or URI"));
  }
  if (!call.at.empty()) {
    const auto at = parse_utc(call.at);
    if (!at) return fail(Code::invalid_argument, "--at: use a UTC time such as 2026-12-31T23:59:59Z");
    question.now = *at;
  }
  if (!call.pin.empty()) {
    question.pin = parse_digest(call.pin);
    if (!question.pin)
      return fail(Code::invalid_argument, "--pin: use the 64 hexadecimal digits that cert show prints");
  }
  SALLYPORT_TRY(anchors, read_anchors(call.ca));
  question.anchors = std::move(anchors);
  if (!call.intermediates.empty()) {
    SALLYPORT_TRY(more, read_certificates(call.intermediates, kChainCertificatesMax));
    question.intermediates = std::move(more);
  }
  SALLYPORT_CHECK(read_lists(call, question));
  return question;
}

ChainVerdict judge(const CertVerify& call, const Certificate& leaf, const Question& question,
                   CertificateUse use) {
  VerifyRequest request{question.anchors, question.intermediates};
  request.now = question.now;
  request.use = use;
  request.name = question.name;
  request.profile = call.rules == CertVerify::Rules::own ? Profile::own() : Profile::foreign();
  request.lists = &question.lists;
  ChainVerdict verdict = verify(leaf, request);
  if (!verdict.accepted() || !question.pin) return verdict;
  ChainVerdict pinned = check_pin(leaf, {*question.pin});
  return pinned.accepted() ? verdict : pinned;
}

int answer(const CertVerify& call, const ChainVerdict& verdict, CertificateUse use, Output output) {
  if (output == Output::json) {
    Json chain = Json::array();
    for (const Certificate& each : verdict.chain) chain.push_back(name_text(each));
    std::cout << Json{{"accepted", verdict.accepted()},
                      {"purpose", name_of(use)},
                      {"fault", name_of(verdict.fault)},
                      {"why", verdict.why},
                      {"chain", chain}}
                     .dump()
              << '\n';
  } else if (verdict.accepted()) {
    std::string chain;
    for (const Certificate& each : verdict.chain)
      chain += concat(chain.empty() ? "" : " <- ", name_text(each));
    std::cout << call.certificate << ": good as a " << name_of(use) << ": " << chain << '\n';
  } else {
    std::cerr << "sallyport: " << call.certificate << " is refused: " << name_of(verdict.fault) << ": "
              << verdict.why << '\n';
  }
  return verdict.accepted() ? kExitDone : kExitRefused;
}

}  // namespace

int command_cert_show(const std::string& path, Output output) {
  const auto list = read_certificates(path, kBundleCertificatesMax);
  if (!list) return complain(list.error());
  const WallTime now = SystemClock().now();
  if (output == Output::json) {
    Json all = Json::array();
    for (const Certificate& each : *list) all.push_back(json_of(each, now));
    std::cout << (all.size() == 1 ? all.front() : all).dump() << '\n';
    return kExitDone;
  }
  for (std::size_t i = 0; i < list->size(); ++i) {
    if (i > 0) std::cout << '\n';
    print(list->at(i), now);
  }
  return kExitDone;
}

int command_cert_verify(const CertVerify& call, Output output) {
  auto question = question_of(call);
  if (!question) return complain(question.error());
  auto text = read_public(call.certificate);
  if (!text) return complain(text.error());
  const auto chain = read_certificates(call.certificate, kChainCertificatesMax);
  if (!chain) {  // it was read, and is no certificate: that is the answer, not a failure to find one
    const ChainVerdict malformed{CertificateFault::malformed, chain.error().what, {}};
    return answer(call, malformed, CertificateUse::server, output);
  }
  question->intermediates.insert(question->intermediates.end(), chain->begin() + 1, chain->end());
  const auto use = use_of(call, chain->front());
  if (!use) return complain(use.error());
  return answer(call, judge(call, chain->front(), *question, *use), *use, output);
}

}  // namespace sallyport
