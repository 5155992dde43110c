// SPDX-License-Identifier: Apache-2.0
// `sallyport session ...`: asks a running gateway over its admin socket.
#include <iostream>
#include <nlohmann/json.hpp>

#include "admin_client.h"
#include "commands.h"
#include "sallyport/base/text.h"
#include "sallyport/config/values.h"

namespace sallyport {
namespace {

using Json = nlohmann::ordered_json;
using Verb = SessionCall::Verb;

struct Request {
  std::string_view method;
  std::string target;
  std::string body;
};

bool is_session_id(std::string_view id) {
  if (id.empty() || id.size() > 63) return false;
  for (const char c : id) {
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) return false;
  }
  return true;
}

Result<Request> request_for(const SessionCall& call) {
  if (call.verb != Verb::list && !is_session_id(call.id)) {
    return fail(Code::invalid_argument,
                concat("\"", escaped(call.id), "\" is no session id; see: sallyport session list"));
  }
  const std::string session = concat("/sessions/", call.id);
  switch (call.verb) {
    case Verb::list:
      return Request{"GET", "/sessions", ""};
    case Verb::show:
      return Request{"GET", session, ""};
    case Verb::logs:
      return Request{"GET", concat(session, "/logs"), ""};
    case Verb::end:
      return Request{"DELETE", session, ""};
    case Verb::link:
      return Request{"POST", concat(session, "/link"), "{}"};
    case Verb::rotate:
      break;
  }
  Json body = Json::object();
  if (!call.grace.empty()) {
    if (!parse_duration(call.grace))
      return fail(Code::invalid_argument, "--grace takes a duration with its unit, such as 30s");
    body["grace"] = call.grace;
  }
  if (call.backend == SessionCall::Backend::rotate) body["backend"] = true;
  return Request{"POST", concat(session, "/auth/rotate"), body.dump()};
}

/// detail_of takes the sentence out of an RFC 9457 problem document.
std::string detail_of(const std::string& body) {
  const auto parsed = Json::parse(body, nullptr, false);
  if (parsed.is_object() && parsed.contains("detail") && parsed["detail"].is_string())
    return parsed["detail"];
  return "the gateway refused";
}

void print_session(const Json& session) {
  std::cout << session.value("id", "") << '\t' << session.value("state", "") << '\t'
            << session.value("url", "") << '\n';
}

void print(const SessionCall& call, const std::string& body) {
  const auto answer = Json::parse(body, nullptr, false);
  if (call.verb == Verb::logs || !answer.is_object()) {
    std::cout << body;
  } else if (call.verb == Verb::list) {
    for (const auto& session : answer.value("sessions", Json::array())) print_session(session);
  } else if (call.verb == Verb::rotate) {
    std::cout << answer.value("token", "") << '\n';
  } else if (call.verb == Verb::link) {
    std::cout << answer.value("url", "") << '\n';
  } else {
    for (const auto& [key, value] : answer.items()) {
      std::cout << key << '\t' << (value.is_string() ? value.get<std::string>() : value.dump()) << '\n';
    }
  }
}

}  // namespace

int command_session(const SessionCall& call, Output output, const Environment& environment) {
  auto request = request_for(call);
  if (!request) return complain(request.error());
  std::string directory = call.state_dir;
  if (directory.empty()) {
    auto found = state_directory(environment);
    if (!found) return complain(found.error());
    directory = *found;
  }
  const auto answer =
      admin_call(find_admin_socket(directory, call.id), request->method, request->target, request->body);
  if (!answer) return complain(answer.error());
  if (answer->status == 403 || answer->status == 401) {
    return complain(fail(Code::permission_denied, detail_of(answer->body)));
  }
  if (answer->status >= 300) return complain(fail(Code::not_found, detail_of(answer->body)));
  if (output == Output::json && call.verb != Verb::logs) {
    std::cout << answer->body << '\n';
  } else {
    print(call, answer->body);
  }
  return kExitDone;
}

}  // namespace sallyport
