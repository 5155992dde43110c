// SPDX-License-Identifier: Apache-2.0
#include "sallyport/plugin/internal/plugin_connection.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/launch/port.h"
#include "sallyport/launch/process_tree.h"
#include "sallyport/net/dialer.h"

namespace sallyport {
namespace {

using Connected = Result<std::unique_ptr<Stream>>;

Task<Connected> connect(Loop& loop, const SocketAddress& address, const PluginPeer& peer,
                        const MutualTls* tls, MonotonicTime deadline) {
  SocketDialer dialer(loop);
  Connected dialled = co_await dialer.dial(address, deadline);
  if (!dialled) co_return dialled;
  std::unique_ptr<Stream> stream = *std::move(dialled);
  Status fits = peer.check(address, stream->peer_process());
  if (!fits) co_return std::move(fits).error();
  if (tls == nullptr) co_return stream;
  Connected shaken = co_await tls->connect(loop, std::move(stream), deadline);
  co_return shaken;
}

Task<void> connect_on(SharedLoop& shared, SharedLoop::Turn& turn, const SocketAddress& address,
                      const PluginPeer& peer, const MutualTls* tls, MonotonicTime deadline,
                      std::optional<Connected>& result) {
  result.emplace(co_await connect(shared.loop(), address, peer, tls, deadline));
  shared.finish(turn);
}

}  // namespace

Status PluginPeer::check_owner(const SocketAddress& address) const {
  if (!address.is_unix()) return check_port(address);
  struct stat facts {};
  if (::lstat(address.path.c_str(), &facts) != 0) {
    return fail(Code::unavailable, concat("there is no socket at ", escaped(address.path),
                                          ", where the plugin says it listens"));
  }
  if (!S_ISSOCK(facts.st_mode))
    return fail(Code::permission_denied, concat(escaped(address.path), " is no socket"));
  if (facts.st_uid == uid) return ok();
  return fail(Code::permission_denied, concat("the socket ", escaped(address.path), " belongs to user ",
                                              facts.st_uid, ", not to the plugin's"));
}

Status PluginPeer::check_port(const SocketAddress& address) const {
  const auto proof = prove_listener(address.port, root);
  if (proof.owner == PortOwner::tool) return ok();
  if (proof.owner == PortOwner::nobody)
    return fail(Code::unavailable, concat("nothing listens at ", address.str()));
  return fail(Code::permission_denied, concat("who listens at ", address.str(), " is not the plugin",
                                              proof.note.empty() ? "" : ": ", proof.note));
}

Status PluginPeer::check(const SocketAddress& address, const std::optional<PeerProcess>& found) const {
  const auto refuse = [&](std::string_view why) {
    return fail(Code::permission_denied,
                concat("who listens at ", escaped(address.str()), " is not the plugin: ", why));
  };
  if (!address.is_unix()) return check_port(address);  // the kernel's table, once more: it may have changed
  if (!found) return refuse("the kernel does not say who it is");
  if (found->uid != uid) return refuse(concat("it runs as user ", found->uid));
  if (found->pid == process) return ok();
  const auto children = process_tree(root);
  const auto is_it = [&](const ProcessNode& node) { return node.pid == found->pid && node.pid != root; };
  if (below == Below::yes && std::any_of(children.begin(), children.end(), is_it)) return ok();
  return refuse(concat("process ", found->pid, " is neither the one that was started nor below it"));
}

Result<std::unique_ptr<Stream>> connect_plugin(SharedLoop& loop, const SocketAddress& address,
                                               const PluginPeer& peer,
                                               const std::shared_ptr<const MutualTls>& tls,
                                               MonotonicTime deadline) {
  SALLYPORT_CHECK(peer.check_owner(address));
  std::optional<Connected> connected;
  {
    SharedLoop::Hold hold(loop);
    SharedLoop::Turn turn;
    loop.loop().spawn(connect_on(loop, turn, address, peer, tls.get(), deadline, connected));
    loop.wait(hold, turn, kNever);  // dialer and handshake keep to the deadline themselves
  }
  if (!connected.has_value()) return fail(Code::cancelled, "the loop is closing");
  return *std::move(connected);
}

}  // namespace sallyport
