// SPDX-License-Identifier: Apache-2.0
// PluginDoor: where a plugin listens, for its host alone.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sallyport/base/result.h"
#include "sallyport/identity/facts.h"
#include "sallyport/net/listener.h"
#include "sallyport/plugin/server_terms.h"

namespace sallyport {

/// PluginPlace is where doors are opened: the plugin's own, and each of its broker's. A value.
struct PluginPlace {
  PluginTransport transport = PluginTransport::unix_socket;
  std::vector<std::string> directories;  ///< the first that can be used counts
  std::optional<std::uint32_t> group;    ///< the gid that may connect, too
  std::uint16_t port_min = 0;            ///< 0, and port_max 0: any
  std::uint16_t port_max = 0;
};

/// plugin_place turns `terms` into a place. `fallbacks` are the directories where the host names none.
/// Error: invalid_argument for a group that this machine does not know.
Result<PluginPlace> plugin_place(const PluginTerms& terms, std::vector<std::string> fallbacks);

/// PluginFolder is a directory of mode 0700 (0710 for a group) that goes when it does. A resource.
class PluginFolder {
 public:
  /// make creates `parent`/pluginXXXXXX with a random name. Errors: not_found, permission_denied,
  /// unavailable.
  static Result<std::unique_ptr<PluginFolder>> make(const std::string& parent);
  PluginFolder(const PluginFolder&) = delete;
  PluginFolder& operator=(const PluginFolder&) = delete;
  ~PluginFolder();
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  explicit PluginFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

/// PluginDoor is a listening socket: in a directory of its own that only we can enter (or the group that the
/// host named), or on 127.0.0.1. A resource that moves.
struct PluginDoor {
  std::unique_ptr<PluginFolder> folder;  ///< before the socket's file, so that it goes after it
  OpenedDoor opened;
  /// close takes the socket away, then its directory.
  void close() {
    opened = OpenedDoor();
    folder.reset();
  }
};

/// open_plugin_door: errors of open_door and PluginFolder; exhausted where no port of the range is free;
/// invalid_argument where the socket's path would be longer than the kernel takes.
Result<PluginDoor> open_plugin_door(const PluginPlace& place);

/// PluginPeers says who may connect.
enum class PluginPeers : std::uint8_t {
  host,       ///< our own user, and the process that started us or one above it
  same_user,  ///< any process of our own user: for hosts that attach again, and for test mode
  by_file,    ///< whoever the socket's file lets in: a host in a container, or of another user
};

/// PluginPeerRule judges by the kernel's word. A value.
struct PluginPeerRule {
  PluginPeers peers = PluginPeers::host;
  std::uint32_t own_uid = 0;
  /// The process that started us, the one that started that, and so on. Empty: not known, as in a container's
  /// own process numbers; then the user decides.
  std::vector<std::int32_t> ancestors;
  /// refusal is why this peer is refused; none: let it in.
  [[nodiscard]] std::optional<std::string> refusal(const std::optional<PeerProcess>& peer,
                                                   PluginTransport transport) const;
};

}  // namespace sallyport
