// SPDX-License-Identifier: Apache-2.0
// plugin_peer: a plugin for other implementations' hosts. Serves go-plugin's example proto.KV, which keeps
// each value in a file kv_<key> of the working directory; what it puts it also prints, on stdout and stderr.
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

/// Fields is a request of any of these services: its first two byte fields, and its first number.
struct Fields {
  std::string first;
  std::string second;
};

Fields fields_of(std::string_view request) {
  Fields fields;
  WireReader reader(request);
  while (reader.next()) {
    if (reader.is_bytes()) (reader.field() == 1 ? fields.first : fields.second) = reader.text();
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

void serve_kv(PluginSite& site) {
  site.server.add_on(site.pool, "/proto.KV/Put", put);
  site.server.add_on(site.pool, "/proto.KV/Get", get);
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
