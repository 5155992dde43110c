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
inline constexpr std::size_t kListenersPerOwnerUsual = 16;

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
  FeedListener(std::string owner, Filter filter) : owner_(std::move(owner)), filter_(std::move(filter)) {}
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
  const std::string owner_;
  const Filter filter_;
  std::mutex mutex_;
  Taken waiting_;  ///< guarded by mutex_
};

/// Feed does not keep what nobody listens for. Any thread; publish is quick.
class Feed {
 public:
  Feed() = default;
  /// `admin` is the principal id of the user who runs the gateway; `per_owner_max` holds for everybody else.
  Feed(std::string admin, std::size_t per_owner_max)
      : admin_(std::move(admin)), per_owner_max_(per_owner_max) {}

  /// listen for `owner`: exhausted where he, or all together, listen too often already. The listener is told
  /// as long as it lives.
  Result<std::shared_ptr<FeedListener>> listen(const std::string& owner, FeedListener::Filter filter);
  void publish(FeedItem::Kind kind, const SessionId& session, std::string_view text);

 private:
  const std::string admin_;
  const std::size_t per_owner_max_ = kListenersPerOwnerUsual;
  std::mutex mutex_;
  std::uint64_t count_ = 0;                             ///< guarded by mutex_
  std::vector<std::weak_ptr<FeedListener>> listeners_;  ///< guarded by mutex_
};

}  // namespace sallyport
