// SPDX-License-Identifier: Apache-2.0
// `sallyport audit verify` and `audit show`.
#include <ctime>
#include <iostream>
#include <nlohmann/json.hpp>

#include "audit_setup.h"
#include "commands.h"
#include "sallyport/audit/log_files.h"
#include "sallyport/audit/verify.h"
#include "sallyport/base/text.h"
#include "sallyport/config/values.h"
#include "sallyport/env/posix/system.h"

namespace sallyport {
namespace {

using Json = nlohmann::ordered_json;

struct Place {
  std::string state_dir;
  std::string log;
  LogSet set;
};

Result<Place> find_log(const AuditCall& call, const Environment& environment) {
  Place place;
  place.state_dir = call.state_dir;
  if (place.state_dir.empty()) {
    SALLYPORT_TRY(found, state_directory(environment));
    place.state_dir = std::move(found);
  }
  place.log = call.file.empty() ? place.state_dir + "/audit.jsonl" : call.file;
  place.set = find_log_set(place.log);
  return place;
}

void print_text(const AuditVerdict& verdict, const LogSet& set) {
  for (const auto& note : verdict.notes) std::cerr << "sallyport: note: " << note << '\n';
  for (const auto& file : set.unread)
    std::cerr << "sallyport: note: " << file << " is compressed and was not read\n";
  if (!verdict.good) {
    std::cout << "line " << verdict.line << " of " << verdict.file << ' ' << verdict.what << '\n';
    return;
  }
  std::cout << "good: events " << verdict.first_seq << " to " << verdict.end.seq << " in " << set.files.size()
            << (set.files.size() == 1 ? " file" : " files") << '\n';
  if (verdict.first_seq > 1)
    std::cerr << "sallyport: note: events before " << verdict.first_seq
              << " are in files that are not here\n";
}

void print_json(const AuditVerdict& verdict, const LogSet& set) {
  Json out{{"good", verdict.good},
           {"events", verdict.events},
           {"first_seq", verdict.first_seq},
           {"last_seq", verdict.end.seq},
           {"last_mac", to_hex(verdict.end.mac.bytes)},
           {"files", set.files},
           {"unread", set.unread},
           {"notes", verdict.notes}};
  if (!verdict.good) {
    out["file"] = verdict.file;
    out["line"] = verdict.line;
    out["what"] = verdict.what;
  }
  std::cout << out.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
}

/// read_point reads the checkpoint. Where nobody named one it may be absent for a log that stands elsewhere.
Result<std::optional<ChainPoint>> read_point(const AuditCall& call, const Place& place, const AuditKey& key,
                                             Files& files) {
  const std::string path = call.checkpoint.empty() ? checkpoint_path(place.log) : call.checkpoint;
  const auto text = files.read_text(path, FilePrivacy::any);
  if (!text) {
    const bool optional = call.checkpoint.empty() && text.error().code == Code::not_found;
    if (!optional) return text.error();
    return std::optional<ChainPoint>();
  }
  auto point = read_checkpoint(key, *text);
  if (!point)
    return fail(Code::internal, concat("the checkpoint ", path, " is not good: ", point.error().what));
  return std::optional<ChainPoint>(*point);
}

/// Filter is what `audit show` looks for; empty fields let everything pass.
struct Filter {
  std::string since;  ///< as the log writes times, so that text compares like time
  const AuditCall& call;

  [[nodiscard]] bool lets(const Json& event) const {
    const auto text = [&event](const char* name) {
      const auto found = event.find(name);
      return found != event.end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    const auto is = [&text](const char* name, const std::string& wanted) {
      return wanted.empty() || text(name) == wanted;
    };
    return is("who", call.actor) && is("event", call.event) && is("outcome", call.outcome) &&
           (since.empty() || text("time") >= since);
  }
};

/// since_text makes a time of the log of "2h", or takes the beginning of one: "2026-01-31",
/// "2026-01-31T12:00".
Result<std::string> since_text(const std::string& since, WallTime now) {
  if (since.empty()) return std::string();
  if (const auto ago = parse_duration(since)) {
    std::string text;
    append_utc(text, now - *ago);
    return text;
  }
  constexpr std::string_view kForm = "dddd-dd-ddTdd:dd:dd.dddZ";
  bool good = since.size() >= 10 && since.size() <= kForm.size();
  for (std::size_t i = 0; good && i < since.size(); ++i) {
    const bool digit = since[i] >= '0' && since[i] <= '9';
    good = kForm[i] == 'd' ? digit : since[i] == kForm[i] || (since[i] == 'Z' && i + 1 == since.size());
  }
  if (!good) {
    return fail(
        Code::invalid_argument,
        "--since takes a duration such as 2h, or a UTC time such as 2026-01-31 or 2026-01-31T12:00:00Z");
  }
  std::string text = since;
  if (text.back() == 'Z' && text.size() < kForm.size()) text.pop_back();
  return text;
}

std::string text_of(const Json& event, const char* name) {
  const auto found = event.find(name);
  if (found == event.end()) return "-";
  return found->is_string() ? escaped(found->get<std::string>(), kAuditTextBytesMax) : found->dump();
}

void print_event(const Json& event) {
  std::cout << text_of(event, "time") << '\t' << text_of(event, "event") << '\t' << text_of(event, "outcome")
            << '\t' << text_of(event, "who");
  for (const char* name : {"how", "session", "denial", "method", "path", "peer", "detail"}) {
    if (event.contains(name)) std::cout << '\t' << name << '=' << text_of(event, name);
  }
  std::cout << '\n';
}

}  // namespace

int command_audit_verify(const AuditCall& call, Output output, const Environment& environment) {
  auto place = find_log(call, environment);
  if (!place) return complain(place.error());
  SystemFiles files;
  const std::string key_path = call.key.empty() ? audit_key_path(place->state_dir) : call.key;
  const auto key = read_audit_key(files, key_path);
  if (!key) {
    return complain(
        fail(Code::invalid_argument, concat("to verify, the key that the log was written with is needed: ",
                                            key.error().what, "; name it with --state-dir or --key")));
  }
  if (place->set.files.empty())
    return complain(
        fail(Code::not_found, concat("there is no audit log ", place->log, "; name it, or --state-dir")));
  AuditWish wish;
  wish.files = place->set.files;
  wish.chains = call.chains;
  if (wish.chains == AuditWish::Chains::one) {
    const auto point = read_point(call, *place, *key, files);
    if (!point) return complain(point.error());
    wish.checkpoint = *point;
  }
  auto verdict = verify_audit(*key, wish);
  if (!verdict) return complain(verdict.error());
  if (!wish.checkpoint && wish.chains == AuditWish::Chains::one && verdict->good) {
    if (call.file.empty()) {
      verdict->good = false;
      ++verdict->line;
      verdict->what = concat("may be missing: the checkpoint ", checkpoint_path(place->log), " is gone");
    } else {
      verdict->notes.push_back(
          "there is no checkpoint beside it, so events cut from the end would not be seen");
    }
  }
  output == Output::json ? print_json(*verdict, place->set) : print_text(*verdict, place->set);
  return verdict->good ? kExitDone : kExitFailed;
}

int command_audit_show(const AuditCall& call, Output output, const Environment& environment) {
  const auto place = find_log(call, environment);
  if (!place) return complain(place.error());
  if (place->set.files.empty())
    return complain(
        fail(Code::not_found, concat("there is no audit log ", place->log, "; name it, or --state-dir")));
  const SystemClock clock;
  auto since = since_text(call.since, clock.now());
  if (!since) return complain(since.error());
  const Filter filter{*since, call};
  std::uint64_t unreadable = 0;
  for (const auto& file : place->set.files) {
    auto reader = LineReader::open(file);
    if (!reader) return complain(reader.error());
    LineReader::Line line;
    for (;;) {
      const auto more = reader->next(line);
      if (!more) return complain(more.error());
      if (!*more) break;
      const auto event = Json::parse(line.text, nullptr, false);
      if (!event.is_object()) {
        ++unreadable;
      } else if (filter.lets(event)) {
        output == Output::json ? void(std::cout << line.text << '\n') : print_event(event);
      }
    }
  }
  if (unreadable > 0)
    std::cerr << "sallyport: note: " << unreadable << " lines are no events; see: sallyport audit verify\n";
  return kExitDone;
}

}  // namespace sallyport
