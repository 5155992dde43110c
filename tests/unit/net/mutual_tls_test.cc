// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/mutual_tls.h"

#include <sys/socket.h>

#include <array>

#include "sallyport/net/testing/test_loop.h"
#include "tls_for_test.h"

namespace sallyport {
namespace {

using Shaken = std::optional<Result<std::unique_ptr<Stream>>>;

struct Party {
  explicit Party(const char* name = "localhost") : pem(make_pem(name)) {}
  std::shared_ptr<const MutualTls> trusting(const Party& other) const {
    auto identity = TlsIdentity::from_pem(pem.chain, SecretText(pem.key));
    auto made = MutualTls::make(*identity, other.pem.chain);
    if (!made) std::abort();
    return *made;
  }
  Pem pem;
};

Task<void> keep(Task<Result<std::unique_ptr<Stream>>> task, Shaken& into) {
  into.emplace(co_await std::move(task));
}

class MutualTlsTest : public ::testing::Test {
 protected:
  /// shake connects both over a socket pair; true where the client can read what the server wrote after.
  bool shake(const MutualTls& server, const MutualTls& client) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) != 0) std::abort();
    auto one = socket_stream(test_.loop, Descriptor(ends[0]), {});
    auto two = socket_stream(test_.loop, Descriptor(ends[1]), {});
    test_.loop.spawn(keep(server.accept(test_.loop, *std::move(one), kNever), server_));
    test_.loop.spawn(keep(client.connect(test_.loop, *std::move(two), kNever), client_));
    for (int i = 0; i < 20; ++i) test_.settle();
    if (!server_.has_value() || !*server_ || !client_.has_value() || !*client_) return false;
    (**server_)->try_write("hello");
    for (int i = 0; i < 5; ++i) test_.settle();
    std::array<char, 16> buffer{};
    return (**client_)->try_read(buffer).bytes == 5;
  }
  TestLoop test_;
  Shaken server_;
  Shaken client_;
};

TEST_F(MutualTlsTest, TwoThatKnowEachOtherSpeakAndSeeEachOthersCertificate) {
  const Party server;
  const Party client;
  const auto at_server = server.trusting(client);
  const auto at_client = client.trusting(server);
  ASSERT_TRUE(shake(*at_server, *at_client));
  ASSERT_NE((**server_)->peer_certificate(), nullptr);
  EXPECT_EQ((**server_)->peer_certificate()->sha256.size(), 64U);
  EXPECT_NE((**server_)->peer_certificate()->sha256, (**client_)->peer_certificate()->sha256);
  EXPECT_EQ((**server_)->facts().tls, Tls::on);
}

TEST_F(MutualTlsTest, AnotherClientsCertificateIsRefused) {
  const Party server;
  const Party client;
  const Party stranger;
  const auto at_server = server.trusting(client);
  const auto at_stranger = stranger.trusting(server);
  EXPECT_FALSE(shake(*at_server, *at_stranger));
  ASSERT_TRUE(server_.has_value());
  EXPECT_FALSE(server_->has_value());
}

TEST_F(MutualTlsTest, AnotherServersCertificateIsRefused) {
  const Party server;
  const Party client;
  const Party stranger;
  const auto at_stranger = stranger.trusting(client);
  const auto at_client = client.trusting(server);
  EXPECT_FALSE(shake(*at_stranger, *at_client));
  ASSERT_TRUE(client_.has_value());
  EXPECT_FALSE(client_->has_value());
}

TEST_F(MutualTlsTest, AServerWithTheRightCertificateAndTheWrongNameIsRefused) {
  const Party server("elsewhere");
  const Party client;
  const auto at_server = server.trusting(client);
  const auto at_client = client.trusting(server);
  EXPECT_FALSE(shake(*at_server, *at_client));
}

TEST_F(MutualTlsTest, WhatIsNoCertificateCannotBeTrusted) {
  const Party one;
  const auto identity = TlsIdentity::from_pem(one.pem.chain, SecretText(one.pem.key));
  ASSERT_TRUE(identity);
  for (const char* const pem :
       {"", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"})
    EXPECT_FALSE(MutualTls::make(*identity, pem));
}

}  // namespace
}  // namespace sallyport
