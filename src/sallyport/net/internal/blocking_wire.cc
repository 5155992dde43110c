// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/internal/blocking_wire.h"

#include <netdb.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "sallyport/base/text.h"
#include "sallyport/net/internal/addresses.h"

namespace sallyport::internal {
namespace {

Error late() { return fail(Code::deadline_exceeded, "the service did not answer in time"); }

BioPtr bio_over(std::string_view text) {
  return BioPtr(text.size() > INT32_MAX ? nullptr
                                        : BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

int no_password(char*, int, int, void*) { return -1; }

Status trust(SSL_CTX* context, const HttpEndpoint& endpoint) {
  if (endpoint.roots_pem.empty()) {
    if (SSL_CTX_set_default_verify_paths(context) == 1) return ok();
    return fail(Code::unavailable, "the system's trusted certificates cannot be read");
  }
  const BioPtr bio = bio_over(endpoint.roots_pem);
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  int added = 0;
  while (bio) {
    X509* root = PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr);
    if (root == nullptr) break;
    added += X509_STORE_add_cert(store, root) == 1 ? 1 : 0;
    X509_free(root);
  }
  ERR_clear_error();
  if (added > 0) return ok();
  return fail(Code::invalid_argument, "the trusted certificates hold no certificate in PEM");
}

Status show_client(SSL_CTX* context, const HttpEndpoint& endpoint) {
  if (endpoint.client_chain_pem.empty()) return ok();
  const Error broken = fail(Code::invalid_argument, "the client certificate and its key are no pair in PEM");
  const BioPtr chain = bio_over(endpoint.client_chain_pem);
  const BioPtr key_text = bio_over(endpoint.client_key_pem.expose());
  if (!chain || !key_text) return broken;
  X509* leaf = PEM_read_bio_X509(chain.get(), nullptr, no_password, nullptr);
  EVP_PKEY* key = PEM_read_bio_PrivateKey(key_text.get(), nullptr, no_password, nullptr);
  bool good = leaf != nullptr && key != nullptr && SSL_CTX_use_certificate(context, leaf) == 1 &&
              SSL_CTX_use_PrivateKey(context, key) == 1;
  X509_free(leaf);
  EVP_PKEY_free(key);
  while (good) {
    X509* link = PEM_read_bio_X509(chain.get(), nullptr, no_password, nullptr);
    if (link == nullptr) break;
    good = SSL_CTX_add0_chain_cert(context, link) == 1;
    if (!good) X509_free(link);
  }
  ERR_clear_error();
  if (!good) return broken;
  return ok();
}

}  // namespace

Status BlockingWire::await(short events) {
  pollfd waiting{socket_.get(), events, 0};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - clock_.now()).count();
    if (left <= 0) return late();
    const int ready = ::poll(&waiting, 1, static_cast<int>(std::min<std::int64_t>(left, 3'600'000)));
    if (ready > 0) return ok();
    if (ready < 0 && errno != EINTR) return fail(Code::unavailable, std::strerror(errno));
  }
}

Status BlockingWire::connect_to(const sockaddr* address, socklen_t bytes, int family) {
  socket_ = Descriptor(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket_) return fail(Code::unavailable, std::strerror(errno));
  if (::connect(socket_.get(), address, bytes) == 0) return ok();
  if (errno != EINPROGRESS) return fail(Code::unavailable, std::strerror(errno));
  SALLYPORT_CHECK(await(POLLOUT));
  int fault = 0;
  socklen_t size = sizeof fault;
  if (::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &fault, &size) != 0) fault = errno;
  if (fault != 0) return fail(Code::unavailable, std::strerror(fault));
  return ok();
}

Status BlockingWire::connect_tcp(const HttpEndpoint& endpoint) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string port = concat(endpoint.port);
  if (const int fault = ::getaddrinfo(endpoint.host.c_str(), port.c_str(), &wanted, &found); fault != 0)
    return fail(Code::unavailable, concat("no address for it: ", ::gai_strerror(fault)));
  Status outcome = fail(Code::unavailable, "no address for it");
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    outcome = connect_to(at->ai_addr, at->ai_addrlen, at->ai_family);
    if (outcome || outcome.error().code == Code::deadline_exceeded) break;
  }
  ::freeaddrinfo(found);
  return outcome;
}

Status BlockingWire::open(const HttpEndpoint& endpoint) {
  Status connected = ok();
  if (!endpoint.socket_path.empty()) {
    auto address = to_kernel(SocketAddress::unix_path(endpoint.socket_path));
    if (!address) return fail(Code::invalid_argument, "that path does not fit into a socket's address");
    connected = connect_to(address->get(), address->bytes, AF_UNIX);
  } else {
    connected = connect_tcp(endpoint);
  }
  if (!connected || endpoint.scheme == HttpEndpoint::Scheme::http) return connected;
  return shake_hands(endpoint);
}

Status BlockingWire::shake_hands(const HttpEndpoint& endpoint) {
  context_ = SslContextPtr(SSL_CTX_new(TLS_client_method()));
  if (!context_ || SSL_CTX_set_min_proto_version(context_.get(), TLS1_2_VERSION) != 1)
    return fail(Code::internal, "no TLS context");
  SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(context_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SALLYPORT_CHECK(trust(context_.get(), endpoint));
  SALLYPORT_CHECK(show_client(context_.get(), endpoint));
  ssl_ = SslPtr(SSL_new(context_.get()));
  if (!ssl_ || SSL_set_fd(ssl_.get(), socket_.get()) != 1) return fail(Code::internal, "no TLS connection");
  X509_VERIFY_PARAM* rules = SSL_get0_param(ssl_.get());
  X509_VERIFY_PARAM_set_hostflags(rules,
                                  X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const bool is_address = IpAddress::parse(endpoint.host).has_value();
  const int named = is_address
                        ? X509_VERIFY_PARAM_set1_ip_asc(rules, endpoint.host.c_str())
                        : X509_VERIFY_PARAM_set1_host(rules, endpoint.host.c_str(), endpoint.host.size());
  std::string host = endpoint.host;  // OpenSSL's macro casts const away
  if (named != 1 || (!is_address && SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME,
                                             TLSEXT_NAMETYPE_host_name, host.data()) != 1))
    return fail(Code::invalid_argument, "that is no name to check a certificate for");
  for (;;) {
    ERR_clear_error();
    const int result = SSL_connect(ssl_.get());
    if (result == 1) return ok();
    if (const long verdict = SSL_get_verify_result(ssl_.get()); verdict != X509_V_OK) {
      ERR_clear_error();
      return fail(Code::unauthenticated, concat("its certificate does not prove who it is: ",
                                                X509_verify_cert_error_string(verdict)));
    }
    SALLYPORT_CHECK(await_tls(result));
  }
}

/// await_tls waits for what OpenSSL asked for, which need not be what we are about to do.
Status BlockingWire::await_tls(int result) {
  const int asked = SSL_get_error(ssl_.get(), result);
  if (asked == SSL_ERROR_WANT_READ) return await(POLLIN);
  if (asked == SSL_ERROR_WANT_WRITE) return await(POLLOUT);
  ERR_clear_error();
  return fail(Code::unavailable, "the TLS connection broke");
}

Status BlockingWire::write(std::string_view bytes) {
  while (!bytes.empty()) {
    if (ssl_) {
      ERR_clear_error();
      const int sent = SSL_write(ssl_.get(), bytes.data(),
                                 static_cast<int>(std::min<std::size_t>(bytes.size(), INT32_MAX)));
      if (sent > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      } else {
        SALLYPORT_CHECK(await_tls(sent));
      }
      continue;
    }
    const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      SALLYPORT_CHECK(await(POLLOUT));
    } else if (errno != EINTR) {
      return fail(Code::unavailable, std::strerror(errno));
    }
  }
  return ok();
}

Result<std::size_t> BlockingWire::read(std::span<char> out) {
  for (;;) {
    if (ssl_) {
      ERR_clear_error();
      const int got =
          SSL_read(ssl_.get(), out.data(), static_cast<int>(std::min<std::size_t>(out.size(), INT32_MAX)));
      if (got > 0) return static_cast<std::size_t>(got);
      if (SSL_get_error(ssl_.get(), got) == SSL_ERROR_ZERO_RETURN) return std::size_t{0};
      if (auto waited = await_tls(got); !waited) return std::move(waited).error();
      continue;
    }
    const ssize_t got = ::recv(socket_.get(), out.data(), out.size(), 0);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno == EAGAIN) {
      if (auto waited = await(POLLIN); !waited) return std::move(waited).error();
    } else if (errno != EINTR) {
      return fail(Code::unavailable, std::strerror(errno));
    }
  }
}

}  // namespace sallyport::internal
