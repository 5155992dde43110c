// SPDX-License-Identifier: Apache-2.0
#include "sallyport/credential/ticket_ledger.h"

#include <algorithm>

namespace sallyport {

TicketLedger::TicketLedger(TicketLimits limits) noexcept
    : limits_{std::max<std::size_t>(limits.per_user_max, 1), std::max<std::size_t>(limits.all_max, 1)} {}

std::vector<Digest> TicketLedger::add(const Digest& digest, const std::string& user, MonotonicTime expires,
                                      MonotonicTime now) {
  const std::lock_guard lock(mutex_);
  std::vector<Digest> leaving;
  const auto leave = [&](Entries::iterator entry) {
    leaving.push_back(entry->digest);
    close(entry, State::gone);
  };
  while (!open_.empty() && open_.front().expires <= now) leave(open_.begin());
  const auto of_user = open_of_user_.find(user);
  if (of_user != open_of_user_.end() && of_user->second.size() >= limits_.per_user_max)
    leave(of_user->second.front());
  if (open_.size() >= limits_.all_max) leave(open_.begin());
  const auto entry = open_.insert(open_.end(), Entry{digest, user, expires});
  by_slot_[digest.slot()] = entry;
  open_of_user_[user].push_back(entry);
  return leaving;
}

void TicketLedger::spend(const Digest& digest) {
  const std::lock_guard lock(mutex_);
  const auto found = by_slot_.find(digest.slot());
  if (found != by_slot_.end() && found->second->state == State::open) close(found->second, State::spent);
}

Denial TicketLedger::why_absent(const Digest& digest, MonotonicTime now) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_slot_.find(digest.slot());
  if (found == by_slot_.end() || !found->second->digest.matches(digest)) return Denial::unknown_credential;
  if (found->second->state == State::spent) return Denial::already_used;
  return found->second->expires <= now ? Denial::expired : Denial::unknown_credential;
}

std::size_t TicketLedger::open() const {
  const std::lock_guard lock(mutex_);
  return open_.size();
}

void TicketLedger::close(Entries::iterator entry, State state) {
  const auto of_user = open_of_user_.find(entry->user);
  std::erase(of_user->second, entry);
  if (of_user->second.empty()) open_of_user_.erase(of_user);
  entry->state = state;
  closed_.splice(closed_.end(), open_, entry);
  if (closed_.size() <= limits_.all_max) return;
  by_slot_.erase(closed_.front().digest.slot());
  closed_.pop_front();
}

}  // namespace sallyport
