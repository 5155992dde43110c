// SPDX-License-Identifier: Apache-2.0
#include "sallyport/plugin/server_door.h"

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

constexpr std::size_t kGroupBytes = std::size_t{64} * 1024;  ///< room for the members of a large group

Result<std::uint32_t> group_id(const std::string& name) {
  if (const auto number = parse_decimal<std::uint32_t>(name)) return *number;
  std::vector<char> room(kGroupBytes);
  group entry{};
  group* found = nullptr;
  if (::getgrnam_r(name.c_str(), &entry, room.data(), room.size(), &found) != 0 || found == nullptr) {
    return fail(Code::invalid_argument, concat("the host's variable ", kPluginSocketGroupVariable, " is `",
                                               escaped(name, 40), "`; there is no such group here"));
  }
  return found->gr_gid;
}

Result<PluginDoor> open_tcp_door(const PluginPlace& place) {
  const auto loopback = IpAddress::v4({127, 0, 0, 1});
  for (unsigned port = place.port_min; port <= place.port_max; ++port) {
    auto opened = open_door(SocketAddress::tcp(loopback, static_cast<std::uint16_t>(port)), 1);
    if (opened) return PluginDoor{nullptr, *std::move(opened)};
    const auto code = opened.error().code;
    if (code != Code::already_exists && code != Code::permission_denied) return std::move(opened).error();
  }
  return fail(Code::exhausted,
              concat("no port from ", place.port_min, " to ", place.port_max, " is free on 127.0.0.1; widen ",
                     kPluginMinPortVariable, " and ", kPluginMaxPortVariable));
}

/// open_to lets a group in, once the socket is bound: bound it was by us alone.
Status open_to(std::uint32_t group, const PluginDoor& door) {
  const auto& socket = door.opened.address.path;
  const auto& folder = door.folder->path();
  const auto no_one = static_cast<uid_t>(-1);
  if (::chown(socket.c_str(), no_one, group) != 0 || ::chmod(socket.c_str(), 0660) != 0 ||
      ::chown(folder.c_str(), no_one, group) != 0 || ::chmod(folder.c_str(), 0710) != 0) {
    return fail(Code::permission_denied, concat("cannot give the plugin's socket to group ", group, ": ",
                                                std::strerror(errno), "; the plugin's user has to be in it"));
  }
  return ok();
}

Result<PluginDoor> open_unix_door(const std::string& parent, std::optional<std::uint32_t> group) {
  SALLYPORT_TRY(folder, PluginFolder::make(parent));
  PluginDoor door;
  const auto address = SocketAddress::unix_path(concat(folder->path(), "/s"));
  door.folder = std::move(folder);
  SALLYPORT_TRY(opened, open_door(address, 1));
  door.opened = std::move(opened);
  if (group) SALLYPORT_CHECK(open_to(*group, door));
  return door;
}

}  // namespace

Result<PluginPlace> plugin_place(const PluginTerms& terms, std::vector<std::string> fallbacks) {
  PluginPlace place;
  place.transport = terms.transport;
  place.port_min = terms.port_min;
  place.port_max = terms.port_max;
  place.directories = std::move(fallbacks);
  if (!terms.socket_directory.empty()) place.directories = {terms.socket_directory};
  if (!terms.socket_group.empty()) {
    SALLYPORT_TRY(id, group_id(terms.socket_group));
    place.group = id;
  }
  return place;
}

Result<std::unique_ptr<PluginFolder>> PluginFolder::make(const std::string& parent) {
  std::string path = concat(parent, parent.ends_with('/') ? "" : "/", "pluginXXXXXX");
  if (::mkdtemp(path.data()) == nullptr) {
    const int error = errno;
    const auto code = error == ENOENT || error == ENOTDIR ? Code::not_found
                      : error == EACCES || error == EROFS ? Code::permission_denied
                                                          : Code::unavailable;
    return fail(code, concat("cannot make a directory for the plugin's socket in ", escaped(parent), ": ",
                             std::strerror(error), "; set ", kPluginSocketDirVariable));
  }
  return std::unique_ptr<PluginFolder>(new PluginFolder(std::move(path)));
}

PluginFolder::~PluginFolder() { ::rmdir(path_.c_str()); }

Result<PluginDoor> open_plugin_door(const PluginPlace& place) {
  if (place.transport == PluginTransport::tcp) return open_tcp_door(place);
  Result<PluginDoor> door = fail(Code::not_found, "there is no directory for the plugin's socket");
  for (const auto& directory : place.directories) {
    door = open_unix_door(directory, place.group);
    if (door) break;
  }
  return door;
}

std::optional<std::string> PluginPeerRule::refusal(const std::optional<PeerProcess>& peer,
                                                   PluginTransport transport) const {
  if (peers == PluginPeers::by_file && transport == PluginTransport::unix_socket) return std::nullopt;
  if (!peer) return "the kernel does not say whose process it is";
  if (peer->uid != own_uid) return concat("it belongs to another user, ", peer->uid);
  if (peers != PluginPeers::host || ancestors.empty() || peer->pid == 0) return std::nullopt;
  if (std::find(ancestors.begin(), ancestors.end(), peer->pid) != ancestors.end()) return std::nullopt;
  return concat("process ", peer->pid, " did not start this plugin");
}

}  // namespace sallyport
