// SPDX-License-Identifier: Apache-2.0
// The command line. The options of `run` and `config` come from config's one table; everything else stands
// here.
#include "cli.h"

#include <CLI/CLI.hpp>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <span>

#include "cert_cli.h"
#include "cli_parts.h"
#include "commands.h"
#include "completion.h"
#include "sallyport/base/text.h"
#include "sallyport/config/options.h"

namespace sallyport {
namespace {

/// SettingsOptions adds the table's options to a command and collects what was typed.
class SettingsOptions {
 public:
  SettingsOptions(CLI::App& command, std::span<const OptionSpec> options) {
    command.add_option("--config", config_file_, "read settings from this YAML file")->type_name("FILE");
    for (const OptionSpec& spec : options) add(command, spec);
  }
  [[nodiscard]] SettingsArguments collected() const {
    SettingsArguments arguments;
    arguments.config_file = config_file_;
    for (const auto& [spec, values] : typed_) {
      for (const auto& value : values) arguments.flags.push_back(NamedValue{std::string(spec->name), value});
    }
    for (const auto& [spec, count] : flags_) {
      if (count > 0) arguments.flags.push_back(NamedValue{std::string(spec->name), "true"});
    }
    return arguments;
  }

 private:
  void add(CLI::App& command, const OptionSpec& spec) {
    const std::string flag = concat("--", spec.name);
    std::string help(spec.help);
    if (!spec.default_text.empty() && spec.type != ValueType::flag)
      help += concat(" [", spec.default_text, "]");
    CLI::Option* option = nullptr;
    if (spec.type == ValueType::flag) {
      option = command.add_flag(flag, flags_[&spec], help);
    } else {
      option = command.add_option(flag, typed_[&spec], help);
      option->expected(1)
          ->type_name(std::string(spec.placeholder))
          ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    }
    option->group(std::string(name_of(spec.group)));
  }
  std::string config_file_;
  std::map<const OptionSpec*, std::vector<std::string>> typed_;
  std::map<const OptionSpec*, int> flags_;
};

void add_run(CLI::App& app, Chosen& chosen, std::vector<std::string>& tool, const Environment& environment) {
  auto* run = app.add_subcommand("run", "guard one tool, now");
  run->footer(
      "Usage: sallyport run [options] -- COMMAND [ARG ...]\n"
      "Example: sallyport run --preset opencode -- opencode serve\n"
      "         sallyport run --listen 0.0.0.0:8443 -- python3 -m http.server --bind 127.0.0.1 {port}\n"
      "COMMAND may hold {port} {socket} {token_file} {base_url} {session_id}.");
  auto options = std::make_shared<SettingsOptions>(*run, run_options());
  auto json = std::make_shared<bool>(false);
  run->add_flag("--json", *json, "with --preset list: for machines");
  run->callback([options, json, &chosen, &tool, &environment] {
    chosen = [options, json, &tool, &environment] {
      auto arguments = options->collected();
      for (const auto& flag : arguments.flags) {
        if (flag.name == "preset" && flag.value == "list") return command_preset_list(output_of(*json));
      }
      return command_run(arguments, std::move(tool), environment);
    };
  });
}

void add_serve(CLI::App& app, Chosen& chosen, const Environment& environment) {
  auto* serve = app.add_subcommand("serve", "guard many sessions");
  serve->footer(
      "Example: sallyport serve --listen 127.0.0.1:7070\n"
      "         sallyport session create -- python3 -m http.server --bind 127.0.0.1 {port}\n"
      "Options about the tool are what a session gets that does not ask otherwise.");
  auto options = std::make_shared<SettingsOptions>(*serve, all_options());
  serve->callback([options, &chosen, &environment] {
    chosen = [options, &environment] { return command_serve(options->collected(), environment); };
  });
}

void add_config_check(CLI::App& config, Chosen& chosen, const Environment& environment) {
  auto* command = config.add_subcommand(
      "check", "tell every fault of settings and policy at once; 0 where there is none");
  command->footer(
      "Example: sallyport config check --config sallyport.yaml\n"
      "         sallyport config check --policy policy.yaml --who alice --who group:staff --what 'GET /s/x'\n"
      "With --what: 0 allowed, 3 denied, and the rule that says so.");
  auto settings = std::make_shared<SettingsOptions>(*command, all_options());
  auto check = std::make_shared<PolicyCheck>();
  auto json = std::make_shared<bool>(false);
  command->add_option("--who", check->who, "ask the policy about a user, or about user:, group:, uri:, ...")
      ->expected(1)
      ->type_name("NAME")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_option("--what", check->what, "'GET /path', 'rpc package.Service/Method' or a permission")
      ->type_name("WHAT");
  command->add_option("--session", check->session, "in this session")->type_name("ID");
  command->add_option("--session-owner", check->owner, "which is that user's")->type_name("NAME");
  command->add_flag("--json", *json, "for machines");
  command->callback([settings, check, json, &chosen, &environment] {
    chosen = [settings, check, json, &environment] {
      return command_config_check(settings->collected(), *check, output_of(*json), environment);
    };
  });
}

void add_config(CLI::App& app, Chosen& chosen, const Environment& environment) {
  auto* config = app.add_subcommand("config", "settings: what is in force, and whether a file is good");
  config->require_subcommand(1);
  auto* show = config->add_subcommand("show", "every setting with its value and source; secrets are masked");
  show->footer("Example: SALLYPORT_LISTEN=127.0.0.1:9000 sallyport config show");
  auto shown = std::make_shared<SettingsOptions>(*show, all_options());
  auto json = std::make_shared<bool>(false);
  show->add_flag("--json", *json, "for machines");
  show->callback([shown, json, &chosen, &environment] {
    chosen = [shown, json, &environment] {
      return command_config_show(shown->collected(), output_of(*json), environment);
    };
  });
  auto* openapi = config->add_subcommand("openapi", "print the description of the admin API, OpenAPI 3.1");
  openapi->footer("Example: sallyport config openapi > openapi.json");
  openapi->callback([&chosen] { chosen = [] { return command_config_openapi(); }; });
  add_config_check(*config, chosen, environment);
}

void add_cookie(CLI::App& app, Chosen& chosen, const Environment& environment) {
  auto* cookie = app.add_subcommand("cookie", "magic cookies of plugins: make one, judge one");
  cookie->require_subcommand(1);
  auto* generate = cookie->add_subcommand("generate", "print a new magic cookie");
  generate->footer("Example: PLUGIN_MAGIC_COOKIE=$(sallyport cookie generate) ./host");
  auto length = std::make_shared<std::size_t>(32);
  generate->add_option("--length", *length, "bytes of randomness, 32 to 1024 [32]")->type_name("BYTES");
  generate->callback([length, &chosen] { chosen = [length] { return command_cookie_generate(*length); }; });

  auto* check = cookie->add_subcommand("check", "judge a cookie; 0 good, 3 with the reason, never the value");
  check->footer("Example: sallyport cookie check --strict --env PLUGIN_MAGIC_COOKIE");
  auto call = std::make_shared<CookieCheck>();
  auto flags = std::make_shared<std::pair<bool, bool>>();
  check->add_flag("--strict", flags->first, "at least 256 bits");
  check->add_flag("--json", flags->second, "for machines");
  auto* variable =
      check->add_option("--env", call->variable, "take it from this variable")->type_name("NAME");
  check->add_option("value", call->value, "the cookie, or - for standard input")
      ->type_name("VALUE")
      ->excludes(variable);
  check->callback([call, flags, &chosen, &environment] {
    chosen = [call, flags, &environment] {
      call->strictness = flags->first ? CookieCheck::Strictness::strict : CookieCheck::Strictness::usual;
      return command_cookie_check(std::move(*call), output_of(flags->second), environment);
    };
  });
}

void add_audit(CLI::App& app, Chosen& chosen, const Environment& environment) {
  auto* audit = app.add_subcommand("audit", "the audit log: read it, and prove that nobody changed it");
  audit->require_subcommand(1);
  auto* verify = audit->add_subcommand(
      "verify", "0 where the log is whole and as it was written; else 1 and the first bad line");
  verify->footer(
      "Example: sallyport audit verify\nRotated files beside FILE (FILE.1, FILE-20260131) are part of it.");
  auto* show = audit->add_subcommand("show", "events, oldest first; filters must all fit");
  show->footer("Example: sallyport audit show --since 2h --outcome denied");
  auto call = std::make_shared<AuditCall>();
  auto flags = std::make_shared<std::pair<bool, bool>>();
  for (auto* command : {verify, show}) {
    command->add_option("file", call->file, "the log [STATE/audit.jsonl]")->type_name("FILE");
    command->add_option("--state-dir", call->state_dir, "where the gateway keeps its state")
        ->type_name("DIR");
    command->add_flag("--json", flags->first, "for machines");
  }
  verify->add_option("--key", call->key, "the log's key [STATE/audit.key]")->type_name("FILE");
  verify
      ->add_option("--checkpoint", call->checkpoint,
                   "a checkpoint, such as a copy kept elsewhere [FILE.checkpoint]")
      ->type_name("FILE");
  verify->add_flag("--stream", flags->second,
                   "what syslog, journald or standard output collected: each start begins a chain");
  show->add_option("--since", call->since, "not older: 2h, 2026-01-31, 2026-01-31T12:00:00Z")
      ->type_name("TIME");
  show->add_option("--actor", call->actor, "who")->type_name("NAME");
  show->add_option("--event", call->event, "request, login, logout, session, ...")->type_name("EVENT");
  show->add_option("--outcome", call->outcome, "allowed, denied or failed")
      ->check(CLI::IsMember({"allowed", "denied", "failed"}));
  verify->callback([call, flags, &chosen, &environment] {
    chosen = [call, flags, &environment] {
      call->chains = flags->second ? AuditWish::Chains::many : AuditWish::Chains::one;
      return command_audit_verify(*call, output_of(flags->first), environment);
    };
  });
  show->callback([call, flags, &chosen, &environment] {
    chosen = [call, flags, &environment] {
      return command_audit_show(*call, output_of(flags->first), environment);
    };
  });
}

void add_doctor(CLI::App& app, Chosen& chosen, const Environment& environment) {
  auto* doctor = app.add_subcommand("doctor", "the security checklist: 0 no finding, 1 warnings, 3 failures");
  doctor->footer("Example: sallyport doctor --json");
  auto call = std::make_shared<DoctorCall>();
  auto json = std::make_shared<bool>(false);
  doctor->add_option("--config", call->settings.config_file, "judge the settings of this file too")
      ->type_name("FILE");
  doctor->add_option("--state-dir", call->state_dir, "where the gateway keeps its state")->type_name("DIR");
  doctor->add_flag("--json", *json, "for machines");
  doctor->callback([call, json, &chosen, &environment] {
    chosen = [call, json, &environment] { return command_doctor(*call, output_of(*json), environment); };
  });
}

void add_tls(CLI::App& app, Chosen& chosen, const Environment& environment) {
  auto* tls = app.add_subcommand("tls", "the listeners' certificate");
  tls->require_subcommand(1);
  auto* status = tls->add_subcommand("status", "which certificate is served, from where, and until when");
  status->footer(
      "Example: sallyport tls status --json\n"
      "0: it is good, or TLS is off; 1: there would be none; 3: it is over, not valid yet, due or not "
      "renewed.\n"
      "Where no gateway runs, the options say for which settings to look.");
  auto options = std::make_shared<SettingsOptions>(*status, all_options());
  auto call = std::make_shared<TlsStatusCall>();
  auto json = std::make_shared<bool>(false);
  status->add_option("--session", call->session, "whose gateway, where several run")->type_name("ID");
  status->add_flag("--json", *json, "for machines");
  status->callback([options, call, json, &chosen, &environment] {
    chosen = [options, call, json, &environment] {
      call->settings = options->collected();
      return command_tls_status(*call, output_of(*json), environment);
    };
  });
}

void add_lockout(CLI::App& app, Chosen& chosen, const Environment& environment) {
  auto* lockout = app.add_subcommand("lockout", "who has to wait after wrong credentials");
  lockout->require_subcommand(1);
  for (const auto verb : {LockoutCall::Verb::list, LockoutCall::Verb::release}) {
    const bool lists = verb == LockoutCall::Verb::list;
    auto* command = lists ? lockout->add_subcommand("list", "who is locked out now, and for how long")
                          : lockout->add_subcommand("release", "let somebody try again at once");
    command->footer(lists ? "Example: sallyport lockout list"
                          : "Example: sallyport lockout release --network 192.0.2.1");
    auto call = std::make_shared<LockoutCall>();
    call->verb = verb;
    auto flags = std::make_shared<std::pair<bool, bool>>();
    if (!lists) {
      command->add_option("--network", call->network, "an address, or uid:N of a Unix peer")
          ->type_name("ADDRESS");
      command->add_option("--user", call->user, "a name that was tried")->type_name("NAME");
      command->add_flag("--all", flags->first, "everybody");
    }
    command->add_option("--session", call->session, "whose gateway, where several run")->type_name("ID");
    command->add_option("--state-dir", call->state_dir, "where the gateway keeps its state")
        ->type_name("DIR");
    command->add_flag("--json", flags->second, "for machines");
    command->callback([call, flags, &chosen, &environment] {
      chosen = [call, flags, &environment] {
        call->everybody = flags->first ? LockoutCall::Everybody::yes : LockoutCall::Everybody::no;
        return command_lockout(*call, output_of(flags->second), environment);
      };
    });
  }
}

void add_completion(CLI::App& app, Chosen& chosen) {
  auto* completion = app.add_subcommand("completion", "print the completion script of a shell");
  completion->footer("Example: source <(sallyport completion bash)");
  auto shell = std::make_shared<std::string>();
  completion->add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  completion->callback([shell, &app, &chosen] {
    chosen = [shell, &app] {
      std::cout << completion_script(app, *shell);
      return kExitDone;
    };
  });
  auto* manual = app.add_subcommand("manual", "print the man page");
  manual->footer("Example: sallyport manual | man -l -");
  manual->callback([&app, &chosen] {
    chosen = [&app] {
      std::cout << manual_page(app);
      return kExitDone;
    };
  });
}

}  // namespace

int run_cli(int argc, const char* const* argv, const Environment& environment) {
  CLI::App app("The guard between people, the programs they start, and those who reach them.", "sallyport");
  app.footer(
      "Example: sallyport run -- python3 -m http.server --bind 127.0.0.1 {port}\nMore: sallyport COMMAND "
      "--help");
  app.require_subcommand(1);
  Chosen chosen;
  // What stands behind the first -- belongs to the tool, whatever it looks like.
  std::vector<std::string> tool;
  int own = 1;
  while (own < argc && std::string_view(argv[own]) != "--") ++own;
  for (int i = own + 1; i < argc; ++i) tool.emplace_back(argv[i]);

  add_run(app, chosen, tool, environment);
  add_serve(app, chosen, environment);
  add_session(app, chosen, tool, environment);
  add_token(app, chosen, environment);
  add_user(app, chosen, environment);
  add_lockout(app, chosen, environment);
  add_cookie(app, chosen, environment);
  add_cert(app, chosen, environment);
  add_tls(app, chosen, environment);
  add_audit(app, chosen, environment);
  add_doctor(app, chosen, environment);
  add_config(app, chosen, environment);
  add_completion(app, chosen);
  auto* version = app.add_subcommand("version", "version and what it was built with");
  bool json = false;
  version->add_flag("--json", json, "for machines");
  version->callback([&] { chosen = [&json] { return command_version(output_of(json)); }; });
  app.add_flag_callback(
         "--version", [&] { chosen = [] { return command_version(Output::text); }; }, "version")
      ->trigger_on_parse();
  if (own == 2 && std::string_view(argv[1]) == "--version") return command_version(Output::text);

  try {
    app.parse(own, const_cast<char**>(argv));  // CLI11 takes char** and does not write to it
  } catch (const CLI::CallForHelp&) {
    const auto commands = app.get_subcommands();
    const CLI::App* shown = &app;
    while (!shown->get_subcommands().empty()) shown = shown->get_subcommands().front();
    std::cout << shown->help();
    return kExitDone;
  } catch (const CLI::ParseError& error) {
    return refuse_usage(app, error, own, argv);
  }
  return chosen ? chosen() : kExitUsage;
}

}  // namespace sallyport
