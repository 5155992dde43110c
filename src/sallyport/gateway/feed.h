// SPDX-License-Identifier: Apache-2.0
// Feed: what happens, told to whoever listens: changes of sessions and lines of their tools.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "sallyport/base/result.h"
#include "sallyport/identity/principal.h"

namespace sallyport {

inline constexpr std::size_t kFeedBacklogMax = 1000;
inline constexpr std::size_t kFeedListenersMax = 256;

/// FeedItem is one thing that happened.
struct FeedItem {
  enum class Kind : std::uint8_t { state, output } kind = Kind::state;
  std::uint64_t number = 0;
  SessionId session;
  std::string text;  ///< of output: the line; of a state: its name
};

/// FeedListener collects what its filter lets through until it is asked. Any thread.
class FeedListener {
 public:
  using Filter = std::function<bool(const FeedItem&)>;
  explicit FeedListener(Filter filter) : filter_(std::move(filter)) {}
  /// take returns what came since, the oldest first. A listener that is slow loses the oldest; `lost` says
  /// how many.
  struct Taken {
    std::deque<FeedItem> items;
    std::uint64_t lost = 0;
  };
  Taken take();

 private:
  friend class Feed;
  void offer(const FeedItem& item);
  const Filter filter_;
  std::mutex mutex_;
  Taken waiting_;  ///< guarded by mutex_
};

/// Feed does not keep what nobody listens for. Any thread; publish is quick.
class Feed {
 public:
  /// listen: exhausted where too many listen already. The listener is told as long as it lives.
  Result<std::shared_ptr<FeedListener>> listen(FeedListener::Filter filter);
  void publish(FeedItem::Kind kind, const SessionId& session, std::string_view text);

 private:
  std::mutex mutex_;
  std::uint64_t count_ = 0;                             ///< guarded by mutex_
  std::vector<std::weak_ptr<FeedListener>> listeners_;  ///< guarded by mutex_
};

}  // namespace sallyport
