// SPDX-License-Identifier: Apache-2.0
// plugin_child MODE [ARGUMENT]: a plugin that is good, or bad in one way.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <thread>

#include "sallyport/base/text.h"
#include "sallyport/env/posix/system.h"
#include "sallyport/net/listener.h"
#include "sallyport/net/mutual_tls.h"
#include "sallyport/pki/authority.h"
#include "sallyport/plugin/handshake.h"
#include "sallyport/plugin/host_tls.h"
#include "sallyport/rpc/health.h"
#include "sallyport/rpc/server.h"
#include "sallyport/rpc/wire.h"

extern char** environ;

namespace sallyport {
namespace {

std::string variable(std::string_view name) {
  const char* value = ::getenv(std::string(name).c_str());
  return value == nullptr ? "" : value;
}

void put(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(fd, text.data(), text.size());
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

void wait_for_ever() {
  for (;;) ::poll(nullptr, 0, -1);
}

RpcStatus tell_environment(RpcServerCall&, std::string_view, std::string& response) {
  for (char** one = environ; *one != nullptr; ++one) response += concat(*one, '\n');
  return rpc_ok();
}

RpcStatus tell_credential(RpcServerCall&, std::string_view, std::string& response) {
  char buffer[256];
  const auto got = ::pread(std::atoi(variable("SALLYPORT_CREDENTIAL_FD").c_str()), buffer, sizeof buffer, 0);
  if (got > 0) response.assign(buffer, static_cast<std::size_t>(got));
  return rpc_ok();
}

RpcStatus die(RpcServerCall&, std::string_view request, std::string&) {
  put(2, "last words\n");
  ::_exit(std::atoi(std::string(request).c_str()));
}

Task<RpcStatus> stdio(RpcServerCall& call) {
  for (const auto& [channel, text] :
       {std::pair(1U, "printed"), std::pair(2U, "complained"), std::pair(9U, "x")}) {
    std::string message;
    wire_put(message, 1, channel);
    wire_put(message, 2, std::string_view(text));
    co_await call.write(message);
  }
  const std::string malformed = "\xff\xff";
  co_await call.write(malformed);
  co_await call.until_over();
  co_return rpc_ok();
}

/// Child is the good part of every mode.
class Child {
 public:
  explicit Child(std::string mode, std::string argument)
      : mode_(std::move(mode)),
        argument_(std::move(argument)),
        loop_(clock_),
        server_(loop_),
        health_(loop_) {}

  int run() {
    add_methods();
    PluginHandshake line;
    line.app_version = mode_ == "version" ? 9 : 1;
    if (mode_ == "netrpc") line.protocol = PluginHandshake::Protocol::netrpc;
    const auto where = mode_ == "tcp"
                           ? *SocketAddress::parse("127.0.0.1:0")
                           : SocketAddress::unix_path(variable(kPluginSocketDirVariable) + "/child");
    Result<OpenedDoor> door = open_door(where, 1);
    if (!door) return complain(door.error());
    line.address = mode_ == "elsewhere" ? SocketAddress::unix_path(argument_) : door->address;
    if (const Status made = make_tls(line); !made) return complain(made.error());
    auto take = [this](std::unique_ptr<Stream> stream) {
      if (!tls_) return server_.serve(std::move(stream));
      loop_.spawn(accept(*this, std::move(stream)));
    };
    Listener listener(loop_, std::move(door->sockets.front()), door->address, limiter_, take);
    if (!listener.start()) return 1;
    say_first();
    put(1, line.line());
    if (mode_ == "die-after") return 7;
    if (mode_ == "flood")
      flood_ = std::thread([] {
        for (;;) put(2, std::string(1 << 16, 'f'));
      });
    if (mode_ == "noisy")
      flood_ = std::thread([] {
        for (;;) put(1, std::string(1 << 16, 'n'));
      });
    loop_.run();
    if (flood_.joinable()) ::_exit(0);
    return 0;
  }

 private:
  static int complain(const Error& error) {
    put(2, concat(error.what, '\n'));
    return 1;
  }

  void add_methods() {
    server_.add("/t.T/Echo", [](RpcServerCall&, std::string_view request, std::string& response) {
      response = request;
      return rpc_ok();
    });
    server_.add("/t.T/Environment", tell_environment);
    server_.add("/t.T/Credential", tell_credential);
    server_.add("/t.T/Die", die);
    if (mode_ != "bare") {
      server_.add("/plugin.GRPCController/Shutdown", [this](RpcServerCall&, std::string_view, std::string&) {
        if (mode_ != "stubborn" && mode_ != "obeys-term") loop_.stop();
        return rpc_ok();
      });
      server_.add_streaming("/plugin.GRPCStdio/StreamStdio", stdio);
      health_.set("plugin", mode_ == "sick" ? Serving::no : Serving::yes);
      health_.add_to(server_);
    }
    if (mode_ == "stubborn") ::signal(SIGTERM, SIG_IGN);
  }

  void say_first() const {
    if (mode_ == "chatty") put(1, "Loading configuration...\n");
    if (mode_ == "lies") {
      put(2, "{\"@level\":1,\"@message\":\"lie\"}\n{\"@level\":\"info\",\"@message\":[\"x\"]}\n");
      put(2, "{\"@level\":\"warn\",\"@message\":\"true\",\"k\":\"v\"}\n\xff\xfe\x1b[2J\n");
    }
  }

  /// make_tls is AutoMTLS as a plugin does it, or wrongly.
  Status make_tls(PluginHandshake& line) {
    const auto theirs = variable(kPluginClientCertVariable);
    if (mode_ == "given") return make_given();
    if ((theirs.empty() && mode_ != "unasked") || mode_ == "plain") return ok();
    SALLYPORT_TRY(identity, make_identity());
    SALLYPORT_TRY(shown, make_identity());
    line.certificate = mode_ == "other-certificate" ? shown.certificate : identity.certificate;
    if (mode_ == "unasked") return ok();
    SALLYPORT_TRY(trusted, make_identity());
    SALLYPORT_TRY(tls, MutualTls::make(identity.identity,
                                       mode_ == "distrustful" ? trusted.certificate.to_pem() : theirs));
    tls_ = std::move(tls);
    return ok();
  }

  Result<OneTimeIdentity> make_identity() {
    SystemEntropy entropy;
    SystemClock clock;
    if (mode_ != "curve") return OneTimeIdentity::make(entropy, clock.now());
    LeafRequest request;
    request.use = CertificateUse::peer;
    SALLYPORT_TRY(names, subject_names({"localhost"}));
    request.names = std::move(names);
    request.key = *parse_key_kind(argument_);
    SALLYPORT_TRY(pair, self_signed(request, entropy, clock.now()));
    SALLYPORT_TRY(key, pair.key.to_pem());
    SALLYPORT_TRY(identity, TlsIdentity::from_pem(pair.chain_pem(), key));
    return OneTimeIdentity{std::move(pair.certificate), std::move(identity)};
  }

  Status make_given() {
    SALLYPORT_TRY(identity, TlsIdentity::from_pem(variable("PLUGIN_SERVER_CERT"),
                                                  SecretText(variable("PLUGIN_SERVER_KEY"))));
    SALLYPORT_TRY(tls, MutualTls::make(std::move(identity), variable("PLUGIN_CLIENT_ROOT_CERTS")));
    tls_ = std::move(tls);
    return ok();
  }

  static Task<void> accept(Child& child, std::unique_ptr<Stream> plain) {
    auto shaken = co_await child.tls_->accept(child.loop_, std::move(plain), kNever);
    if (shaken) child.server_.serve(*std::move(shaken));
  }

  std::string mode_;
  std::string argument_;
  ConnectionLimiter limiter_{ConnectionLimits{}};  // outlives the streams that count in it
  SystemMonotonicClock clock_;
  Loop loop_;
  RpcServer server_;
  RpcHealth health_;
  std::shared_ptr<const MutualTls> tls_;
  std::thread flood_;
};

int misbehave(const std::string& mode) {
  if (mode == "silent") wait_for_ever();
  if (mode == "closed") {
    ::close(1);
    wait_for_ever();
  }
  if (mode == "die-before") {
    put(2, "cannot read my configuration\n");
    return 5;
  }
  if (mode == "leak") {
    char buffer[256];
    const auto got = ::pread(3, buffer, sizeof buffer, 0);
    put(2, concat("my cookie is ", std::string_view(buffer, static_cast<std::size_t>(got)), "\n"));
    return 1;
  }
  if (mode == "megabytes") {
    for (int i = 0; i < 64; ++i) put(1, std::string(1 << 16, 'x'));
    wait_for_ever();
  }
  return -1;
}

}  // namespace
}  // namespace sallyport

int main(int argc, char** argv) {
  using namespace sallyport;
  const std::string mode = argc > 1 ? argv[1] : "good";
  if (const int status = misbehave(mode); status >= 0) return status;
  if (mode == "below" && ::fork() != 0) wait_for_ever();  // the child of the one that was started serves
  return Child(mode, argc > 2 ? argv[2] : "").run();
}
