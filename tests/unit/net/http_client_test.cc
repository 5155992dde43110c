// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/http_client.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <filesystem>
#include <thread>

#include "sallyport/base/text.h"
#include "sallyport/env/posix/system.h"
#include "tls_for_test.h"

namespace sallyport {
namespace {

/// OneAnswer is a server that reads one head, says one thing, and hangs up (or stays silent).
class OneAnswer {
 public:
  enum class After : std::uint8_t { hang_up, stay };
  explicit OneAnswer(std::string answer, After after = After::hang_up, std::string socket_path = {})
      : answer_(std::move(answer)), after_(after), path_(std::move(socket_path)) {
    const bool local = !path_.empty();
    listener_ = Descriptor(::socket(local ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (local) {
      sockaddr_un at{};
      at.sun_family = AF_UNIX;
      path_.copy(at.sun_path, sizeof at.sun_path - 1);
      EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
    } else {
      sockaddr_in at{};
      at.sin_family = AF_INET;
      at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
      socklen_t bytes = sizeof at;
      ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&at), &bytes);
      port_ = ntohs(at.sin_port);
    }
    ::listen(listener_.get(), 4);
    thread_ = std::thread([this] { serve(); });
  }
  ~OneAnswer() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    if (peer_) ::shutdown(peer_.get(), SHUT_RDWR);
    thread_.join();
  }
  [[nodiscard]] HttpEndpoint endpoint() const {
    return *HttpEndpoint::parse(path_.empty() ? concat("http://127.0.0.1:", port_) : concat("unix:", path_));
  }
  std::string request() {
    thread_.join();
    thread_ = std::thread([] {});
    return request_;
  }

 private:
  void serve() {
    peer_ = Descriptor(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!peer_) return;
    char bytes[4096];
    while (request_.find("\r\n\r\n") == std::string::npos) {
      const ssize_t got = ::recv(peer_.get(), bytes, sizeof bytes, 0);
      if (got <= 0) return;
      request_.append(bytes, static_cast<std::size_t>(got));
    }
    (void)::send(peer_.get(), answer_.data(), answer_.size(), MSG_NOSIGNAL);
    if (after_ == After::hang_up) {
      ::shutdown(peer_.get(), SHUT_WR);
      return;
    }
    (void)::recv(peer_.get(), bytes, sizeof bytes, 0);
  }
  std::string answer_;
  After after_;
  std::string path_;
  std::uint16_t port_ = 0;
  Descriptor listener_;
  Descriptor peer_;
  std::string request_;
  std::thread thread_;
};

class HttpClientTest : public testing::Test {
 protected:
  Result<HttpAnswer> fetch(const HttpEndpoint& endpoint, const HttpCall& call,
                           Duration patience = std::chrono::seconds(20)) {
    return fetch_http(clock_, endpoint, call, clock_.now() + patience);
  }
  Result<HttpAnswer> answer_of(std::string text) {
    const OneAnswer server(std::move(text));
    return fetch(server.endpoint(), HttpCall{});
  }
  SystemMonotonicClock clock_;
};

TEST_F(HttpClientTest, ReadsABodyOfKnownLength) {
  const auto answer = answer_of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more");
  ASSERT_TRUE(answer) << answer.error().what;
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body.expose(), "hello");
}

TEST_F(HttpClientTest, ReadsChunksAndWhatLastsUntilTheEnd) {
  const auto chunked =
      answer_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  ASSERT_TRUE(chunked) << chunked.error().what;
  EXPECT_EQ(chunked->body.expose(), "abcde");
  const auto open = answer_of("HTTP/1.1 503 Busy\r\nRetry-After: 7\r\n\r\nwait");
  ASSERT_TRUE(open) << open.error().what;
  EXPECT_EQ(open->status, 503);
  EXPECT_EQ(open->retry_after, "7");
  EXPECT_EQ(open->body.expose(), "wait");
}

TEST_F(HttpClientTest, PassesOverInterimAnswers) {
  const auto answer =
      answer_of("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
  ASSERT_TRUE(answer) << answer.error().what;
  EXPECT_EQ(answer->status, 204);
}

TEST_F(HttpClientTest, SendsWhatItWasGivenOverAUnixSocket) {
  char pattern[] = "/tmp/sallyport-fetch-XXXXXX";
  const std::string directory = ::mkdtemp(pattern);
  {
    OneAnswer server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", OneAnswer::After::hang_up,
                     directory + "/s");
    HttpCall call;
    call.method = Method::post;
    call.target = "/v1/x?list=true";
    call.fields.push_back({"X-Vault-Token", SecretText("hvs.secret")});
    call.body = SecretText("{}");
    ASSERT_TRUE(fetch(server.endpoint(), call));
    const std::string request = server.request();
    EXPECT_THAT(request, testing::StartsWith(
                             "POST /v1/x?list=true HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"));
    EXPECT_THAT(request, testing::HasSubstr("X-Vault-Token: hvs.secret\r\n"));
    EXPECT_THAT(request, testing::HasSubstr("Content-Length: 2\r\n"));
  }
  std::filesystem::remove_all(directory);
}

TEST_F(HttpClientTest, RefusesAnswersThatAreNoneOrAreCutOff) {
  EXPECT_EQ(answer_of("SSH-2.0-OpenSSH\r\n").error().code, Code::unavailable);
  EXPECT_EQ(answer_of("").error().code, Code::unavailable);
  EXPECT_EQ(answer_of("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort").error().code, Code::unavailable);
  EXPECT_EQ(answer_of("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc").error().code,
            Code::unavailable);
}

TEST_F(HttpClientTest, BoundsTheAnswer) {
  const auto answer =
      answer_of(concat("HTTP/1.1 200 OK\r\n\r\n", std::string(kFetchedBodyBytesMax + 1, 'x')));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::exhausted);
}

TEST_F(HttpClientTest, GivesUpAtItsDeadline) {
  const OneAnswer server("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", OneAnswer::After::stay);
  const auto answer = fetch(server.endpoint(), HttpCall{}, std::chrono::milliseconds(60));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::deadline_exceeded);
}

TEST_F(HttpClientTest, SendsNothingThatWouldReadAsSomethingElse) {
  const HttpEndpoint nowhere = *HttpEndpoint::parse("http://127.0.0.1:1");
  for (const std::string_view target : {"", "v1", "/a b", "/a\r\nX: y", "/a#b", "/\x7f"}) {
    HttpCall call;
    call.target = target;
    EXPECT_EQ(fetch(nowhere, call).error().code, Code::invalid_argument) << escaped(target);
  }
  HttpCall call;
  call.fields.push_back({"X-Token", SecretText("a\r\nX-Other: b")});
  EXPECT_EQ(fetch(nowhere, call).error().code, Code::invalid_argument);
  EXPECT_EQ(fetch(nowhere, HttpCall{}).error().code, Code::unavailable);
}

TEST_F(HttpClientTest, AsksForAProofOfWhoAnswers) {
  // The server's certificate is trusted, and not for the name that was asked for: its CN counts for nothing.
  const Pem pem = make_pem("localhost");
  const SslContextPtr context(SSL_CTX_new(TLS_server_method()));
  const BioPtr chain(BIO_new_mem_buf(pem.chain.data(), static_cast<int>(pem.chain.size())));
  const BioPtr secret(BIO_new_mem_buf(pem.key.data(), static_cast<int>(pem.key.size())));
  const CertificatePtr leaf(PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr));
  const KeyPtr key(PEM_read_bio_PrivateKey(secret.get(), nullptr, nullptr, nullptr));
  SSL_CTX_use_certificate(context.get(), leaf.get());
  SSL_CTX_use_PrivateKey(context.get(), key.get());
  const Descriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
  socklen_t bytes = sizeof at;
  ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&at), &bytes);
  ::listen(listener.get(), 4);
  std::thread server([&] {
    for (int i = 0; i < 2; ++i) {
      const Descriptor peer(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      const SslPtr ssl(SSL_new(context.get()));
      SSL_set_fd(ssl.get(), peer.get());
      (void)SSL_accept(ssl.get());
      ERR_clear_error();
    }
  });
  HttpEndpoint endpoint = *HttpEndpoint::parse(concat("https://localhost:", ntohs(at.sin_port)));
  endpoint.roots_pem = pem.chain;
  const auto wrong_name = fetch(endpoint, HttpCall{});
  endpoint.roots_pem = make_pem("elsewhere").chain;
  const auto wrong_root = fetch(endpoint, HttpCall{});
  server.join();
  ASSERT_FALSE(wrong_name);
  EXPECT_EQ(wrong_name.error().code, Code::unauthenticated) << wrong_name.error().what;
  ASSERT_FALSE(wrong_root);
  EXPECT_EQ(wrong_root.error().code, Code::unauthenticated) << wrong_root.error().what;
}

TEST(HttpEndpointTest, TakesAddressesAndNothingElse) {
  EXPECT_EQ(HttpEndpoint::parse("https://vault.example:8200/")->port, 8200);
  EXPECT_EQ(HttpEndpoint::parse("https://vault.example")->port, 443);
  EXPECT_EQ(HttpEndpoint::parse("http://[::1]:8200")->host, "::1");
  EXPECT_EQ(HttpEndpoint::parse("unix:/run/x.sock")->socket_path, "/run/x.sock");
  for (const std::string_view bad : {"", "vault", "ftp://x", "https://", "https://u:p@h", "https://h/path",
                                     "https://h?q", "unix:x", "https://h:0x1"})
    EXPECT_FALSE(HttpEndpoint::parse(bad)) << bad;
}

}  // namespace
}  // namespace sallyport
