// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/tls.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <poll.h>

#include <string>

#include "sallyport/net/internal/openssl.h"
#include "sockets_for_test.h"

namespace sallyport {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long bytes = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(bytes)};
}

struct Pem {
  std::string chain;
  std::string key;
};

/// make_pem makes a self-signed P-256 certificate for `name`.
Pem make_pem(const char* name) {
  const KeyPtr key(EVP_EC_gen("P-256"));
  const CertificatePtr certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* const subject = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), subject);
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  const BioPtr chain(BIO_new(BIO_s_mem()));
  const BioPtr secret(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(chain.get(), certificate.get());
  PEM_write_bio_PrivateKey(secret.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return {text_of(chain.get()), text_of(secret.get())};
}

std::shared_ptr<const TlsIdentity> identity_for(const char* name) {
  const Pem pem = make_pem(name);
  auto made = TlsIdentity::from_pem(pem.chain, SecretText(pem.key));
  if (!made) std::abort();
  return *made;
}

/// Client is OpenSSL itself on a non-blocking socket.
class Client {
 public:
  Client() : context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_session_cache_mode(context_.get(), SSL_SESS_CACHE_CLIENT);
    SSL_CTX_set_app_data(context_.get(), this);
    SSL_CTX_sess_set_new_cb(context_.get(), [](SSL* ssl, SSL_SESSION* fresh) {
      auto& self = *static_cast<Client*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
      SSL_SESSION_free(self.session);
      self.session = fresh;
      return 1;
    });
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { SSL_SESSION_free(session); }

  void connect(const SocketAddress& address) {
    if (ssl_) SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);  // or its session is void
    ssl_.reset();
    socket_ = raw_client(address);
    set_nonblocking(socket_.get());
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), socket_.get());
    SSL_set_connect_state(ssl_.get());
    if (session != nullptr) SSL_set_session(ssl_.get(), session);
  }
  SSL* ssl() { return ssl_.get(); }
  SSL_CTX* context() { return context_.get(); }
  Descriptor& socket() { return socket_; }
  std::string server_name() {
    char name[64] = "";
    const CertificatePtr certificate(SSL_get1_peer_certificate(ssl_.get()));
    if (certificate) X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name, sizeof name);
    return name;
  }
  /// read appends what is there and returns OpenSSL's error.
  int read(std::string& into, std::size_t bytes_max = 16384) {
    std::string buffer(bytes_max, '\0');
    std::size_t got = 0;
    ERR_clear_error();
    const int result = SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &got);
    into.append(buffer.data(), got);
    return SSL_get_error(ssl_.get(), result);
  }
  /// read_when_there waits for something to come, a second at most.
  void read_when_there(std::string& into) {
    pollfd waiting{socket_.get(), POLLIN, 0};
    if (SSL_has_pending(ssl_.get()) == 0) ::poll(&waiting, 1, 1000);
    read(into);
  }
  int write(std::string_view text) {
    std::size_t put = 0;
    ERR_clear_error();
    const int result = SSL_write_ex(ssl_.get(), text.data(), text.size(), &put);
    return SSL_get_error(ssl_.get(), result);
  }

  SSL_SESSION* session = nullptr;

 private:
  SslContextPtr context_;
  Descriptor socket_;
  SslPtr ssl_;
};

class TlsTest : public ::testing::Test {
 protected:
  TlsTest() : host(test.loop, SocketAddress::tcp(kLoopback, 0)) {
    auto made = TlsServer::make(test.clock, entropy, identity_for("first"));
    if (!made) std::abort();
    server = *std::move(made);
    host.shrink_send_buffers();
  }
  /// accept starts the server's side of the newest connection.
  void accept(MonotonicTime deadline = kNever) {
    test.settle();
    auto work = [](TlsTest& self, std::unique_ptr<Stream> plain, MonotonicTime until) -> Task<void> {
      auto result = co_await self.server->accept(self.test.loop, std::move(plain), until);
      if (result) {
        self.stream = *std::move(result);
      } else {
        self.error = result.error().code;
      }
    };
    std::unique_ptr<Stream> plain = std::move(host.accepted.back());
    host.accepted.pop_back();
    test.start(work(*this, std::move(plain), deadline));
  }
  /// shake drives both sides; true once the client says that it is done and the server has its stream.
  bool shake() {
    stream.reset();
    error.reset();
    client.connect(host.address());
    accept();
    int done = 0;
    for (int round = 0; round < 50 && (done != 1 || !stream); ++round) {
      ERR_clear_error();
      done = SSL_do_handshake(client.ssl());
      test.settle();
      if (error.has_value()) return false;
    }
    return done == 1 && stream != nullptr;
  }
  std::string read_all() {
    std::string text;
    std::array<char, 65536> buffer{};
    while (true) {
      const IoResult got = stream->try_read(buffer);
      end = got.state;
      if (got.state != IoState::done) return text;
      text.append(buffer.data(), got.bytes);
    }
  }

  TestLoop test;
  CountingEntropy entropy;
  Host host;
  std::unique_ptr<TlsServer> server;
  Client client;
  std::unique_ptr<Stream> stream;
  std::optional<Code> error;
  IoState end = IoState::done;
};

TEST_F(TlsTest, speaks_1_2_and_1_3_with_modern_suites) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    SSL_CTX_set_min_proto_version(client.context(), version);
    SSL_CTX_set_max_proto_version(client.context(), version);
    ASSERT_TRUE(shake());
    EXPECT_EQ(SSL_version(client.ssl()), version);
    EXPECT_EQ(client.server_name(), "first");
    EXPECT_EQ(client.write("ping"), SSL_ERROR_NONE);
    test.settle();
    EXPECT_EQ(read_all(), "ping");
    EXPECT_EQ(stream->try_write("pong").bytes, 4U);
    std::string got;
    EXPECT_EQ(client.read(got), SSL_ERROR_NONE);
    EXPECT_EQ(got, "pong");
    EXPECT_EQ(stream->facts().tls, Tls::on);
    EXPECT_EQ(stream->facts().local, host.address());
    ASSERT_TRUE(stream->peer_process().has_value());
    EXPECT_EQ(stream->peer_process()->uid, ::geteuid());
    EXPECT_EQ(stream->splice_descriptor(), -1);
  }
  EXPECT_EQ(server->counters().handshakes, 2U);
}

TEST_F(TlsTest, refuses_old_versions_and_old_suites) {
  SSL_CTX_set_security_level(client.context(), 0);
  SSL_CTX_set_min_proto_version(client.context(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(client.context(), TLS1_1_VERSION);
  EXPECT_FALSE(shake());
  SSL_CTX_set_max_proto_version(client.context(), TLS1_2_VERSION);
  for (const char* const suite : {"ECDHE-ECDSA-AES128-SHA", "AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-SHA384"}) {
    ASSERT_EQ(SSL_CTX_set_cipher_list(client.context(), suite), 1) << suite;
    EXPECT_FALSE(shake()) << suite;
    EXPECT_EQ(error, Code::unavailable);
  }
  EXPECT_EQ(server->counters().failed, 4U);
}

TEST_F(TlsTest, agrees_on_http_1_1_and_refuses_a_client_that_wants_something_else_only) {
  const unsigned char both[] = "\x02h2\x08http/1.1";
  const unsigned char other[] = "\x03" "ftp";
  SSL_CTX_set_alpn_protos(client.context(), both, sizeof both - 1);
  ASSERT_TRUE(shake());
  const unsigned char* chosen = nullptr;
  unsigned bytes = 0;
  SSL_get0_alpn_selected(client.ssl(), &chosen, &bytes);
  EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(chosen), bytes), "http/1.1");
  SSL_CTX_set_alpn_protos(client.context(), other, sizeof other - 1);
  EXPECT_FALSE(shake());
}

TEST_F(TlsTest, refuses_renegotiation) {
  SSL_CTX_set_max_proto_version(client.context(), TLS1_2_VERSION);
  ASSERT_TRUE(shake());
  ASSERT_EQ(SSL_renegotiate(client.ssl()), 1);
  ERR_clear_error();
  for (int round = 0; round < 10 && ERR_peek_error() == 0; ++round) {
    SSL_do_handshake(client.ssl());
    test.settle();
    read_all();
  }
  EXPECT_NE(ERR_peek_error(), 0U);
  EXPECT_EQ(server->counters().handshakes, 1U);
}

TEST_F(TlsTest, garbage_is_a_failed_handshake_and_nothing_more) {
  for (const std::string& garbage : {std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), std::string(70'000, '\0'),
                                     std::string("\x16\x03\x01\xff\xff", 5) + std::string(5000, 'x')}) {
    error.reset();
    const Descriptor raw = raw_client(host.address());
    set_nonblocking(raw.get());
    accept();
    ::send(raw.get(), garbage.data(), garbage.size(), MSG_NOSIGNAL);
    test.settle();
    EXPECT_EQ(error, Code::unavailable);
  }
  EXPECT_EQ(host.limiter.count(), 0U);
  EXPECT_TRUE(shake());
}

TEST_F(TlsTest, a_client_that_says_nothing_or_too_little_meets_the_deadline) {
  client.connect(host.address());
  accept(test.loop.now() + seconds(10));
  SSL_do_handshake(client.ssl());  // its hello, and then silence
  test.advance(seconds(9));
  EXPECT_EQ(error, std::nullopt);
  test.advance(seconds(2));
  EXPECT_EQ(error, Code::deadline_exceeded);
  EXPECT_EQ(server->counters().too_slow, 1U);
  EXPECT_EQ(host.limiter.count(), 0U);
}

TEST_F(TlsTest, a_hello_that_comes_byte_by_byte_still_works) {
  client.connect(host.address());
  accept();
  const SslPtr slow(SSL_new(client.context()));
  SSL_set_bio(slow.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_connect_state(slow.get());
  SSL_do_handshake(slow.get());
  const std::string hello = text_of(SSL_get_wbio(slow.get()));
  ASSERT_GT(hello.size(), 100U);
  for (const char byte : hello) {
    ASSERT_EQ(::send(client.socket().get(), &byte, 1, 0), 1);
    test.settle();
  }
  std::array<char, 8> answer{};
  EXPECT_GT(::recv(client.socket().get(), answer.data(), answer.size(), 0), 0);
  EXPECT_EQ(answer[0], '\x16');
}

TEST_F(TlsTest, reads_what_came_together_with_the_end_of_the_handshake) {
  client.connect(host.address());
  accept();
  ASSERT_LT(SSL_do_handshake(client.ssl()), 1);
  test.settle();
  ASSERT_EQ(SSL_do_handshake(client.ssl()), 1);  // its Finished has not been read by the server yet
  ASSERT_EQ(client.write("early bird"), SSL_ERROR_NONE);
  test.settle();
  ASSERT_TRUE(stream);
  std::string text;
  auto read = [](Stream& from, std::string& into) -> Task<void> {
    std::array<char, 100> buffer{};
    const IoResult got = co_await read_some(from, buffer);
    into.assign(buffer.data(), got.bytes);
  };
  test.start(read(*stream, text));
  EXPECT_EQ(text, "early bird");
}

Task<void> collect(Stream& from, std::size_t step, std::string& into, IoState& end) {
  std::string buffer(step, '\0');
  while (true) {
    const IoResult got = co_await read_some(from, buffer);
    if (got.state != IoState::done) {
      end = got.state;
      co_return;
    }
    into.append(buffer.data(), got.bytes);
  }
}

/// Many records in one read of the socket, and buffers smaller than a record: what OpenSSL holds back must not hang.
TEST_F(TlsTest, no_record_is_left_behind_whatever_the_size_of_the_reads) {
  for (const std::size_t step : {1U, 100U, 16'383U, 16'384U, 65'536U}) {
    ASSERT_TRUE(shake());
    std::string got;
    IoState state = IoState::would_block;
    test.start(collect(*stream, step, got, state));
    std::string expected;
    for (int i = 0; i < 40; ++i) {
      const std::string part(static_cast<std::size_t>(1 + 37 * i), static_cast<char>('a' + i % 26));
      expected += part;
      ASSERT_EQ(client.write(part), SSL_ERROR_NONE);
      if (i % 7 == 0) test.settle();
    }
    test.settle();
    EXPECT_TRUE(got == expected) << step;
    EXPECT_EQ(state, IoState::would_block);
    EXPECT_TRUE(stream->drained());
    SSL_shutdown(client.ssl());
    test.settle();
    EXPECT_EQ(state, IoState::closed);
  }
}

TEST_F(TlsTest, a_connection_cut_without_close_notify_is_failed_and_not_closed) {
  ASSERT_TRUE(shake());
  ASSERT_EQ(client.write("half a"), SSL_ERROR_NONE);
  SSL_set_quiet_shutdown(client.ssl(), 1);
  client.socket().reset();
  test.settle();
  EXPECT_EQ(read_all(), "half a");
  EXPECT_EQ(end, IoState::failed);
}

TEST_F(TlsTest, our_end_is_a_close_notify) {
  for (int way = 0; way < 2; ++way) {
    ASSERT_TRUE(shake());
    if (way == 0) {
      stream->close();
    } else {
      EXPECT_EQ(stream->shutdown_write(), IoState::done);
    }
    std::string got;
    EXPECT_EQ(client.read(got), SSL_ERROR_ZERO_RETURN);
  }
  EXPECT_EQ(client.write("you may go on"), SSL_ERROR_NONE);  // after a half-close
  test.settle();
  EXPECT_EQ(read_all(), "you may go on");
}

TEST_F(TlsTest, reset_sends_no_close_notify) {
  ASSERT_TRUE(shake());
  stream->reset();
  std::string got;
  EXPECT_NE(client.read(got), SSL_ERROR_ZERO_RETURN);
}

TEST_F(TlsTest, writes_more_than_fits_with_a_buffer_that_moves_between_tries) {
  ASSERT_TRUE(shake());
  std::string sent(3'000'000, ' ');
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>('a' + i % 23);
  std::optional<IoResult> result;
  auto write = [](Stream& to, std::string_view text, std::optional<IoResult>& out) -> Task<void> {
    std::size_t written = 0;
    while (written < text.size()) {
      const std::string moved(text.substr(written, 40'000));
      const IoResult put = to.try_write(moved);
      written += put.bytes;
      if (put.state == IoState::done && put.bytes == moved.size()) continue;
      if (put.state != IoState::done && put.state != IoState::would_block) break;
      co_await to.writable();
    }
    out = IoResult{IoState::done, written};
  };
  test.start(write(*stream, sent, result));
  EXPECT_FALSE(result.has_value());
  std::string got;
  for (int round = 0; round < 20'000 && got.size() < sent.size(); ++round) {
    client.read_when_there(got);
    test.settle();
  }
  EXPECT_TRUE(got == sent);
  EXPECT_EQ(result->bytes, sent.size());
}

TEST_F(TlsTest, small_pieces_leave_as_one_record_and_large_ones_whole) {
  ASSERT_TRUE(shake());
  const std::array<std::string_view, 3> small{"HTTP/1.1 200 OK\r\n", "\r\n", "body"};
  EXPECT_EQ(stream->try_write_pieces(small, More::no).bytes, 23U);
  std::string got;
  EXPECT_EQ(client.read(got), SSL_ERROR_NONE);
  EXPECT_EQ(got, "HTTP/1.1 200 OK\r\n\r\nbody");  // one SSL_read gives one record
  const std::string body(100'000, 'b');
  std::array<std::string_view, 3> large{"head", body, "tail"};
  const std::string expected = "head" + body + "tail";
  std::optional<IoResult> result;
  auto write = [](Stream& to, std::span<std::string_view> what, std::optional<IoResult>& out) -> Task<void> {
    out = co_await write_pieces(to, what);
  };
  test.start(write(*stream, large, result));
  got.clear();
  for (int round = 0; round < 1000 && got.size() < expected.size(); ++round) {
    client.read_when_there(got);
    test.settle();
  }
  EXPECT_TRUE(got == expected);
  EXPECT_EQ(result->bytes, expected.size());
}

/// A key update that asks for one in return makes a read write (RFC 8446 section 4.6.3): with our send buffer full the
/// read has to wait until the socket is writable.
TEST_F(TlsTest, a_read_that_must_write_waits_for_the_right_thing) {
  ASSERT_TRUE(shake());
  const std::string filler(16'000, 'f');
  std::size_t filled = 0;
  while (true) {
    const IoResult put = stream->try_write(filler);
    filled += put.bytes;
    if (put.state != IoState::done || put.bytes < filler.size()) break;
  }
  ASSERT_EQ(SSL_key_update(client.ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
  ASSERT_EQ(client.write("behind the update"), SSL_ERROR_NONE);
  std::string got;
  IoState state = IoState::would_block;
  test.start(collect(*stream, 1000, got, state));
  EXPECT_EQ(state, IoState::would_block);
  std::string drained;
  for (int round = 0; round < 5000 && got.empty(); ++round) {
    client.read_when_there(drained);
    test.settle();
  }
  EXPECT_EQ(got, "behind the update");
  EXPECT_GT(filled, 0U);
}

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

// --- identities ----------------------------------------------------------------------------------------------------

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
  ASSERT_EQ(PEM_write_bio_PrivateKey(out.get(), key.get(), EVP_aes_128_cbc(), password, 8, nullptr, nullptr), 1);
  EXPECT_EQ(code_of(mine.chain, text_of(out.get())), Code::invalid_argument);
}

}  // namespace
}  // namespace sallyport
