// SPDX-License-Identifier: Apache-2.0
// The benchmark's backend: fixed answers at /128, /100k and /10m, a sink for uploads at any path,
// and /echo, which returns the request head so that the suite can see what a proxy did to it.
#include <cstdio>
#include <vector>

#include "http_server.h"
#include "sockets.h"

namespace sallyport {
namespace {

constexpr std::size_t kKiB = 1024;

class Backend final : public BenchHandler {
 public:
  std::string_view answer(const BenchRequest& request, std::string& scratch) override {
    const std::string_view whole = resource(request, scratch);
    return request.method == "HEAD" ? whole.substr(0, whole.find("\r\n\r\n") + 4) : whole;
  }

 private:
  std::string_view resource(const BenchRequest& request, std::string& scratch) {
    if (request.method != "GET" && request.method != "HEAD") return small_;
    if (request.path == "/128") return small_;
    if (request.path == "/100k") return medium_;
    if (request.path == "/10m") return large_;
    if (request.path != "/echo") return not_found_;
    scratch = make_response("200 OK", request.head.size());
    scratch.replace(scratch.size() - request.head.size(), request.head.size(), request.head);
    return scratch;
  }

  std::string small_ = make_response("200 OK", 128);
  std::string medium_ = make_response("200 OK", 100 * kKiB);
  std::string large_ = make_response("200 OK", 10 * kKiB * kKiB);
  std::string not_found_ = make_response("404 Not Found", 0);
};

}  // namespace
}  // namespace sallyport

int main(int argc, char** argv) {
  const sallyport::Options options(argc, argv, "--port --unix");
  sallyport::prepare_process();
  std::vector<int> listeners;
  if (const auto port = options.port("--port")) listeners.push_back(sallyport::listen_tcp(*port));
  if (const auto path = options.text("--unix")) listeners.push_back(sallyport::listen_unix(*path));
  if (listeners.empty()) {
    std::fputs("peers_backend: needs --port N or --unix PATH\n", stderr);
    return 2;
  }
  sallyport::Backend backend;
  sallyport::serve_http(listeners, backend);
}
