// SPDX-License-Identifier: Apache-2.0
#include "sallyport/gateway/admin_json.h"

#include <nlohmann/json.hpp>

#include "sallyport/audit/event.h"
#include "sallyport/base/text.h"
#include "sallyport/http/status.h"

namespace sallyport {

namespace {

using Json = nlohmann::ordered_json;

std::string dumped(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string utc(WallTime at) {
  std::string out;
  append_utc(out, at);
  return out;
}

}  // namespace

std::string json_text(std::string_view text) { return dumped(Json(std::string(text))); }
std::string json_time(WallTime at) { return concat('"', utc(at), '"'); }

bool has_media_type(const RequestHead& head, std::string_view type) {
  const auto given = head.fields.value_of(HeaderId::content_type);
  return iequals(trimmed(given.substr(0, given.find(';'))), type);
}

Response problem(int status, std::string_view title, std::string_view detail) {
  const Json body{{"type", "about:blank"}, {"title", title}, {"status", status}, {"detail", detail}};
  Response response(status, "application/problem+json", dumped(body));
  response.add("Cache-Control", "no-store");
  return response;
}

Response problem_of(const Error& error) {
  const int status = http_status_of(error.code);
  return problem(status, name_of(error.code), error.what);
}

std::string json_session(const SessionView& view, std::string_view url, const SessionEntry* entry) {
  Json history = Json::array();
  for (const auto& change : view.history) {
    Json row{{"at", utc(change.at)}, {"state", name_of(change.state)}};
    if (change.ending != Ending::none) row["why"] = name_of(change.ending);
    if (change.exit) row["exit"] = change.exit->str();
    history.push_back(std::move(row));
  }
  Json body{{"id", view.id.view()},
            {"state", name_of(view.state)},
            {"url", url},
            {"preset", view.preset == nullptr ? "" : view.preset->name},
            {"pid", view.pid},
            {"starts", view.starts},
            {"inner_door", name_of(view.inner_door)},
            {"env_exposed", view.exposure == Exposure::environment},
            {"detail", view.detail},
            {"history", std::move(history)}};
  if (view.last_exit) body["last_exit"] = view.last_exit->str();
  if (entry != nullptr) {
    const bool has_origin = entry->reached == SessionRoute::Reached::by_origin;
    body["label"] = entry->name;
    body["owner"] = entry->owner;
    body["shared"] = entry->shared;
    body["created"] = utc(entry->created);
    body["routing"] = has_origin ? "origin" : "path";
    body["isolated"] = has_origin;  // on a path other sessions' pages can drive it
  }
  return dumped(body);
}

std::string json_tls(const TlsReport& report) {
  Json passed = Json::array();
  for (const auto& one : report.passed_over)
    passed.push_back({{"source", name_of(one.tier)}, {"why", one.why}});
  Json body{{"source", report.source}, {"why", report.why}, {"state", name_of(report.state)}};
  if (!report.fingerprint.empty()) {
    body["certificate"] = {{"names", report.names},
                           {"issuer", report.issuer},
                           {"not_before", utc(report.not_before)},
                           {"not_after", utc(report.not_after)},
                           {"days_left", report.days_left},
                           {"fingerprint_sha256", report.fingerprint}};
  }
  if (!report.root_file.empty()) body["root_file"] = report.root_file;
  body["passed_over"] = std::move(passed);
  if (!report.fault.empty()) body["fault"] = report.fault;
  if (report.changed_at != WallTime{}) body["changed"] = utc(report.changed_at);
  body["changes"] = report.changes;
  return dumped(body);
}

}  // namespace sallyport
