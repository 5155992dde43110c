// SPDX-License-Identifier: Apache-2.0
#include "sallyport/gateway/session_service.h"

#include <algorithm>
#include <array>
#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/gateway/directions.h"
#include "sallyport/gateway/guard_plan.h"
#include "sallyport/session/recipe.h"

namespace sallyport {
namespace {

constexpr std::size_t kIdSuffixBytes = 5;
constexpr std::size_t kIdStemMax = 63 - 1 - kIdSuffixBytes;
constexpr std::size_t kNameBytesMax = 64;

/// random_suffix keeps names of sessions from telling how many others there are.
std::string random_suffix(Entropy& entropy) {
  constexpr std::string_view kLetters = "abcdefghijkmnpqrstuvwxyz23456789";
  std::array<std::byte, kIdSuffixBytes> drawn{};
  entropy.fill(drawn);
  std::string suffix;
  for (const std::byte one : drawn)
    suffix.push_back(kLetters[std::to_integer<std::size_t>(one) % kLetters.size()]);
  return suffix;
}

constexpr std::array<std::string_view, 3> kRestarts{"no", "on-failure", "always"};

std::string_view spelled(RestartPolicy policy) noexcept {
  return kRestarts[static_cast<std::size_t>(policy)];
}

RestartPolicy restart_of(std::string_view spelling) noexcept {
  const auto* found = std::find(kRestarts.begin(), kRestarts.end(), spelling);
  return found == kRestarts.end() ? RestartPolicy::no : static_cast<RestartPolicy>(found - kRestarts.begin());
}

bool uses_base_url(const SessionRecord& record) {
  const auto names_it = [](std::string_view word) {
    return word.find("{base_url}") != std::string_view::npos;
  };
  const bool by_variable = std::any_of(record.environment.begin(), record.environment.end(),
                                       [&](const SecretText& one) { return names_it(one.expose()); });
  const Preset* preset = find_preset(record.preset.empty() ? "generic" : record.preset);
  const bool by_preset = preset != nullptr &&
                         std::any_of(preset->arguments.begin(), preset->arguments.end(), [](const auto& one) {
                           return one.first.find("{base_url}") != std::string_view::npos ||
                                  one.second.find("{base_url}") != std::string_view::npos;
                         });
  return by_preset || by_variable || std::any_of(record.command.begin(), record.command.end(), names_it);
}

Status check_people(const SessionWish& wish) {
  const auto fits = [](std::string_view name) { return !name.empty() && name.size() <= kNameBytesMax; };
  if (!wish.owner.empty() && !fits(wish.owner))
    return fail(Code::invalid_argument, "owner is the name of a user");
  if (!std::all_of(wish.shared.begin(), wish.shared.end(), fits))
    return fail(Code::invalid_argument, "shared is a list of users' names");
  return ok();
}

}  // namespace

std::shared_ptr<const Principal> SessionService::principal_of(const std::string& owner) {
  Principal who;
  who.id = owner;
  who.kind = PrincipalKind::session;
  who.provider = "session-token";
  return std::make_shared<const Principal>(std::move(who));
}

Result<SessionId> SessionService::choose_id(const SessionWish& wish) {
  if (wish.id.empty()) {
    const std::string stem = session_id_from(wish.command).substr(0, kIdStemMax);
    return SessionId(concat(stem, '-', random_suffix(parts_.entropy)));
  }
  if (is_session_id(wish.id)) return SessionId(wish.id);
  return fail(
      Code::invalid_argument,
      "a session's name is 1 to 63 of a-z, 0-9 and -, with no - at either end, since it becomes a host "
      "name");
}

SessionRecord SessionService::record_of(const SessionWish& wish, const SessionId& id,
                                        const std::string& owner) {
  const LifeRules defaults = parts_.defaults();
  SessionRecord record;
  record.id = id;
  record.name = wish.label;
  record.owner = owner;
  record.shared = wish.shared;
  record.command = wish.command;
  record.preset = wish.preset;
  for (const auto& text : wish.environment) record.environment.emplace_back(text);
  record.pass_environment = wish.pass_environment;
  record.directory = wish.directory;
  record.ready_path = wish.ready_path;
  const auto usual =
      parts_.origins == Parts::Origins::each ? SessionRecord::Routing::origin : SessionRecord::Routing::path;
  record.routing = wish.routing.value_or(usual);
  record.limits.ready_timeout = wish.ready_timeout.value_or(defaults.ready_timeout);
  record.limits.idle_timeout = wish.idle_timeout ? wish.idle_timeout : defaults.idle_timeout;
  record.limits.restart = spelled(wish.restart.value_or(defaults.restart));
  const bool waits = wish.start.value_or(defaults.start) == StartMode::on_demand;
  record.limits.start = waits ? SessionLimits::Start::on_demand : SessionLimits::Start::at_once;
  record.created = parts_.clock.wall();
  record.expires = parts_.clock.keep(wish.ttl ? after(parts_.clock.now(), *wish.ttl) : kNever);
  record.backend_credential = mint(CredentialKind::backend_credential, parts_.entropy).text;
  return record;
}

Result<SessionSpec> SessionService::spec_of(const SessionRecord& record) const {
  SessionSpec spec;
  spec.id = record.id;
  if (!record.preset.empty()) spec.preset = find_preset(record.preset);
  if (spec.preset == nullptr) {
    return fail(Code::invalid_argument, concat("there is no preset \"", escaped(record.preset),
                                               "\"; see: sallyport run --preset list"));
  }
  if (record.routing == SessionRecord::Routing::origin && parts_.origins == Parts::Origins::none) {
    return fail(Code::invalid_argument,
                "this gateway has no domain below which sessions could have origins of their own; start it "
                "with --domain, or ask for routing \"path\", which does not isolate sessions in a browser");
  }
  spec.command = record.command;
  for (const auto& variable : record.environment) spec.environment.emplace_back(variable.expose());
  spec.pass_environment = record.pass_environment;
  spec.directory = record.directory;
  spec.ready_path = record.ready_path;
  if (record.routing == SessionRecord::Routing::path) spec.base_url = path_route_of(record.id.view());
  spec.credential = record.backend_credential.duplicate();
  spec.life = parts_.defaults();
  spec.life.restart = restart_of(record.limits.restart);
  const bool waits = record.limits.start == SessionLimits::Start::on_demand;
  spec.life.start = waits ? StartMode::on_demand : StartMode::at_once;
  spec.life.ready_timeout = record.limits.ready_timeout;
  spec.life.idle_timeout = record.limits.idle_timeout;
  spec.life.expires = record.expires.monotonic;
  return spec;
}

SessionEntry SessionService::entry_of(const SessionRecord& record) const {
  SessionEntry entry;
  entry.id = record.id;
  entry.name = record.name;
  entry.owner = record.owner;
  entry.shared = record.shared;
  entry.created = record.created;
  if (record.routing == SessionRecord::Routing::path) {
    entry.reached =
        uses_base_url(record) ? SessionRoute::Reached::by_whole_path : SessionRoute::Reached::by_path;
  }
  return entry;
}

/// add_common puts the variables that every session gets below those that this one wants.
void SessionService::add_common(SessionWish& wish) const {
  auto all = parts_.environment();
  const auto name_of_pair = [](const std::string& pair) {
    return std::string_view(pair).substr(0, pair.find('='));
  };
  std::erase_if(all, [&](const std::string& common) {
    return std::any_of(wish.environment.begin(), wish.environment.end(),
                       [&](const std::string& own) { return name_of_pair(own) == name_of_pair(common); });
  });
  wish.environment.insert(wish.environment.begin(), all.begin(), all.end());
}

Result<CreatedSession> SessionService::create(SessionWish wish, const Grant& by) {
  add_common(wish);
  SALLYPORT_CHECK(check_people(wish));
  if (wish.command.empty()) return fail(Code::invalid_argument, "command is what to run, as a list of words");
  if (wish.ttl && (*wish.ttl <= Duration::zero() || *wish.ttl > kSessionLifeMax))
    return fail(Code::invalid_argument, "ttl is at most 366 days");
  SALLYPORT_TRY(id, choose_id(wish));
  SessionRecord record = record_of(wish, id, wish.owner.empty() ? by.principal->id : wish.owner);
  SALLYPORT_TRY(spec, spec_of(record));
  const SessionEntry entry = entry_of(record);
  SALLYPORT_CHECK(parts_.directory.add(entry));
  auto minted = parts_.tokens.create(id, principal_of(entry.owner), parts_.clock.now(), &by);
  if (!minted) {
    parts_.directory.remove(id);
    return std::move(minted).error();
  }
  note_token(record, *minted, Duration::zero(), by);
  parts_.open_routes(entry);
  if (auto begun = begin(std::move(record), std::move(spec)); !begun) {
    take_back(id);
    return std::move(begun).error();
  }
  return CreatedSession{id, *std::move(minted)};
}

/// begin: what is promised is written down before anything runs.
Status SessionService::begin(SessionRecord record, SessionSpec spec) {
  SALLYPORT_CHECK(parts_.records.put(record));
  {
    const std::lock_guard lock(mutex_);
    auto& kept = kept_[record.id];
    kept.record = std::move(record);
  }
  return parts_.supervisor.create(std::move(spec));
}

void SessionService::take_back(const SessionId& id) {
  parts_.tokens.end(id);
  parts_.close_routes(id);
  (void)parts_.records.remove(id);
  parts_.directory.remove(id);
  const std::lock_guard lock(mutex_);
  kept_.erase(id);
}

void SessionService::note_token(SessionRecord& record, const Minted& minted, Duration grace,
                                const Grant& by) const {
  const auto now = parts_.clock.now();
  const auto info = parts_.tokens.describe(record.id, now);
  const auto last = after(now, grace);
  for (auto& token : record.tokens) {
    if (token.expires.monotonic > last) token.expires = parts_.clock.keep(last);
  }
  std::erase_if(record.tokens, [now](const TokenRecord& token) { return token.expires.monotonic <= now; });
  TokenRecord added;
  added.digest = minted.digest;
  added.issued = parts_.clock.keep(now);
  added.expires = parts_.clock.keep(info ? info->expires : now);
  added.rotations = info ? info->rotations : 0;
  if (passes_on(by)) added.made_with = by.digest;
  record.tokens.push_back(std::move(added));
}

Result<Minted> SessionService::rotate(const SessionId& id, Duration grace, const Grant& by) {
  const std::lock_guard lock(mutex_);
  const auto found = kept_.find(id);
  const auto entry = parts_.directory.find(id);
  const bool over = found != kept_.end() && found->second.ended != kNever;
  if (entry == nullptr || over) return fail(Code::not_found, "there is no such session");
  const auto now = parts_.clock.now();
  auto minted = parts_.tokens.rotate(id, grace, now, &by);
  if (!minted && minted.error().code == Code::not_found)
    minted = parts_.tokens.create(id, principal_of(entry->owner), now, &by);
  if (!minted || found == kept_.end()) return minted;
  note_token(found->second.record, *minted, grace, by);
  SALLYPORT_CHECK(parts_.records.put(found->second.record));
  return minted;
}

Status SessionService::rotate_backend(const SessionId& id, RotationMode mode, Duration grace,
                                      std::function<void(Status)> done) {
  RotationRequest request;
  request.credential = mint(CredentialKind::backend_credential, parts_.entropy).text;
  request.mode = mode;
  if (grace > Duration::zero()) request.grace = grace;
  auto next = std::make_shared<SecretText>(request.credential.duplicate());
  request.done = [this, id, next, done = std::move(done)](Status outcome) {
    if (outcome) {
      const std::lock_guard lock(mutex_);
      if (const auto found = kept_.find(id); found != kept_.end()) {
        found->second.record.backend_credential = std::move(*next);
        outcome = parts_.records.put(found->second.record);
      }
    }
    done(std::move(outcome));
  };
  return parts_.supervisor.rotate(id, std::move(request));
}

Status SessionService::share(const SessionId& id, std::vector<std::string> with) {
  const auto before = parts_.directory.find(id);
  SALLYPORT_CHECK(parts_.directory.share(id, with));
  const auto lost = [&with](const std::string& one) {
    return std::find(with.begin(), with.end(), one) == with.end();
  };
  if (before != nullptr && std::any_of(before->shared.begin(), before->shared.end(), lost))
    parts_.cut_streams(id);
  const std::lock_guard lock(mutex_);
  const auto found = kept_.find(id);
  if (found == kept_.end()) return ok();
  found->second.record.shared = std::move(with);
  return parts_.records.put(found->second.record);
}

Status SessionService::end(const SessionId& id) {
  parts_.tokens.end(id);
  const Status noted = note_over(id);
  SALLYPORT_CHECK(parts_.supervisor.end(id, EndSpeed::orderly));
  return noted;
}

/// note_over writes down that a session is over before anybody is told so, and before its tool is gone:
/// should we be killed meanwhile, the next gateway ends what is left of it.
Status SessionService::note_over(const SessionId& id) {
  const std::lock_guard lock(mutex_);
  const auto found = kept_.find(id);
  if (found == kept_.end() || found->second.record.phase == SessionRecord::Phase::over) return ok();
  SessionRecord& record = found->second.record;
  const auto before = std::exchange(record.phase, SessionRecord::Phase::over);
  record.tokens.clear();
  Status noted = parts_.records.put(record);
  if (!noted) record.phase = before;  // so that the next who ends it tries again
  return noted;
}

void SessionService::on_change(const SessionView& view) {
  if (!view.ending_for_good() || retired_.load()) return;
  parts_.tokens.end(view.id);
  const bool asked_for = view.ending == Ending::requested || view.ending == Ending::expired;
  if (asked_for) parts_.close_routes(view.id);
  if (view.state != SessionState::stopped) return;
  if (asked_for) return forget(view.id);
  (void)note_over(view.id);  // where that fails, the next gateway starts its tool anew
  const std::lock_guard lock(mutex_);
  if (const auto found = kept_.find(view.id); found != kept_.end()) found->second.ended = parts_.clock.now();
}

void SessionService::forget(const SessionId& id) {
  {
    const std::lock_guard lock(mutex_);
    if (kept_.erase(id) == 0) return;  // the session of `run`, which ends with its gateway
  }
  (void)parts_.records.remove(id);  // where that fails, the next start finds that it is over
  (void)parts_.supervisor.forget(id);
  parts_.close_routes(id);
  parts_.directory.remove(id);
  parts_.tokens.end(id);  // also one that was made after the tool had ended by itself
}

void SessionService::tidy() {
  std::vector<SessionId> over;
  {
    const auto now = parts_.clock.now();
    const std::lock_guard lock(mutex_);
    for (const auto& [id, kept] : kept_) {
      if (kept.ended != kNever && now - kept.ended >= kEndedListedFor) over.push_back(id);
    }
  }
  for (const auto& id : over) forget(id);
}

}  // namespace sallyport
