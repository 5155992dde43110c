// SPDX-License-Identifier: Apache-2.0
// The cheapest authentication service that still tells right from wrong: one comparison with one
// token, 204 with a user name or 401. A real one costs 50 to 1000 microseconds more per request.
#include <cstdio>
#include <fstream>

#include "http_server.h"
#include "sockets.h"

namespace sallyport {
namespace {

class Auth final : public BenchHandler {
 public:
  explicit Auth(const std::string& token) : expected_("Bearer " + token) {}

  std::string_view answer(const BenchRequest& request, std::string& /*scratch*/) override {
    return find_header(request.head, "authorization") == expected_ ? accepted_ : refused_;
  }

 private:
  std::string expected_;
  std::string accepted_ = "HTTP/1.1 204 No Content\r\nX-Auth-User: bench\r\n\r\n";
  std::string refused_ = make_response("401 Unauthorized", 0);
};

}  // namespace
}  // namespace sallyport

int main(int argc, char** argv) {
  const sallyport::Options options(argc, argv, "--port --token-file");
  sallyport::prepare_process();
  const auto port = options.port("--port");
  const auto file = options.text("--token-file");
  std::string token;
  if (!port || !file || !std::getline(std::ifstream(*file), token) || token.empty()) {
    std::fputs("peers_auth: needs --port N and --token-file F with the token on its first line\n", stderr);
    return 2;
  }
  sallyport::Auth auth(token);
  const int listener = sallyport::listen_tcp(*port);
  sallyport::serve_http(std::span(&listener, 1), auth);
}
