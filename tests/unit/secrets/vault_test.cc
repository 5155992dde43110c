// SPDX-License-Identifier: Apache-2.0
// The secret manager's side is a script: what is asked in which order, and what is said to it.
#include "sallyport/secrets/vault.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <thread>

#include "sallyport/base/text.h"
#include "sallyport/env/posix/descriptor.h"
#include "sallyport/env/testing/fakes.h"
#include "sallyport/http/parser.h"

namespace sallyport {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::string json_answer(int status, std::string_view body) {
  return concat("HTTP/1.1 ", status, " X\r\nContent-Length: ", body.size(), "\r\n\r\n", body);
}

constexpr std::string_view kSecret = R"({"data":{"data":{"password":"hunter-two","port":7},"metadata":{}}})";
constexpr std::string_view kLogin =
    R"({"auth":{"client_token":"hvs.made","lease_duration":300,"renewable":true}})";
constexpr std::string_view kLookup = R"({"data":{"ttl":300,"renewable":true}})";

/// Script answers one request after the other, each on a connection of its own, and keeps what was asked.
class Script {
 public:
  explicit Script(std::vector<std::string> answers) : answers_(std::move(answers)) {
    listener_ = Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
    socklen_t bytes = sizeof at;
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&at), &bytes);
    port_ = ntohs(at.sin_port);
    ::listen(listener_.get(), 8);
    thread_ = std::thread([this] {
      for (const auto& answer : answers_) {
        if (!serve(answer)) return;
      }
    });
  }
  ~Script() { end(); }

  [[nodiscard]] HttpEndpoint endpoint() const {
    return *HttpEndpoint::parse(concat("http://127.0.0.1:", port_));
  }
  /// asked are the request lines, without their version.
  std::vector<std::string> asked() {
    end();
    std::vector<std::string> lines;
    for (const auto& request : requests_) lines.push_back(request.substr(0, request.find(" HTTP/")));
    return lines;
  }
  std::string request(std::size_t number) {
    end();
    return requests_.at(number);
  }

 private:
  void end() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
  }
  bool serve(const std::string& answer) {
    const Descriptor peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!peer) return false;
    std::string request;
    char bytes[4096];
    RequestHead head;
    std::size_t wanted = SIZE_MAX;
    while (request.size() < wanted) {
      const ssize_t got = ::recv(peer.get(), bytes, sizeof bytes, 0);
      if (got <= 0) return false;
      request.append(bytes, static_cast<std::size_t>(got));
      const auto end_of_head = request.find("\r\n\r\n");
      if (end_of_head == std::string::npos) continue;
      if (parse_request_head(request, head).state != HeadParse::State::complete) return false;
      wanted = end_of_head + 4 + head.content_length;
    }
    requests_.push_back(request);
    (void)::send(peer.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    return true;
  }

  std::vector<std::string> answers_;
  std::vector<std::string> requests_;
  std::uint16_t port_ = 0;
  Descriptor listener_;
  std::thread thread_;
};

class Vault : public testing::Test {
 protected:
  VaultOptions by_token(const Script& script) {
    VaultOptions options;
    options.endpoint = script.endpoint();
    options.token = [] { return Result<SecretText>(SecretText("hvs.given")); };
    return options;
  }
  VaultOptions by_role(const Script& script) {
    VaultOptions options;
    options.endpoint = script.endpoint();
    options.role_id = "gate";
    options.secret_id = [this] { return Result<SecretText>(SecretText(secret_id_)); };
    return options;
  }
  std::string read(VaultClient& client, std::string_view field = "password") {
    const auto got = client.read("secret/login", field);
    return got ? std::string(got->expose()) : got.error().what;
  }
  ManualMonotonicClock clock_;
  std::string secret_id_ = "first";
};

TEST_F(Vault, SG_15_a_given_token_is_looked_up_once_and_sent) {
  Script script({json_answer(200, kLookup), json_answer(200, kSecret), json_answer(200, kSecret)});
  auto options = by_token(script);
  options.name_space = "team/a";
  VaultClient client(clock_, std::move(options));
  EXPECT_EQ(read(client), "hunter-two");
  EXPECT_EQ(read(client), "hunter-two");
  EXPECT_THAT(script.asked(), ElementsAre("GET /v1/auth/token/lookup-self", "GET /v1/secret/data/login",
                                          "GET /v1/secret/data/login"));
  EXPECT_THAT(script.request(1), HasSubstr("X-Vault-Token: hvs.given\r\n"));
  EXPECT_THAT(script.request(1), HasSubstr("X-Vault-Namespace: team/a\r\n"));
  EXPECT_THAT(script.request(1), HasSubstr("X-Vault-Request: true\r\n"));
}

TEST_F(Vault, SG_15_a_lease_is_renewed_at_two_thirds_and_ends_in_a_login) {
  Script script({json_answer(200, kLogin), json_answer(200, kSecret), json_answer(200, kLogin),
                 json_answer(200, kSecret), json_answer(200, kLogin), json_answer(200, kSecret)});
  VaultClient client(clock_, by_role(script));
  EXPECT_EQ(read(client), "hunter-two");
  clock_.advance(std::chrono::seconds(201));
  EXPECT_EQ(read(client), "hunter-two");
  clock_.advance(std::chrono::seconds(301));
  EXPECT_EQ(read(client), "hunter-two");
  EXPECT_THAT(script.asked(), ElementsAre("POST /v1/auth/approle/login", "GET /v1/secret/data/login",
                                          "POST /v1/auth/token/renew-self", "GET /v1/secret/data/login",
                                          "POST /v1/auth/approle/login", "GET /v1/secret/data/login"));
  EXPECT_THAT(script.request(0), HasSubstr(R"({"role_id":"gate","secret_id":"first"})"));
  EXPECT_THAT(script.request(0), Not(HasSubstr("X-Vault-Token")));
}

TEST_F(Vault, SG_15_a_renewal_that_fails_costs_nothing_before_the_end) {
  Script script({json_answer(200, kLogin), json_answer(200, kSecret), json_answer(403, "{}"),
                 json_answer(200, kSecret)});
  VaultClient client(clock_, by_role(script));
  EXPECT_EQ(read(client), "hunter-two");
  clock_.advance(std::chrono::seconds(201));
  EXPECT_EQ(read(client), "hunter-two");
}

TEST_F(Vault, SG_15_a_token_that_was_revoked_is_replaced_with_a_fresh_secret_id) {
  Script script({json_answer(200, kLogin), json_answer(403, "{}"), json_answer(200, kLogin),
                 json_answer(200, kSecret)});
  VaultClient client(clock_, by_role(script));
  secret_id_ = "rotated";
  EXPECT_EQ(read(client), "hunter-two");
  EXPECT_THAT(script.request(2), HasSubstr("rotated"));
}

TEST_F(Vault, SG_15_a_second_403_is_the_answer) {
  Script script({json_answer(200, kLogin), json_answer(403, "{}"), json_answer(200, kLogin),
                 json_answer(403, R"({"errors":["hunter-two"]})")});
  VaultClient client(clock_, by_role(script));
  const auto got = client.read("secret/login", "password");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::permission_denied);
  EXPECT_THAT(got.error().what, Not(HasSubstr("hunter-two")));
}

TEST_F(Vault, SG_15_a_wrapped_secret_id_is_unwrapped_once) {
  Script script({json_answer(200, R"({"data":{"secret_id":"inner"}})"), json_answer(200, kLogin),
                 json_answer(200, kSecret), json_answer(200, kLogin), json_answer(200, kSecret)});
  auto options = by_role(script);
  options.secret_id_form = VaultOptions::SecretIdForm::wrapped;
  VaultClient client(clock_, std::move(options));
  EXPECT_EQ(read(client), "hunter-two");
  clock_.advance(std::chrono::seconds(301));
  EXPECT_EQ(read(client), "hunter-two");
  EXPECT_THAT(script.asked().front(), "POST /v1/sys/wrapping/unwrap");
  EXPECT_THAT(script.request(0), HasSubstr("X-Vault-Token: first\r\n"));
  EXPECT_THAT(script.request(3), HasSubstr("inner"));
}

TEST_F(Vault, SG_15_without_token_and_role_the_certificate_logs_in) {
  Script script({json_answer(200, kLogin), json_answer(200, kSecret)});
  VaultOptions options;
  options.endpoint = script.endpoint();
  VaultClient client(clock_, std::move(options));
  EXPECT_EQ(read(client), "hunter-two");
  EXPECT_THAT(script.asked().front(), "POST /v1/auth/cert/login");
}

struct BadAnswer {
  std::string answer;
  Code code;
};

class VaultFaults : public Vault, public testing::WithParamInterface<BadAnswer> {};

TEST_P(VaultFaults, SG_15_are_told_by_kind_and_quote_nothing) {
  Script script({json_answer(200, kLookup), GetParam().answer, GetParam().answer, GetParam().answer});
  VaultClient client(clock_, by_token(script));
  const auto got = client.read("secret/login", "password");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, GetParam().code) << got.error().what;
  EXPECT_THAT(got.error().what, Not(HasSubstr("hunter-two")));
  EXPECT_THAT(got.error().what, Not(HasSubstr("hvs.")));
}

INSTANTIATE_TEST_SUITE_P(
    All, VaultFaults,
    testing::Values(BadAnswer{json_answer(404, R"({"errors":[]})"), Code::not_found},
                    BadAnswer{json_answer(400, R"({"errors":["hunter-two"]})"), Code::invalid_argument},
                    BadAnswer{json_answer(503, R"({"errors":["sealed"]})"), Code::unavailable},
                    BadAnswer{json_answer(500, "hunter-two"), Code::unavailable},
                    BadAnswer{json_answer(302, ""), Code::unavailable},
                    BadAnswer{json_answer(200, "hunter-two"), Code::not_found},
                    BadAnswer{json_answer(200, R"({"data":{"data":null}})"), Code::not_found},
                    BadAnswer{json_answer(200, R"({"data":{"data":{"other":"x"}}})"), Code::not_found},
                    BadAnswer{json_answer(200, R"({"data":{"data":{"password":7}}})"),
                              Code::invalid_argument},
                    BadAnswer{"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{\"data\"", Code::unavailable},
                    BadAnswer{json_answer(200, std::string(kFetchedBodyBytesMax + 1, 'x')), Code::exhausted},
                    BadAnswer{"", Code::unavailable}, BadAnswer{"nonsense\r\n\r\n", Code::unavailable}));

TEST_F(Vault, SG_15_a_login_without_a_token_is_none) {
  for (const std::string& bad : {json_answer(200, "{}"), json_answer(200, R"({"auth":{"client_token":""}})"),
                                 json_answer(400, R"({"errors":["invalid secret id"]})")}) {
    Script script({bad});
    VaultClient client(clock_, by_role(script));
    const auto got = client.read("secret/login", "password");
    ASSERT_FALSE(got);
    EXPECT_THAT(got.error().what, Not(HasSubstr("first")));
  }
}

}  // namespace
}  // namespace sallyport
