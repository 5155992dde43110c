// SPDX-License-Identifier: Apache-2.0
// Guard::Core: what outlives a gateway, and how it comes back.
#include "sallyport/base/text.h"
#include "sallyport/gateway/internal/guard_core.h"

namespace sallyport {

Status Guard::Core::open_store() {
  if (serves_many() && settings.store == StoreKind::sqlite) {
    StorePlace place;
    place.state_directory = settings.state_dir;
    if (const auto given = powers.variables("CREDENTIALS_DIRECTORY")) place.credentials_directory = *given;
    SALLYPORT_TRY(opened, DurableStore::open(place, powers.files, powers.entropy, powers.clock));
    durable = std::move(opened);
    durable_clock.saw(durable->latest_time());
  }
  access_tokens = std::make_unique<AccessTokens>(
      store, durable ? durable->access_tokens() : memory_access_tokens, powers.entropy, durable_clock,
      AccessTokenLimits{settings.user, settings.tokens_per_owner});
  return ok();
}

SupervisorOptions Guard::Core::supervisor_options() const {
  SupervisorOptions options;
  options.state_directory = settings.state_dir;
  options.parent_environment = powers.parent_environment;
  if (durable) options.survival = std::chrono::duration_cast<std::chrono::seconds>(settings.survive);
  return options;
}

/// A token comes back after the one that it was made with, whichever of the two kinds that is; what is left
/// at the end was made with one that has ended.
Status Guard::Core::restore() {
  if (!durable) return ok();
  SALLYPORT_TRY(tokens, durable->access_tokens().load_all());
  SALLYPORT_TRY(sessions, durable->sessions().load_all());
  access_tokens->restore(std::move(tokens));
  for (auto& complaint : service->restore(std::move(sessions))) told.warnings.push_back(std::move(complaint));
  while (access_tokens->restore_some() + service->restore_some() > 0) {
  }
  access_tokens->forget_waiting();
  service->forget_waiting();
  supervisor->wait_for_calls();  // who asks now finds each session as it is
  return ok();
}

}  // namespace sallyport
