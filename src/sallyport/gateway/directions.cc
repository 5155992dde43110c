// SPDX-License-Identifier: Apache-2.0
#include "sallyport/gateway/directions.h"

#include "sallyport/base/text.h"
#include "sallyport/session/recipe.h"

namespace sallyport {
namespace {

Destination named(std::string_view id, SessionRoute::Reached reached, const RouteTable& routes,
                  std::size_t prefix_bytes) {
  auto route = routes.find(id);
  const bool has_origin = route != nullptr && route->reached() == SessionRoute::Reached::by_origin;
  if (route == nullptr || has_origin != (reached == SessionRoute::Reached::by_origin))
    return Destination(SessionId(std::string(id)), prefix_bytes);
  return Destination(std::move(route), prefix_bytes);
}

/// by_path takes "/s/<id>" and "/s/<id>/...", spelled in the raw path as in the decoded one: bytes that are
/// cut off must be the ones that were judged.
Destination by_path(const Target& target, const RouteTable& routes) {
  if (!target.path.starts_with(kPathRoutePrefix)) return {};
  const auto end = target.path.find('/', kPathRoutePrefix.size());
  const std::string_view id = target.path.substr(
      kPathRoutePrefix.size(), end == std::string_view::npos ? end : end - kPathRoutePrefix.size());
  const std::size_t prefix_bytes = kPathRoutePrefix.size() + id.size();
  if (!is_session_id(id) || !target.path_raw.starts_with(target.path.substr(0, prefix_bytes))) return {};
  const auto rest = target.path_raw.substr(prefix_bytes);
  if (!rest.empty() && rest.front() != '/') return {};
  return named(id, SessionRoute::Reached::by_path, routes, prefix_bytes);
}

}  // namespace

std::string path_route_of(std::string_view session) { return concat(kPathRoutePrefix, session, '/'); }

std::shared_ptr<SessionRoute> RouteTable::open(const SessionId& id, std::shared_ptr<TrafficCounters> traffic,
                                               SessionRoute::Reached reached) {
  auto& place = routes_[id.str()];
  if (place == nullptr) place = std::make_shared<SessionRoute>(id, std::move(traffic), reached);
  return place;
}

std::shared_ptr<SessionRoute> RouteTable::find(std::string_view id) const {
  const auto found = routes_.find(id);
  return found == routes_.end() ? nullptr : found->second;
}

void RouteTable::close(const SessionId& id) { routes_.erase(id.str()); }

Destination OneSession::find(const RequestHead&, const RouteTable& routes) const {
  auto route = routes.find(session_.view());
  return route == nullptr ? Destination(session_) : Destination(std::move(route));
}

Destination ManySessions::find(const RequestHead& head, const RouteTable& routes) const {
  const std::string_view host = head.fields.value_of(HeaderId::host);
  for (const SessionDomain& domain : domains_) {
    const auto label = domain.label_in(host);
    if (!label.empty()) return named(label, SessionRoute::Reached::by_origin, routes, 0);
  }
  return by_path(head.target, routes);
}

}  // namespace sallyport
