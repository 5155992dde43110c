// SPDX-License-Identifier: Apache-2.0
// The vertical slice: listener, HTTP/1.1 server, bearer token against the store, proxy, one loop. No policy,
// no audit, no login: the price of the data plane by itself. Ends on TERM or INT.
//   slice --listen ADDRESS --state FOLDER [--tokens N] -- COMMAND...     starts COMMAND with {port} or
//   {socket} filled in slice --listen ADDRESS --state FOLDER [--tokens N] --upstream ADDRESS
#include <csignal>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sallyport/base/text.h"
#include "sallyport/credential/token.h"
#include "sallyport/env/posix/system.h"
#include "sallyport/net/dialer.h"
#include "sallyport/net/http1_server.h"
#include "sallyport/net/listener.h"
#include "sallyport/net/loop.h"
#include "sallyport/net/signals.h"
#include "sallyport/proxy/forward.h"
#include "sallyport/store/credential_store.h"
#include "slice_backend.h"

namespace sallyport {
namespace {

constexpr std::string_view kInjected =
    "Authorization: Bearer backend-credential\r\nX-Forwarded-User: bench\r\n";
constexpr std::string_view kCookies[] = {"sallyport"};

class SliceHandler final : public RequestHandler {
 public:
  SliceHandler(const CredentialStore& store, Forwarder& forwarder, const SocketAddress& upstream)
      : store_(store), forwarder_(forwarder), upstream_(upstream) {}

  Task<void> handle(Exchange& exchange) override {
    LiveBinding binding;
    const GrantRef grant = admit(exchange);
    if (grant == nullptr) {
      const Response refused(401, "application/json", "{\"error\":\"unauthenticated\"}\n");
      [[maybe_unused]] const Status sent = co_await exchange.respond(refused);
      co_return;
    }
    binding.credential = grant->digest;
    binding.expires = grant->expires;
    exchange.bind(binding);
    ForwardPlan plan;
    plan.upstream = &upstream_;
    plan.injected_lines = kInjected;
    plan.hygiene.cookies = kCookies;
    plan.traffic = &traffic_;
    const ForwardOutcome outcome = co_await forwarder_.forward(exchange, plan);
    if (!outcome.unanswered()) co_return;
    const Response failed(502, "text/plain; charset=utf-8", concat(name_of(outcome.end), "\n"));
    [[maybe_unused]] const Status sent = co_await exchange.respond(failed);
  }

 private:
  GrantRef admit(Exchange& exchange) const {
    constexpr std::string_view scheme = "Bearer ";
    const std::string_view value = exchange.head().fields.value_of(HeaderId::authorization);
    if (!value.starts_with(scheme)) return nullptr;
    const std::optional<Presented> presented = read_token(value.substr(scheme.size()));
    if (!presented) return nullptr;
    GrantRef grant = store_.find(presented->digest);
    return grant != nullptr && grant->live_at(exchange.loop().now()) ? grant : nullptr;
  }

  const CredentialStore& store_;
  Forwarder& forwarder_;
  const SocketAddress& upstream_;
  TrafficCounters traffic_;
};

struct SliceOptions {
  std::map<std::string, std::string> values;
  std::vector<std::string> command;
  std::string value(const std::string& name, const std::string& otherwise) const {
    const auto found = values.find(name);
    return found == values.end() ? otherwise : found->second;
  }
};

SliceOptions read_options(int argc, char** argv) {
  SliceOptions options;
  int i = 1;
  for (; i + 1 < argc && std::string_view(argv[i]) != "--"; i += 2) options.values[argv[i]] = argv[i + 1];
  for (++i; i < argc; ++i) options.command.emplace_back(argv[i]);
  return options;
}

Status fill_store(CredentialStore& store, std::size_t count, const std::string& state) {
  SystemEntropy entropy;
  SystemFiles files;
  const SystemMonotonicClock clock;
  const auto principal =
      std::make_shared<const Principal>(Principal{"bench", PrincipalKind::user, "access-token", {}});
  for (std::size_t i = 0; i < count; ++i) {
    const Minted minted = mint(CredentialKind::access_token, entropy);
    Grant grant;
    grant.kind = CredentialKind::access_token;
    grant.digest = minted.digest;
    grant.principal = principal;
    grant.issued = clock.now();
    grant.expires = kNever;
    SALLYPORT_CHECK(store.put(std::move(grant)));
    if (i == 0) SALLYPORT_CHECK(files.replace_private(state + "/token", minted.text.expose()));
  }
  return ok();
}

Task<void> stop_at_signal(Loop& loop, SignalWatch& signals) {
  [[maybe_unused]] const std::optional<int> signal = co_await signals.next();
  loop.stop();
}

Status serve(const SliceOptions& options) {
  const std::string state = options.value("--state", ".");
  const auto listen = SocketAddress::parse(options.value("--listen", "127.0.0.1:8080"));
  const auto tokens = parse_decimal<std::size_t>(options.value("--tokens", "100000"));
  if (!listen || !tokens) return fail(Code::invalid_argument, "--listen wants an address, --tokens a number");

  std::optional<SliceBackend> backend;
  SocketAddress upstream;
  if (!options.command.empty()) {
    SALLYPORT_TRY(started, SliceBackend::start(options.command, state));
    upstream = started.address();
    backend.emplace(std::move(started));
  } else if (const auto given = SocketAddress::parse(options.value("--upstream", "127.0.0.1:9000"))) {
    upstream = *given;
  }

  SALLYPORT_CHECK(block_signals({SIGTERM, SIGINT}));
  MemoryCredentialStore store;
  SALLYPORT_CHECK(fill_store(store, *tokens, state));
  const SystemMonotonicClock monotonic;
  const SystemClock wall;
  SystemEntropy entropy;
  ConnectionLimiter limiter(ConnectionLimits{.total_max = connections_max_for(raise_descriptor_limit())});
  Loop loop(monotonic);
  SocketDialer dialer(loop);
  Forwarder forwarder(loop, dialer);
  SliceHandler handler(store, forwarder, upstream);
  Http1Server server(loop, handler, ServerLimits{}, wall, entropy);
  SALLYPORT_TRY(door, open_door(*listen, 1));
  Listener listener(loop, std::move(door.sockets.front()), door.address, limiter,
                    [&](std::unique_ptr<Stream> stream) { loop.spawn(server.serve(std::move(stream))); });
  SALLYPORT_CHECK(listener.start());
  SALLYPORT_TRY(signals, SignalWatch::open(loop, {SIGTERM, SIGINT}));
  loop.spawn(stop_at_signal(loop, *signals));
  loop.run();
  loop.drop_tasks();
  return ok();
}

}  // namespace
}  // namespace sallyport

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // splice(2) has no flag against it
  const sallyport::Status ended = sallyport::serve(sallyport::read_options(argc, argv));
  if (ended) return 0;
  std::fprintf(stderr, "slice: %s\n", ended.error().what.c_str());
  return 1;
}
