// SPDX-License-Identifier: Apache-2.0
// SessionService, after a restart: sessions and tokens as the records have them, in the time of this boot.
#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/gateway/session_service.h"

namespace sallyport {

/// rebase puts the times of a record into those of this boot.
void SessionService::rebase(SessionRecord& record) const {
  const DurableClock& clock = parts_.clock;
  for (auto& token : record.tokens) {
    const MonotonicTime expires = clock.revive(token.expires, token.issued.wall);
    token.issued = clock.keep(clock.revive_past(token.issued));
    token.expires = clock.keep(expires);
  }
  record.expires = clock.keep(clock.revive(record.expires, record.created));
}

std::vector<std::string> SessionService::restore(std::vector<SessionRecord> records) {
  std::vector<std::string> complaints;
  for (auto& record : records) {
    const std::string id = record.id.str();
    rebase(record);
    if (const auto restored = restore_one(std::move(record)); !restored)
      complaints.push_back(concat("session ", id, " was not brought back: ", restored.error().what));
  }
  return complaints;
}

/// One that cannot be brought back stays in the records: the next start may know how.
Status SessionService::restore_one(SessionRecord record) {
  const SessionId id = record.id;
  const bool over =
      record.phase == SessionRecord::Phase::over || record.expires.monotonic <= parts_.clock.now();
  SALLYPORT_TRY(spec, spec_of(record));
  spec.origin = SessionSpec::Origin::restored;
  if (over) spec.life.start = StartMode::on_demand;  // it is adopted where it runs, and started nowhere
  const SessionEntry entry = entry_of(record);
  SALLYPORT_CHECK(parts_.directory.restore(entry));
  for (std::size_t i = 0; i < record.tokens.size() && !over; ++i) {
    const TokenRecord& token = record.tokens[i];
    const bool last = i + 1 == record.tokens.size();
    waiting_.push_back(RestoredToken{id, principal_of(record.owner), token.digest, token.issued.monotonic,
                                     token.expires.monotonic, token.rotations, token.made_with,
                                     last ? RestoredToken::Place::current : RestoredToken::Place::in_grace});
  }
  parts_.open_routes(entry);
  {
    const std::lock_guard lock(mutex_);
    kept_[id].record = std::move(record);
  }
  SALLYPORT_CHECK(parts_.supervisor.create(std::move(spec)));
  return over ? parts_.supervisor.end(id, EndSpeed::orderly) : ok();
}

std::size_t SessionService::restore_some() {
  const auto now = parts_.clock.now();
  return std::erase_if(
      waiting_, [&](const RestoredToken& token) { return parts_.tokens.restore(token, now).has_value(); });
}

}  // namespace sallyport
