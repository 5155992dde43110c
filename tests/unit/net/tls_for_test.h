// SPDX-License-Identifier: Apache-2.0
// A TLS server of ours on a test loop, and a client that is OpenSSL itself.
#pragma once

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <poll.h>

#include <string>

#include "sallyport/net/internal/openssl.h"
#include "sallyport/net/tls.h"
#include "sockets_for_test.h"

namespace sallyport {
inline std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long bytes = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(bytes)};
}

struct Pem {
  std::string chain;
  std::string key;
};

/// make_pem makes a self-signed P-256 certificate for `name`.
inline Pem make_pem(const char* name) {
  const KeyPtr key(EVP_EC_gen("P-256"));
  const CertificatePtr certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* const subject = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name), -1,
                             -1, 0);
  X509_set_issuer_name(certificate.get(), subject);
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  const BioPtr chain(BIO_new(BIO_s_mem()));
  const BioPtr secret(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(chain.get(), certificate.get());
  PEM_write_bio_PrivateKey(secret.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return {text_of(chain.get()), text_of(secret.get())};
}

inline std::shared_ptr<const TlsIdentity> identity_for(const char* name) {
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
    if (ssl_)
      SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);  // or its session is void
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
    if (certificate)
      X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name, sizeof name);
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

}  // namespace sallyport
