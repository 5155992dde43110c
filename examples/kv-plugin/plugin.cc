// SPDX-License-Identifier: Apache-2.0
// A plugin that keeps values by key, in files. Its host starts it; by hand it only says so.
#include <fstream>
#include <iterator>

#include "kv.sallyport.h"
#include "sallyport/plugin/server.h"

namespace {

/// is_plain: a key becomes the name of a file, in this directory and no other.
bool is_plain(const std::string& key) { return key.find('/') == std::string::npos; }

class Store final : public proto::KVRpc::Service {
 public:
  sallyport::RpcStatus Get(sallyport::RpcServerCall&, const proto::GetRequest& request,
                           proto::GetResponse& response) override {
    std::ifstream file;
    if (is_plain(request.key())) file.open("kv_" + request.key());
    if (!file.is_open()) return {sallyport::RpcCode::not_found, "no such key"};
    response.set_value(std::string((std::istreambuf_iterator<char>(file)), {}));
    return sallyport::rpc_ok();
  }
  sallyport::RpcStatus Put(sallyport::RpcServerCall&, const proto::PutRequest& request,
                           proto::Empty&) override {
    if (!is_plain(request.key())) return {sallyport::RpcCode::invalid_argument, "a key has no slashes"};
    std::ofstream("kv_" + request.key()) << request.value();
    return sallyport::rpc_ok();
  }
};

}  // namespace

int main() {
  Store store;
  sallyport::PluginServerOptions options;
  options.cookie_key = "BASIC_PLUGIN";
  options.cookie_value = sallyport::SecretText("hello");
  options.versions[1] = [&store](sallyport::PluginSite& site) { store.add_to(site.server, site.pool); };
  return sallyport::serve(std::move(options));
}
