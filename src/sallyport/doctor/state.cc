// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "sallyport/audit/chain.h"
#include "sallyport/audit/log_files.h"
#include "sallyport/audit/sink.h"
#include "sallyport/audit/verify.h"
#include "sallyport/base/text.h"
#include "sallyport/doctor/doctor.h"
#include "sallyport/pki/certificate.h"

namespace sallyport {
namespace {

using enum Finding::Severity;
namespace fs = std::filesystem;

constexpr std::size_t kEntriesMax = 10'000;
constexpr Duration kCertificateWarning = std::chrono::hours(24 * 30);
constexpr std::string_view kSqliteMagic{"SQLite format 3\0", 16};

std::string octal(unsigned mode) {
  std::string text = "0000";
  for (int i = 3; i >= 0; --i, mode >>= 3)
    text[static_cast<std::size_t>(i)] = static_cast<char>('0' + (mode & 7));
  return text;
}

void judge_entry(const fs::path& path, const Machine& machine, std::vector<Finding>& found) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return;  // it went away meanwhile
  const std::string shown = escaped(path.native(), 400);
  if (S_ISLNK(info.st_mode)) {
    found.push_back({failure, "state.symlink", concat(shown, " is a symbolic link"),
                     concat("it is not followed; replace it by what it means: rm ", shown)});
    return;
  }
  if (info.st_uid != machine.own_uid && info.st_uid != 0) {
    found.push_back({failure, "state.owner", concat(shown, " belongs to user ", info.st_uid),
                     concat("chown ", machine.own_uid, ' ', shown)});
  }
  const bool is_public = path.extension() == ".crt" || path.extension() == ".pem";
  const unsigned forbidden = is_public ? 022 : 077;
  if ((info.st_mode & forbidden) == 0) return;
  found.push_back({failure, S_ISDIR(info.st_mode) ? "state.directory-mode" : "state.file-mode",
                   concat(shown, " is of mode ", octal(info.st_mode & 07777)),
                   concat("chmod ", S_ISDIR(info.st_mode) ? "700 " : "600 ", shown,
                          "; what stood in it may be known: make its secret anew")});
}

void judge_certificate(const std::string& path, Files& files, WallTime now, std::vector<Finding>& found) {
  const auto text = files.read_text(path, FilePrivacy::any);
  if (!text) {
    found.push_back(
        {failure, "certificate.unreadable", text.error().what, "put the file there, readable for this user"});
    return;
  }
  const auto certificate = Certificate::from_pem(*text);
  if (!certificate) {
    found.push_back({failure, "certificate.unreadable", concat(path, ": ", certificate.error().what),
                     "replace it by a certificate in PEM"});
    return;
  }
  const auto& facts = certificate->facts();
  const auto days = std::chrono::duration_cast<std::chrono::hours>(facts.not_after - now).count() / 24;
  if (facts.not_before > now) {
    found.push_back({failure, "certificate.not-yet-valid", concat(path, " is not valid yet"),
                     "look at the clock of this machine, and at that of who issued it"});
  } else if (facts.not_after < now) {
    found.push_back(
        {failure, "certificate.expired", concat(path, " has expired ", -days, " days ago"), "renew it"});
  } else if (facts.not_after <
             now + std::min<Duration>(kCertificateWarning, (facts.not_after - facts.not_before) / 3)) {
    found.push_back(
        {warning, "certificate.expires-soon", concat(path, " expires in ", days, " days"), "renew it"});
  }
  const bool authority = path.find("authority") != std::string::npos;
  if (!authority && facts.names.empty()) {
    found.push_back({failure, "certificate.no-names", concat(path, " names no host (no subjectAltName)"),
                     "issue it anew with the names under which people come: browsers refuse this one"});
  }
}

}  // namespace

std::vector<Finding> examine_state(const std::string& state_dir, const Machine& machine) {
  std::vector<Finding> found;
  struct stat info {};
  if (::lstat(state_dir.c_str(), &info) != 0) {
    if (errno == ENOENT) return found;  // nothing was started yet
    found.push_back({failure, "state.unreadable",
                     concat("cannot look at ", state_dir, ": ", std::strerror(errno)),
                     "run doctor as the user who runs the gateway"});
    return found;
  }
  judge_entry(state_dir, machine, found);
  std::error_code error;
  std::size_t seen = 0;
  const auto options = fs::directory_options::none;  // links are not followed
  for (fs::recursive_directory_iterator at(state_dir, options, error), end; !error && at != end;
       at.increment(error)) {
    if (++seen > kEntriesMax) break;
    if (!at->is_socket(error)) judge_entry(at->path(), machine, found);
  }
  if (error || seen > kEntriesMax) {
    found.push_back({warning, "state.unreadable", concat(state_dir, " could not be looked through whole"),
                     "run doctor as the user who runs the gateway"});
  }
  return found;
}

std::vector<Finding> examine_store(const std::string& state_dir) {
  const std::string path = state_dir + "/store.db";
  std::error_code error;
  if (!fs::exists(path, error)) return {};
  std::ifstream file(path, std::ios::binary);
  std::string magic(kSqliteMagic.size(), '\0');
  file.read(magic.data(), static_cast<std::streamsize>(magic.size()));
  if (file && magic == kSqliteMagic) return {};
  return {{failure, "store.damaged", concat(path, " is no SQLite database"),
           "restore it, or move it away: everybody then logs in anew"}};
}

std::vector<Finding> examine_certificates(const std::string& state_dir, const Settings& settings,
                                          Files& files, WallTime now) {
  std::vector<Finding> found;
  if (!settings.tls_cert.empty()) judge_certificate(settings.tls_cert, files, now, found);
  std::error_code error;
  for (fs::directory_iterator at(state_dir + "/tls", error), end; !error && at != end; at.increment(error)) {
    if (at->path().extension() == ".crt") judge_certificate(at->path(), files, now, found);
  }
  if (!settings.tls_key.empty()) {
    const auto key = files.read_secret(settings.tls_key, FilePrivacy::owner_only);
    if (!key) {
      found.push_back({failure, "certificate.key", key.error().what, concat("chmod 600 ", settings.tls_key)});
    }
  }
  return found;
}

std::vector<Finding> examine_audit(const std::string& state_dir, const Settings& settings, Files& files) {
  const std::string log = settings.audit.empty() ? state_dir + "/audit.jsonl" : settings.audit;
  if (!is_log_file(log)) return {};
  AuditWish wish;
  wish.files = find_log_set(log).files;
  const auto point_text = files.read_text(checkpoint_path(log), FilePrivacy::any);
  if (wish.files.empty() && !point_text) return {};  // nothing was started yet
  const auto key = read_audit_key(files, state_dir + "/audit.key");
  if (!key) {
    return {{failure, "audit.key", key.error().what,
             "without the right key nobody can prove that the log is whole"}};
  }
  const auto point = point_text ? read_checkpoint(*key, *point_text) : Result<ChainPoint>(point_text.error());
  if (!point) {
    return {{failure, "audit.checkpoint", concat(checkpoint_path(log), ": ", point.error().what),
             "events may have been cut from the end of the log: compare with what was kept elsewhere"}};
  }
  wish.checkpoint = *point;
  const auto verdict = verify_audit(*key, wish);
  if (verdict && verdict->good) return {};
  const std::string evidence = verdict
                                   ? concat("line ", verdict->line, " of ", verdict->file, ' ', verdict->what)
                                   : verdict.error().what;
  return {{failure, "audit.chain", evidence,
           "somebody changed the log, or the disk did: keep it, find out who, and begin a new one"}};
}

std::vector<Finding> examine_settings(const LoadedSettings& loaded) {
  std::vector<Finding> found;
  for (const auto& problem : loaded.problems) {
    const bool bad = problem.severity == Problem::Severity::error;
    found.push_back({bad ? failure : warning, "config.problem", concat(problem.where, ": ", problem.what),
                     "correct it; see: sallyport config check"});
  }
  for (const auto& row : loaded.rows) {
    if (row.rule != SettingRow::Rule::weakened) continue;
    const bool insecure = row.option->name.starts_with("insecurely-");
    found.push_back({insecure ? failure : warning, "setting.weakened",
                     concat("--", row.option->name, " weakens a rule (from ", row.where, ")"),
                     "leave it out, or know why it is there"});
  }
  return found;
}

}  // namespace sallyport
