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

bool is_session_id(std::string_view id) {
  if (id.empty() || id.size() > 63) return false;
  for (const char c : id) {
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) return false;
  }
  return true;
}

Result<AdminRequest> request_for(const SessionCall& call) {
  if (call.verb != Verb::list && !is_session_id(call.id)) {
    return fail(Code::invalid_argument,
                concat("\"", escaped(call.id), "\" is no session id; see: sallyport session list"));
  }
  const std::string session = concat("/sessions/", call.id);
  switch (call.verb) {
    case Verb::list:
      return AdminRequest{"GET", "/sessions", ""};
    case Verb::show:
      return AdminRequest{"GET", session, ""};
    case Verb::logs:
      return AdminRequest{"GET", concat(session, "/logs"), ""};
    case Verb::end:
      return AdminRequest{"DELETE", session, ""};
    case Verb::link: {
      Json wish = Json::object();
      if (!call.user.empty()) wish["user"] = call.user;
      return AdminRequest{"POST", concat(session, "/link"),
                          wish.dump(-1, ' ', false, Json::error_handler_t::replace)};
    }
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
  return AdminRequest{"POST", concat(session, "/auth/rotate"), body.dump()};
}

void print_session(const Json& session) {
  std::cout << session.value("id", "") << '\t' << session.value("state", "") << '\t'
            << session.value("url", "") << '\n';
}

void print(const SessionCall& call, const std::string& body) {
  const auto answer = Json::parse(body, nullptr, false);
  if (call.verb == Verb::logs || !answer.is_object()) {
    std::cout << body;
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

/// list_sessions follows the pages to the last.
int list_sessions(const SessionCall& call, Output output, const Environment& environment) {
  Json all = Json::array();
  std::string after;
  do {
    const AdminRequest request{"GET", concat("/sessions?limit=500", after.empty() ? "" : "&after=", after),
                               ""};
    const auto body = admin_ask(call.state_dir, environment, {}, request);
    if (!body) return complain(body.error());
    const auto page = Json::parse(*body, nullptr, false);
    if (!page.is_object()) return complain(fail(Code::internal, "the gateway's answer is no JSON"));
    for (const auto& session : page.value("sessions", Json::array())) all.push_back(session);
    after = page.contains("next") && page["next"].is_string() ? page["next"].get<std::string>() : "";
  } while (!after.empty());
  if (output == Output::json) {
    std::cout << Json{{"sessions", all}}.dump() << '\n';
  } else {
    for (const auto& session : all) print_session(session);
  }
  return kExitDone;
}

Result<std::string> wish_json(const NewSession& wish) {
  Json body = Json::object();
  const std::pair<const char*, const std::string*> texts[] = {
      {"name", &wish.name},      {"label", &wish.label}, {"preset", &wish.preset},
      {"owner", &wish.owner},    {"image", &wish.image}, {"directory", &wish.directory},
      {"ready", &wish.ready},    {"ttl", &wish.ttl},     {"idle", &wish.idle},
      {"routing", &wish.routing}};
  for (const auto& [key, text] : texts) {
    if (!text->empty()) body[key] = *text;
  }
  if (!wish.command.empty()) body["command"] = wish.command;
  if (!wish.shared.empty()) body["shared"] = wish.shared;
  if (!wish.pass_env.empty()) body["pass_env"] = wish.pass_env;
  for (const auto& pair : wish.env) {
    const auto equals = pair.find('=');
    if (equals == std::string::npos) return fail(Code::invalid_argument, "--env takes NAME=VALUE");
    body["env"][pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  if (!wish.restart.empty()) body["limits"]["restart"] = wish.restart;
  if (wish.on_demand) body["limits"]["on_demand"] = true;
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

int command_session(const SessionCall& call, Output output, const Environment& environment) {
  auto request = request_for(call);
  if (!request) return complain(request.error());
  if (call.verb == Verb::logs && call.follow == SessionCall::Follow::yes) {
    auto directory =
        call.state_dir.empty() ? state_directory(environment) : Result<std::string>(call.state_dir);
    if (!directory) return complain(directory.error());
    const auto followed =
        admin_follow(find_admin_socket(*directory, call.id), concat(request->target, "?follow"),
                     [](std::string_view text) { std::cout << text << std::flush; });
    return followed ? kExitDone : complain(followed.error());
  }
  if (call.verb == Verb::list) return list_sessions(call, output, environment);
  const auto body = admin_ask(call.state_dir, environment, call.id, *request);
  if (!body) return complain(body.error());
  if (output == Output::json && call.verb != Verb::logs) {
    std::cout << *body << '\n';
  } else {
    print(call, *body);
  }
  return kExitDone;
}

int command_session_create(const NewSession& wish, Output output, const Environment& environment) {
  if (wish.command.empty() && wish.image.empty()) {
    return complain(fail(Code::invalid_argument,
                         "name the tool behind --, as in: sallyport session create -- python3 -m http.server "
                         "--bind 127.0.0.1 {port}"));
  }
  auto body = wish_json(wish);
  if (!body) return complain(body.error());
  const AdminRequest request{"POST", "/sessions", *std::move(body)};
  const auto answer = admin_ask(wish.state_dir, environment, {}, request);
  if (!answer) return complain(answer.error());
  if (output == Output::json) {
    std::cout << *answer << '\n';
    return kExitDone;
  }
  const auto made = Json::parse(*answer, nullptr, false);
  for (const char* key : {"id", "url", "token"}) std::cout << key << '\t' << made.value(key, "") << '\n';
  return kExitDone;
}

}  // namespace sallyport
