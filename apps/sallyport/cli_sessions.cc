// SPDX-License-Identifier: Apache-2.0
// The command line of `session`, `token` and `user`.
#include <CLI/CLI.hpp>
#include <memory>
#include <utility>

#include "cli_parts.h"
#include "sallyport/base/text.h"

namespace sallyport {
namespace {

void add_state_dir(CLI::App& command, std::string& place) {
  command.add_option("--state-dir", place, "where the gateway keeps its state")->type_name("DIR");
}

void add_create(CLI::App& session, Chosen& chosen, std::vector<std::string>& tool,
                const Environment& environment) {
  auto* create = session.add_subcommand("create", "start a tool; its token is printed this once");
  create->footer(
      "Usage: sallyport session create [options] -- COMMAND [ARG ...]\n"
      "Example: sallyport session create --owner alice --ttl 8h -- python3 -m http.server --bind 127.0.0.1 "
      "{port}");
  auto wish = std::make_shared<NewSession>();
  auto json = std::make_shared<bool>(false);
  create->add_option("--name", wish->name, "id, and host name; made from the command where not given")
      ->type_name("NAME");
  create->add_option("--label", wish->label, "a text for people")->type_name("TEXT");
  create->add_option("--preset", wish->preset, "how the tool takes its credential and port")
      ->type_name("NAME");
  create->add_option("--owner", wish->owner, "whose the session is [you]")->type_name("USER");
  create->add_option("--share", wish->shared, "who else may use it")
      ->type_name("USER")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  create->add_option("--image", wish->image, "container image")->type_name("IMAGE");
  create->add_option("--env", wish->env, "a variable for the tool")
      ->type_name("K=V")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  create->add_option("--pass-env", wish->pass_env, "a variable of the gateway that the tool gets as well")
      ->type_name("K")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  create->add_option("--directory", wish->directory, "where the tool runs [the gateway's]")->type_name("DIR");
  create->add_option("--ready", wish->ready, "it has started when this path answers below 500")
      ->type_name("PATH");
  create->add_option("--ttl", wish->ttl, "it ends after so long [never]")->type_name("D");
  create->add_option("--idle", wish->idle, "its tool is stopped after so long without traffic")
      ->type_name("D");
  create->add_option("--restart", wish->restart, "no, on-failure or always")->type_name("WHEN");
  create->add_flag("--on-demand", wish->on_demand, "start it with the first request");
  create->add_option("--routing", wish->routing, "origin, or path, which does not isolate")->type_name("HOW");
  add_state_dir(*create, wish->state_dir);
  create->add_flag("--json", *json, "for machines");
  create->callback([wish, json, &chosen, &tool, &environment] {
    chosen = [wish, json, &tool, &environment] {
      wish->command = std::move(tool);
      return command_session_create(*wish, output_of(*json), environment);
    };
  });
}

void add_user_logout(CLI::App& user, Chosen& chosen, const Environment& environment) {
  auto* command = user.add_subcommand("logout", "end somebody's logins and login links, at once");
  command->footer("Example: sallyport user logout alice --tokens");
  auto call = std::make_shared<LogoutCall>();
  auto flags = std::make_shared<std::pair<bool, bool>>();
  command->add_option("name", call->name, "the user")->required()->type_name("NAME");
  command->add_flag("--tokens", flags->first, "access tokens too");
  command->add_option("--session", call->session, "whose gateway, where several run")->type_name("ID");
  add_state_dir(*command, call->state_dir);
  command->add_flag("--json", flags->second, "for machines");
  command->callback([call, flags, &chosen, &environment] {
    chosen = [call, flags, &environment] {
      if (flags->first) call->tokens = LogoutCall::Tokens::revoke;
      return command_user_logout(*call, output_of(flags->second), environment);
    };
  });
}

}  // namespace

void add_session(CLI::App& app, Chosen& chosen, std::vector<std::string>& tool,
                 const Environment& environment) {
  auto* session = app.add_subcommand("session", "sessions of a running gateway");
  session->require_subcommand(1);
  add_create(*session, chosen, tool, environment);
  using Verb = SessionCall::Verb;
  struct Row {
    const char* name;
    const char* help;
    Verb verb;
  };
  constexpr Row kRows[] = {{"list", "all sessions", Verb::list},
                           {"show", "one session and its credential's state", Verb::show},
                           {"rotate", "a new session token, printed this once", Verb::rotate},
                           {"link", "a new one-time login link, printed this once", Verb::link},
                           {"end", "stop the tool and end every credential of the session", Verb::end},
                           {"logs", "what the tool printed last", Verb::logs}};
  for (const Row& row : kRows) {
    auto* command = session->add_subcommand(row.name, row.help);
    command->footer(concat("Example: sallyport session ", row.name, row.verb == Verb::list ? "" : " whoami"));
    auto call = std::make_shared<SessionCall>();
    call->verb = row.verb;
    auto flags = std::make_shared<std::pair<bool, bool>>();
    if (row.verb != Verb::list)
      command->add_option("id", call->id, "the session")->required()->type_name("ID");
    if (row.verb == Verb::rotate) {
      command->add_option("--grace", call->grace, "the old token goes on for so long [none]")->type_name("D");
      command->add_flag("--backend", flags->first, "also the credential between gateway and tool");
    }
    if (row.verb == Verb::link)
      command->add_option("--user", call->user, "whom it signs in, to this session only [you]")
          ->type_name("NAME");
    if (row.verb == Verb::logs) command->add_flag("--follow", flags->first, "and what it prints from now on");
    add_state_dir(*command, call->state_dir);
    command->add_flag("--json", flags->second, "for machines");
    command->callback([call, flags, &chosen, &environment] {
      chosen = [call, flags, &environment] {
        call->backend = flags->first ? SessionCall::Backend::rotate : SessionCall::Backend::keep;
        call->follow = flags->first ? SessionCall::Follow::yes : SessionCall::Follow::no;
        return command_session(*call, output_of(flags->second), environment);
      };
    });
  }
}

void add_token(CLI::App& app, Chosen& chosen, const Environment& environment) {
  auto* token = app.add_subcommand("token", "access tokens of a running gateway");
  token->require_subcommand(1);
  const auto add = [&](const char* name, const char* help, const char* example, TokenCall::Verb verb) {
    auto* command = token->add_subcommand(name, help);
    command->footer(concat("Example: sallyport token ", example));
    auto call = std::make_shared<TokenCall>();
    auto json = std::make_shared<bool>(false);
    call->verb = verb;
    if (verb == TokenCall::Verb::create) {
      command->add_option("--owner", call->owner, "whom it proves [you]")->type_name("USER");
      command->add_option("--name,--label", call->label, "what it is for")->type_name("TEXT");
      command->add_option("--session", call->session, "the only session that it opens")->type_name("ID");
      command->add_option("--role", call->roles, "a role, such as admin")
          ->type_name("ROLE")
          ->expected(1)
          ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
      command->add_option("--ttl", call->ttl, "it ends after so long [never]")->type_name("D");
    } else if (verb == TokenCall::Verb::revoke) {
      command->add_option("id", call->id, "as listed")->required()->type_name("ID");
    }
    add_state_dir(*command, call->state_dir);
    command->add_flag("--json", *json, "for machines");
    command->callback([call, json, &chosen, &environment] {
      chosen = [call, json, &environment] { return command_token(*call, output_of(*json), environment); };
    });
  };
  add("create", "make one; it is printed this once", "create --owner alice --label ci --ttl 30d",
      TokenCall::Verb::create);
  add("list", "all that there are, never their text", "list", TokenCall::Verb::list);
  add("revoke", "end one, and what it opened", "revoke 0123456789ab", TokenCall::Verb::revoke);
}

void add_user(CLI::App& app, Chosen& chosen, const Environment& environment) {
  auto* user = app.add_subcommand("user", "people of the password file");
  user->require_subcommand(1);
  const auto add = [&](const char* name, const char* help, UserCall::Verb verb) {
    auto* command = user->add_subcommand(name, help);
    command->footer(concat("Example: sallyport user ", name, verb == UserCall::Verb::list ? "" : " alice"));
    auto call = std::make_shared<UserCall>();
    auto json = std::make_shared<bool>(false);
    call->verb = verb;
    if (verb != UserCall::Verb::list)
      command->add_option("name", call->name, "the user")->required()->type_name("NAME");
    command->add_option("--file", call->file, "the password file [STATE/password]")->type_name("FILE");
    add_state_dir(*command, call->state_dir);
    command->add_flag("--json", *json, "for machines");
    command->callback([call, json, &chosen, &environment] {
      chosen = [call, json, &environment] { return command_user(*call, output_of(*json), environment); };
    });
  };
  add("add", "let somebody in; the password is read from standard input", UserCall::Verb::add);
  add("passwd", "give somebody a new password, read from standard input", UserCall::Verb::passwd);
  add("remove", "end somebody's logins and tokens", UserCall::Verb::remove);
  add("list", "who there is", UserCall::Verb::list);
  add_user_logout(*user, chosen, environment);
}

}  // namespace sallyport
