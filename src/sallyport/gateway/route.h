// SPDX-License-Identifier: Apache-2.0
// Route: what one loop knows of the guarded session, and the header lines that it adds for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "sallyport/base/secret.h"
#include "sallyport/identity/principal.h"
#include "sallyport/proxy/plan.h"
#include "sallyport/session/session.h"

namespace sallyport {

/// The lines of so many principals are kept ready per loop; beyond it they are made anew.
inline constexpr std::size_t kKeptLinesMax = 256;

/// SessionRoute is one loop's view of one session. One thread. A new view replaces the old one whole;
/// requests that are under way keep theirs.
class SessionRoute {
 public:
  using View = std::shared_ptr<const SessionView>;
  /// Reached is the one way in which the session's address is written; by_whole_path is for a tool that was
  /// told its {base_url}, and gets the path as it is.
  enum class Reached : std::uint8_t { by_origin, by_path, by_whole_path };

  SessionRoute() = default;
  SessionRoute(SessionId id, std::shared_ptr<TrafficCounters> traffic, Reached reached)
      : id_(std::move(id)), traffic_(std::move(traffic)), reached_(reached) {}

  [[nodiscard]] const SessionId& id() const noexcept { return id_; }
  /// traffic is shared with the session's other loops; may be null.
  [[nodiscard]] TrafficCounters* traffic() const noexcept { return traffic_.get(); }
  [[nodiscard]] Reached reached() const noexcept { return reached_; }

  /// adopt takes a new view of the session, and forgets the lines made for the one before.
  void adopt(View view);
  [[nodiscard]] const View& view() const noexcept { return view_; }
  [[nodiscard]] bool ready() const noexcept {
    return view_ != nullptr && view_->state == SessionState::ready;
  }

  /// lines_for returns what is added to a request of `principal`: the backend credential, X-Session-ID,
  /// X-Forwarded-User and -Groups, each line ended by CRLF. Values that cannot stand in a field are left out.
  /// Shared, so that a request keeps its lines while the route moves on.
  std::shared_ptr<const SecretText> lines_for(const std::shared_ptr<const Principal>& principal);

 private:
  struct Kept {
    std::shared_ptr<const Principal> principal;  ///< keeps the key's address taken
    std::shared_ptr<const SecretText> lines;
  };
  SessionId id_;
  std::shared_ptr<TrafficCounters> traffic_;
  Reached reached_ = Reached::by_origin;
  View view_;
  std::unordered_map<const Principal*, Kept> kept_;
};

}  // namespace sallyport
