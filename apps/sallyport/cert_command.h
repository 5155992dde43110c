// SPDX-License-Identifier: Apache-2.0
// `sallyport cert`: what each sub-command was told, and the sub-commands themselves.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "commands.h"
#include "sallyport/pki/authority.h"

namespace sallyport {

inline constexpr unsigned kDaysMax = 36500;

enum class Existing : std::uint8_t { refuse, replace };

struct CertCa {
  std::string out;
  std::string name;
  std::string key = "p256";
  unsigned days = 3650;
  std::vector<std::string> permitted;
  Existing existing = Existing::refuse;
};
int command_cert_ca(const CertCa& call, Output output);

struct CertExport {
  std::string ca;         ///< a folder of `cert ca`; empty: the local authority of `run`
  std::string out;        ///< a file instead of stdout
  std::string state_dir;  ///< of `run`
};
int command_cert_export(const CertExport& call, Output output, const Environment& environment);

struct CertIssue {
  std::string ca;
  std::string out;
  CertificateUse use = CertificateUse::server;
  enum class Signer : std::uint8_t { authority, itself } signer = Signer::authority;
  std::vector<std::string> names;
  std::string name;
  std::string key = "p256";
  unsigned days = 90;
  Existing existing = Existing::refuse;
};
int command_cert_issue(const CertIssue& call, Output output);

struct CertRenew {
  std::string prefix;
  std::string ca;
  std::optional<unsigned> days;  ///< none: as long as before
  enum class Key : std::uint8_t { keep, renew } key = Key::keep;
  enum class When : std::uint8_t { now, if_due } when = When::now;
};
int command_cert_renew(const CertRenew& call, Output output);

struct CertRevoke {
  std::string ca;
  std::string certificate;  ///< a file
  std::string serial;       ///< or a serial number
  std::string reason = "unspecified";
};
int command_cert_revoke(const CertRevoke& call, Output output);

int command_cert_show(const std::string& path, Output output);

struct CertVerify {
  std::string certificate;
  std::string ca;
  std::string host;
  std::string purpose;
  std::vector<std::string> lists;
  std::string intermediates;
  std::string at;
  std::string pin;
  enum class Rules : std::uint8_t { foreign, own } rules = Rules::foreign;
};
int command_cert_verify(const CertVerify& call, Output output);

struct CertWatch {
  std::vector<std::string> paths;
  std::string warn = "30d";
  std::string interval = "1h";
  enum class Until : std::uint8_t { interrupted, once } until = Until::interrupted;
  enum class Form : std::uint8_t { lines, json, prometheus } form = Form::lines;
};
int command_cert_watch(const CertWatch& call);

}  // namespace sallyport
