// SPDX-License-Identifier: Apache-2.0
// plugin_peer: a plugin for other implementations' hosts. Serves two of go-plugin's examples: proto.KV, which
// keeps each value in a file kv_<key> of the working directory and prints what it puts on stdout and stderr;
// and proto.Counter, whose sums the host does, by the broker. /peer.Peer/Open serves proto.KV by the broker
// and gives the number; /peer.Peer/Hang never returns.
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "sallyport/base/text.h"
#include "sallyport/plugin/server.h"
#include "sallyport/rpc/wire.h"

namespace sallyport {
namespace {

/// Fields is a request of any of these services: its byte fields, and its numbers.
struct Fields {
  std::string first;
  std::string second;
  std::uint64_t numbers[4]{};
};

Fields fields_of(std::string_view request) {
  Fields fields;
  WireReader reader(request);
  while (reader.next()) {
    if (reader.is_bytes()) (reader.field() == 1 ? fields.first : fields.second) = reader.text();
    if (!reader.is_bytes() && reader.field() < 4) fields.numbers[reader.field()] = reader.number();
  }
  return fields;
}

std::string file_of(const std::string& key) { return concat("kv_", key); }

RpcStatus put(RpcServerCall&, std::string_view request, std::string&) {
  const Fields fields = fields_of(request);
  std::ofstream(file_of(fields.first)) << fields.second;
  std::printf("put %s\n", fields.first.c_str());
  std::fprintf(stderr, "stored %zu bytes\n", fields.second.size());
  return rpc_ok();
}

RpcStatus get(RpcServerCall&, std::string_view request, std::string& response) {
  std::ifstream file(file_of(fields_of(request).first));
  if (!file) return {RpcCode::not_found, "no such key"};
  const std::string value((std::istreambuf_iterator<char>(file)), {});
  wire_put(response, 1, std::string_view(value));
  return rpc_ok();
}

std::uint64_t counted(const std::string& key) {
  std::uint64_t value = 0;
  std::ifstream(file_of(key)) >> value;
  return value;
}

/// add lets the host add: it serves proto.AddHelper under a number of its broker.
RpcStatus add(PluginBroker& broker, std::string_view request) {
  const Fields fields = fields_of(request);
  const auto channel = broker.dial(static_cast<std::uint32_t>(fields.numbers[1]));
  if (!channel) return {rpc_code_of(channel.error().code), channel.error().what};
  std::string terms;
  wire_put(terms, 1, counted(fields.second));
  wire_put(terms, 2, fields.numbers[3]);
  const auto sum = (*channel)->call("/proto.AddHelper/Sum", terms);
  if (sum.status.is_ok()) std::ofstream(file_of(fields.second)) << fields_of(sum.message).numbers[1];
  return sum.status;
}

RpcStatus count(RpcServerCall&, std::string_view request, std::string& response) {
  wire_put(response, 1, counted(fields_of(request).first));
  return rpc_ok();
}

RpcStatus open_kv(PluginBroker& broker, BlockingPool& pool, std::string& response) {
  const auto id = broker.next_id();
  const auto served = broker.serve(id, [&pool](RpcServer& server) {
    server.add_on(pool, "/proto.KV/Put", put);
    server.add_on(pool, "/proto.KV/Get", get);
  });
  if (!served) return {rpc_code_of(served.error().code), served.error().what};
  wire_put(response, 1, id);
  return rpc_ok();
}

void serve_kv(PluginSite& site) {
  site.server.add_on(site.pool, "/proto.KV/Put", put);
  site.server.add_on(site.pool, "/proto.KV/Get", get);
  site.server.add_on(site.pool, "/proto.Counter/Get", count);
  site.server.add_on(site.pool, "/proto.Counter/Put",
                     [&broker = site.broker](RpcServerCall&, std::string_view request, std::string&) {
                       return add(broker, request);
                     });
  site.server.add_on(
      site.pool, "/peer.Peer/Open",
      [&broker = site.broker, &pool = site.pool](RpcServerCall&, std::string_view, std::string& response) {
        return open_kv(broker, pool, response);
      });
  site.server.add_on(site.pool, "/peer.Peer/Hang", [](RpcServerCall&, std::string_view, std::string&) {
    while (true) ::pause();
    return rpc_ok();
  });
  site.log.write(PluginLogLevel::info, "the peer is there", {{"pid", concat(::getpid())}});
}

int run(int count, char** words) {
  PluginServerOptions options;
  options.cookie_key = "BASIC_PLUGIN";
  options.cookie_value = SecretText("hello");
  options.name = "peer";
  bool for_tests = false;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    if (word == "--tcp") options.transport = PluginTransport::tcp;
    if (word == "--optional-cookie") options.cookie = PluginCookieDemand::optional;
    if (word == "--strict-cookie") options.cookie_strictness = CookieStrictness::strict;
    if (word == "--same-user") options.peers = PluginPeers::same_user;
    if (word == "--for-tests") for_tests = true;
  }
  options.versions[1] = serve_kv;
  options.versions[3] = serve_kv;
  if (!for_tests) return serve(std::move(options));
  return serve_for_tests(std::move(options), [](const PluginHandshake& where) {
    std::printf("%s", where.line().c_str());
    std::fflush(stdout);
  });
}

}  // namespace
}  // namespace sallyport

int main(int count, char** words) { return sallyport::run(count, words); }
