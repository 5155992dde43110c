// SPDX-License-Identifier: Apache-2.0
// Guard::Core for `run`: the one session, its name, and what its tool is started with.
#include <fcntl.h>
#include <sys/file.h>

#include "sallyport/base/text.h"
#include "sallyport/gateway/internal/guard_core.h"
#include "sallyport/session/recipe.h"

namespace sallyport {

/// lock_name holds a lock file for the life of the process, so that two guards never share a run directory.
Status Guard::Core::lock_name(const std::string& name) {
  const std::string path = concat(run_directory(), '/', name, ".lock");
  Descriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return fail(Code::unavailable, concat("cannot open ", path));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail(Code::already_exists,
                concat("a session named ", name, " is running already; choose another name with --name"));
  }
  name_lock = std::move(fd);
  return ok();
}

Status Guard::Core::settle_name(const std::vector<std::string>& command) {
  if (!settings.name.empty()) {
    if (!is_session_id(settings.name)) {
      return fail(
          Code::invalid_argument,
          "--name is 1 to 63 of a-z, 0-9 and -, with no - at either end, since it becomes a host name");
    }
    session = SessionId(settings.name);
    return lock_name(settings.name);
  }
  const std::string base = session_id_from(command);
  for (int number = 1; number <= kDerivedNamesMax; ++number) {
    const std::string name = number == 1 ? base : concat(std::string_view(base).substr(0, 58), '-', number);
    auto locked = lock_name(name);
    if (locked) {
      session = SessionId(name);
      return ok();
    }
    if (locked.error().code != Code::already_exists) return locked;
  }
  return fail(Code::exhausted, concat("too many sessions named ", base, "; choose a name with --name"));
}

Status Guard::Core::open_session(std::vector<std::string> command) {
  SessionSpec spec;
  spec.id = session;
  if (!settings.preset.empty()) {
    spec.preset = find_preset(settings.preset);
    if (spec.preset == nullptr) {
      return fail(Code::invalid_argument, concat("there is no preset \"", escaped(settings.preset),
                                                 "\"; see: sallyport run --preset list"));
    }
  } else if (const Preset* known = preset_for(command.front())) {
    if (known->name != "generic") {
      told.warnings.push_back(
          concat("sallyport knows this tool: --preset ", known->name, " gives it a credential of its own"));
    }
  }
  if (settings.sandbox != SandboxLevel::none) {
    return fail(Code::invalid_argument, "--sandbox is not in this version yet; leave it out");
  }
  spec.command = std::move(command);
  for (const auto& [name, value] : settings.env) spec.environment.push_back(concat(name, '=', value));
  spec.pass_environment = settings.pass_env;
  spec.ready_path = settings.ready == "/" ? std::string() : settings.ready;
  spec.credential = mint(CredentialKind::backend_credential, powers.entropy).text;
  // The tool may ask the gate about itself where it can reach it without leaving this machine, and nothing
  // else.
  for (std::size_t i = 0; i < bound.size() && spec.internal.empty(); ++i) {
    if (reach_of(bound[i].address) != Reach::this_machine) continue;
    SALLYPORT_TRY(minted, internals.mint_for(session, {"/.sallyport/auth/status"}, powers.monotonic.now()));
    spec.internal = std::move(minted.text);
    spec.gate_url = urls_of(settings, bound[i], powers.local_names).front();
  }
  SessionEntry entry;
  entry.id = session;
  entry.owner = settings.user;
  entry.created = powers.clock.now();
  SALLYPORT_CHECK(directory.add(entry));
  for (auto& side : sides) side->open_session(entry.id, entry.traffic, entry.reached);
  spec.life.restart = static_cast<RestartPolicy>(settings.restart);
  spec.life.start = settings.on_demand == Switch::on ? StartMode::on_demand : StartMode::at_once;
  spec.life.ready_timeout = settings.ready_timeout;
  spec.life.idle_timeout = settings.idle_timeout;
  return supervisor->create(std::move(spec));
}

}  // namespace sallyport
