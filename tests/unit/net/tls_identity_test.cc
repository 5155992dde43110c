// SPDX-License-Identifier: Apache-2.0
// What outlives one connection: tickets, and the certificate that is shown.
#include "tls_for_test.h"

namespace sallyport {
namespace {

using std::chrono::seconds;

TEST_F(TlsTest, a_client_resumes_without_a_session_on_our_side) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    SSL_CTX_set_min_proto_version(client.context(), version);
    SSL_CTX_set_max_proto_version(client.context(), version);
    SSL_SESSION_free(std::exchange(client.session, nullptr));
    ASSERT_TRUE(shake());
    EXPECT_EQ(SSL_session_reused(client.ssl()), 0);
    std::string nothing;
    client.read(nothing);  // 1.3 sends its tickets after the handshake
    ASSERT_NE(client.session, nullptr);
    ASSERT_TRUE(shake());
    EXPECT_EQ(SSL_session_reused(client.ssl()), 1);
  }
  EXPECT_EQ(server->counters().resumed, 2U);
}

TEST_F(TlsTest, tickets_die_with_their_keys) {
  ASSERT_TRUE(shake());
  std::string nothing;
  client.read(nothing);
  ASSERT_NE(client.session, nullptr);
  SSL_SESSION_up_ref(client.session);
  SSL_SESSION* const kept = client.session;

  const auto reused_now = [&] {
    SSL_SESSION_up_ref(kept);
    SSL_SESSION_free(std::exchange(client.session, kept));
    EXPECT_TRUE(shake());
    return SSL_session_reused(client.ssl()) == 1;
  };
  test.clock.advance(kTicketKeyLife + seconds(1));
  EXPECT_TRUE(reused_now());  // by the key before, until that is twice as old
  server->forget_tickets();
  EXPECT_FALSE(reused_now());
  std::string more;
  client.read(more);
  SSL_SESSION_free(kept);
}

TEST_F(TlsTest, tickets_older_than_two_key_lives_are_refused) {
  ASSERT_TRUE(shake());
  std::string nothing;
  client.read(nothing);
  ASSERT_NE(client.session, nullptr);
  test.clock.advance(2 * kTicketKeyLife + seconds(1));
  ASSERT_TRUE(shake());
  EXPECT_EQ(SSL_session_reused(client.ssl()), 0);
}

TEST_F(TlsTest, a_replaced_identity_is_served_from_the_next_handshake_on) {
  ASSERT_TRUE(shake());
  EXPECT_EQ(client.server_name(), "first");
  const std::unique_ptr<Stream> old = std::move(stream);
  server->replace_identity(identity_for("second"));
  EXPECT_EQ(old->try_write("still alive").bytes, 11U);
  SSL_SESSION_free(std::exchange(client.session, nullptr));
  ASSERT_TRUE(shake());
  EXPECT_EQ(client.server_name(), "second");
}

TEST_F(TlsTest, keeps_the_place_among_the_connections) {
  ASSERT_TRUE(shake());
  EXPECT_EQ(host.limiter.count(), 1U);
  stream.reset();
  EXPECT_EQ(host.limiter.count(), 0U);
}

// --- identities
// ----------------------------------------------------------------------------------------------------

Code code_of(std::string_view chain, std::string_view key) {
  const auto made = TlsIdentity::from_pem(chain, SecretText(key));
  return made ? Code::internal : made.error().code;
}

TEST(TlsIdentity, reads_a_chain_and_refuses_what_is_not_one) {
  const Pem mine = make_pem("mine");
  const Pem other = make_pem("other");
  EXPECT_TRUE(TlsIdentity::from_pem(mine.chain + other.chain, SecretText(mine.key)));
  EXPECT_EQ(code_of(mine.chain, other.key), Code::invalid_argument);
  EXPECT_EQ(code_of("", mine.key), Code::invalid_argument);
  EXPECT_EQ(code_of(mine.chain, ""), Code::invalid_argument);
  EXPECT_EQ(code_of("garbage", mine.key), Code::invalid_argument);
  EXPECT_EQ(code_of(mine.key, mine.key), Code::invalid_argument);
  EXPECT_EQ(code_of(mine.chain.substr(0, mine.chain.size() / 2), mine.key), Code::invalid_argument);
  std::string broken = mine.chain + other.chain;
  broken[mine.chain.size() + 60] = '!';
  EXPECT_EQ(code_of(broken, mine.key), Code::invalid_argument);
}

TEST(TlsIdentity, refuses_an_encrypted_key_without_asking_anybody) {
  const Pem mine = make_pem("mine");
  const BioPtr in(BIO_new_mem_buf(mine.key.data(), static_cast<int>(mine.key.size())));
  const KeyPtr key(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
  const BioPtr out(BIO_new(BIO_s_mem()));
  const unsigned char password[] = "password";
  ASSERT_EQ(PEM_write_bio_PrivateKey(out.get(), key.get(), EVP_aes_128_cbc(), password, 8, nullptr, nullptr),
            1);
  EXPECT_EQ(code_of(mine.chain, text_of(out.get())), Code::invalid_argument);
}

}  // namespace
}  // namespace sallyport
