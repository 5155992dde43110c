// SPDX-License-Identifier: Apache-2.0
#include "sallyport/plugin/internal/plugin_start.h"

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/launch/image.h"
#include "sallyport/plugin/host.h"
#include "sallyport/plugin/internal/plugin_connection.h"

namespace sallyport {
namespace {

/// Prepared is what is needed before the process is made.
struct Prepared {
  std::optional<OneTimeIdentity> identity;
  ChildEnvironment environment;
  std::optional<SecretText> credential;
  std::optional<ProgramImage> image;
  std::vector<SecretText> secrets;  ///< not to be quoted from the plugin's output
};

Status prepare_cookie(const PluginLaunch& launch, Entropy& entropy, Prepared& made) {
  const auto& cookie = launch.cookie;
  if (cookie.way() == PluginCookie::Way::drawn) {
    SALLYPORT_TRY(drawn, MagicCookie::generate(entropy));
    made.credential = drawn.text().duplicate();
  } else if (cookie.way() == PluginCookie::Way::descriptor) {
    made.credential = cookie.value().duplicate();
  }
  made.secrets.push_back(made.credential ? made.credential->duplicate() : cookie.value().duplicate());
  for (const auto& one : launch.set) made.secrets.push_back(one.value.duplicate());
  return ok();
}

Result<Prepared> prepare(const PluginLaunch& launch, const PluginPowers& powers,
                         const std::string& socket_directory) {
  Prepared made;
  std::string certificate;
  if (launch.tls.kind() == PluginTls::Kind::automatic) {
    SALLYPORT_TRY(identity, OneTimeIdentity::make(powers.entropy, powers.clock.now()));
    certificate = identity.certificate.to_pem();
    made.identity = std::move(identity);
  }
  SALLYPORT_TRY(environment, plugin_environment(launch, socket_directory, certificate));
  made.environment = std::move(environment);
  SALLYPORT_CHECK(prepare_cookie(launch, powers.entropy, made));
  if (launch.checksum) {
    const auto* path = made.environment.find("PATH");
    const auto search = path == nullptr ? std::string_view("/usr/bin:/bin") : path->expose();
    SALLYPORT_TRY(image, ProgramImage::pinned(launch.command.front(), search, *launch.checksum));
    made.image = std::move(image);
  }
  return made;
}

Result<std::unique_ptr<PluginProcess>> run(const PluginLaunch& launch, const PluginPowers& powers,
                                           Prepared& prepared, PluginProcessNotices notices) {
  ProcessPlan plan;
  plan.name = plugin_name(launch);
  plan.argv = launch.command;
  plan.environment = &prepared.environment;
  plan.credential = prepared.credential ? &*prepared.credential : nullptr;
  plan.directory = launch.directory;
  plan.image = prepared.image ? &*prepared.image : nullptr;
  plan.shepherd = launch.shepherd;
  return PluginProcess::start(plan, powers.monotonic, std::move(notices), std::move(prepared.secrets));
}

Status check_handshake(const PluginLaunch& launch, const PluginHandshake& handshake) {
  const auto& versions = launch.versions;
  if (std::find(versions.begin(), versions.end(), handshake.app_version) == versions.end()) {
    return fail(Code::invalid_argument,
                concat("the plugin speaks version ", handshake.app_version, " of its protocol, this host ",
                       plugin_versions_text(versions), "; they have none in common"));
  }
  if (handshake.protocol == PluginHandshake::Protocol::netrpc) {
    return fail(Code::invalid_argument,
                "the plugin speaks net/rpc, which only Go programs do; let it serve gRPC "
                "(plugin.DefaultGRPCServer)");
  }
  return ok();
}

/// connected is all that comes after the process was made.
Status connect(const PluginLaunch& launch, const PluginPowers& powers,
               const std::optional<OneTimeIdentity>& identity, MonotonicTime deadline, StartedPlugin& made) {
  SALLYPORT_TRY(line, made.process->wait_line(deadline));
  SALLYPORT_TRY(handshake, PluginHandshake::parse(line));
  SALLYPORT_CHECK(check_handshake(launch, handshake));
  SALLYPORT_TRY(tls, launch.tls.agreed(handshake, identity));
  const PluginPeer peer{static_cast<std::uint32_t>(::geteuid()), made.process->pid(), made.process->root()};
  SALLYPORT_TRY(stream, connect_plugin(*powers.loop, handshake.address, peer, tls, deadline));
  made.handshake = std::move(handshake);
  made.tls = std::move(tls);
  made.stream = std::move(stream);
  return ok();
}

}  // namespace

Result<StartedPlugin> start_plugin(const PluginLaunch& launch, const PluginPowers& powers,
                                   PluginProcessNotices notices) {
  SALLYPORT_CHECK(check_launch(launch));
  const auto name = plugin_name(launch);
  const auto named = [&](Error error) {
    return fail(error.code, concat("plugin ", escaped(name, 80), ": ", error.what));
  };
  const auto deadline = after(powers.monotonic.now(), launch.start_timeout);
  SALLYPORT_TRY(sockets, SocketDirectory::make(launch.socket_parent));
  auto prepared = prepare(launch, powers, sockets.path());
  if (!prepared) return named(prepared.error());
  auto process = run(launch, powers, *prepared, std::move(notices));
  if (!process) return named(process.error());
  StartedPlugin made{std::move(sockets), *std::move(process), {}, {}, {}};
  // OpenSSL's first context costs milliseconds: they pass while the plugin starts.
  if (prepared->identity) {
    const auto warm = MutualTls::make(prepared->identity->identity, prepared->identity->certificate.to_pem());
    if (!warm) return named(warm.error());
  }
  const auto connected = connect(launch, powers, prepared->identity, deadline, made);
  if (!connected) return named(made.process->explained(connected.error()));
  return made;
}

}  // namespace sallyport
