// SPDX-License-Identifier: Apache-2.0
// Directions: which session a request is for, as its Host and path say, before anybody looks who asks.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sallyport/gateway/route.h"
#include "sallyport/http/message.h"
#include "sallyport/http/session_domain.h"

namespace sallyport {

/// Paths of sessions without an origin of their own begin with this, then the session's id and '/'.
inline constexpr std::string_view kPathRoutePrefix = "/s/";
/// path_route_of is "/s/<id>/".
std::string path_route_of(std::string_view session);

/// RouteTable is one loop's sessions. One thread. A route that is closed lives on for the requests that hold
/// it.
class RouteTable {
 public:
  /// open returns the session's route, made now where there is none yet.
  std::shared_ptr<SessionRoute> open(const SessionId& id, std::shared_ptr<TrafficCounters> traffic,
                                     SessionRoute::Reached reached);
  [[nodiscard]] std::shared_ptr<SessionRoute> find(std::string_view id) const;
  void close(const SessionId& id);
  [[nodiscard]] std::size_t size() const noexcept { return routes_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };
  std::unordered_map<std::string, std::shared_ptr<SessionRoute>, Hash, std::equal_to<>> routes_;
};

/// Destination is where one request goes.
class Destination {
 public:
  Destination() = default;  ///< the gateway's own origin
  explicit Destination(SessionId unknown, std::size_t prefix_bytes = 0)
      : unknown_(std::move(unknown)), prefix_bytes_(prefix_bytes) {}
  explicit Destination(std::shared_ptr<SessionRoute> route, std::size_t prefix_bytes = 0)
      : route_(std::move(route)), prefix_bytes_(prefix_bytes) {}

  /// session is whose origin or path was asked for; empty: nobody's.
  [[nodiscard]] const SessionId& session() const noexcept { return route_ ? route_->id() : unknown_; }
  /// route is null where there is no such session.
  [[nodiscard]] const std::shared_ptr<SessionRoute>& route() const noexcept { return route_; }
  /// prefix_bytes of the path name the session; 0 where the host does.
  [[nodiscard]] std::size_t prefix_bytes() const noexcept { return prefix_bytes_; }

 private:
  std::shared_ptr<SessionRoute> route_;
  SessionId unknown_;
  std::size_t prefix_bytes_ = 0;
};

/// Directions is shared by all loops; immutable.
class Directions {
 public:
  virtual ~Directions() = default;
  [[nodiscard]] virtual Destination find(const RequestHead& head, const RouteTable& routes) const = 0;
};

/// OneSession is for `run`: every request is for the one tool.
class OneSession final : public Directions {
 public:
  explicit OneSession(SessionId session) : session_(std::move(session)) {}
  [[nodiscard]] Destination find(const RequestHead& head, const RouteTable& routes) const override;

 private:
  SessionId session_;
};

/// ManySessions is for `serve`: the name decides, and below the gateway's own names the path. A session is
/// reached in the one way that it was made for: what has an origin of its own is not also found on a path,
/// where every other tool's pages could drive it.
class ManySessions final : public Directions {
 public:
  explicit ManySessions(std::vector<SessionDomain> domains) : domains_(std::move(domains)) {}
  [[nodiscard]] Destination find(const RequestHead& head, const RouteTable& routes) const override;

 private:
  std::vector<SessionDomain> domains_;
};

}  // namespace sallyport
