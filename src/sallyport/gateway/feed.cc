// SPDX-License-Identifier: Apache-2.0
#include "sallyport/gateway/feed.h"

#include <algorithm>
#include <utility>

#include "sallyport/base/text.h"

namespace sallyport {

void FeedListener::offer(const FeedItem& item) {
  if (!filter_(item)) return;
  const std::lock_guard lock(mutex_);
  if (waiting_.items.size() >= kFeedBacklogMax) {
    waiting_.items.pop_front();
    ++waiting_.lost;
  }
  waiting_.items.push_back(item);
}

FeedListener::Taken FeedListener::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(waiting_, {});
}

Result<std::shared_ptr<FeedListener>> Feed::listen(const std::string& owner, FeedListener::Filter filter) {
  const std::lock_guard lock(mutex_);
  std::erase_if(listeners_, [](const auto& one) { return one.expired(); });
  const auto own = std::count_if(listeners_.begin(), listeners_.end(), [&owner](const auto& one) {
    const auto listener = one.lock();
    return listener != nullptr && listener->owner_ == owner;
  });
  if (owner != admin_ && static_cast<std::size_t>(own) >= per_owner_max_) {
    return fail(Code::exhausted, concat(owner, " listens to ", own,
                                        " streams, and may open no more (--listeners-per-owner); close one"));
  }
  if (listeners_.size() >= kFeedListenersMax)
    return fail(Code::exhausted, "too many listen already; try again later");
  auto made = std::make_shared<FeedListener>(owner, std::move(filter));
  listeners_.push_back(made);
  return made;
}

void Feed::publish(FeedItem::Kind kind, const SessionId& session, std::string_view text) {
  std::vector<std::shared_ptr<FeedListener>> told;
  FeedItem item;
  {
    const std::lock_guard lock(mutex_);
    item.number = ++count_;
    if (listeners_.empty()) return;
    for (const auto& one : listeners_) {
      if (auto listener = one.lock()) told.push_back(std::move(listener));
    }
  }
  if (told.empty()) return;
  item.kind = kind;
  item.session = session;
  item.text = text;
  for (const auto& listener : told) listener->offer(item);
}

}  // namespace sallyport
