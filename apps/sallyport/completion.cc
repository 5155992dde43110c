// SPDX-License-Identifier: Apache-2.0
#include "completion.h"

#include <CLI/CLI.hpp>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

std::vector<const CLI::Option*> options_of(const CLI::App& app) {
  return app.get_options([](const CLI::Option* option) { return !option->get_lnames().empty(); });
}

/// words lists what may follow a command: its sub-commands, else its options.
std::string words(const CLI::App& app) {
  std::string out;
  for (const auto* command : commands_of(app)) out += concat(command->get_name(), ' ');
  for (const auto* option : options_of(app)) out += concat("--", option->get_lnames().front(), ' ');
  if (!out.empty()) out.pop_back();
  return out;
}

std::string bash_cases(const CLI::App& app, const std::string& path) {
  std::string out = concat("    \"", path, "\") words=\"", words(app), "\" ;;\n");
  for (const auto* command : commands_of(app)) out += bash_cases(*command, path + ' ' + command->get_name());
  return out;
}

std::string bash_script(const CLI::App& app) {
  return concat(
      "# sallyport completion for bash\n"
      "_sallyport() {\n"
      "  local current=\"${COMP_WORDS[COMP_CWORD]}\" path=\"sallyport\" words=\"\" i word\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    word=\"${COMP_WORDS[i]}\"\n"
      "    if [[ $word == -- ]]; then COMPREPLY=($(compgen -c -- \"$current\")); return; fi\n"
      "    [[ $word == -* ]] || path+=\" $word\"\n"
      "  done\n"
      "  case \"$path\" in\n",
      bash_cases(app, "sallyport"),
      "  esac\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
      "  [[ ${#COMPREPLY[@]} -gt 0 ]] || COMPREPLY=($(compgen -f -- \"$current\"))\n"
      "}\n"
      "complete -F _sallyport sallyport\n");
}

std::string fish_quoted(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '\'' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return out;
}

std::string fish_rows(const CLI::App& app, const std::string& condition) {
  std::string out;
  for (const auto* command : commands_of(app)) {
    out += concat("complete -c sallyport -n '", condition, "' -f -a ", command->get_name(), " -d '",
                  fish_quoted(command->get_description()), "'\n");
    out += fish_rows(*command, concat("__fish_seen_subcommand_from ", command->get_name()));
  }
  for (const auto* option : options_of(app)) {
    out += concat("complete -c sallyport -n '", condition, "' -l ", option->get_lnames().front(), " -d '",
                  fish_quoted(option->get_description()), "'\n");
  }
  return out;
}

/// roff escapes what man(7) would take for its own.
std::string roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out.push_back(c);
  }
  return out;
}

void manual_rows(std::string& out, const CLI::App& app, const std::string& path) {
  for (const auto* command : commands_of(app)) {
    const std::string name = path + ' ' + command->get_name();
    out += concat(".SS ", roff(name), "\n", roff(command->get_description()), "\n");
    for (const auto* option : options_of(*command)) {
      out += concat(".TP\n.B \\-\\-", roff(option->get_lnames().front()), ' ',
                    roff(option->get_items_expected() > 0 ? option->get_type_name() : ""), "\n",
                    roff(option->get_description()), "\n");
    }
    manual_rows(out, *command, name);
  }
}

}  // namespace

std::string completion_script(const CLI::App& app, std::string_view shell) {
  if (shell == "bash") return bash_script(app);
  if (shell == "fish")
    return concat("# sallyport completion for fish\n", fish_rows(app, "__fish_use_subcommand"));
  return concat("#compdef sallyport\nautoload -U +X bashcompinit && bashcompinit\n", bash_script(app));
}

std::string manual_page(const CLI::App& app) {
  std::string out =
      concat(".TH SALLYPORT 1\n.SH NAME\nsallyport \\- guard a local tool with one command\n",
             ".SH SYNOPSIS\n.B sallyport run\n[options] \\-\\- COMMAND [ARG ...]\n.SH DESCRIPTION\n",
             roff(app.get_description()), "\n.SH COMMANDS\n");
  manual_rows(out, app, "sallyport");
  out +=
      ".SH EXIT STATUS\n0 done, 1 failed, 2 wrong usage or configuration, 3 refused by a security rule, 130 "
      "interrupted; "
      "run ends with the tool's own status.\n.SH FILES\nThe state directory holds admin.sock, token, "
      "password, tls/, ca/, "
      "audit.jsonl and run/.\n";
  return out;
}

}  // namespace sallyport
