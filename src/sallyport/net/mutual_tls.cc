// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/mutual_tls.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/net/internal/tls_identity_parts.h"
#include "sallyport/net/internal/tls_stream.h"

namespace sallyport {
namespace {

constexpr std::array<unsigned char, 3> kH2{2, 'h', '2'};
// go-plugin's own certificates are P-521; under TLS 1.2 the list bounds certificates too.
constexpr const char* kMutualGroups = "X25519:P-256:P-384:P-521";
constexpr const char* kMutualSuitesOf12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"
    "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";

int choose_h2(SSL*, const unsigned char** chosen, unsigned char* chosen_bytes, const unsigned char* offered,
              unsigned offered_bytes, void*) {
  for (unsigned at = 0; at + 1 < offered_bytes; at += 1U + offered[at]) {
    if (offered[at] > offered_bytes - at - 1) break;
    if (std::memcmp(offered + at, kH2.data(), std::min<std::size_t>(kH2.size(), offered_bytes - at)) != 0)
      continue;
    if (offered_bytes - at < kH2.size()) break;
    *chosen = offered + at + 1;
    *chosen_bytes = 2;
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

bool shape(SSL_CTX* context) noexcept {
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  X509_VERIFY_PARAM* const rules = SSL_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_PARTIAL_CHAIN);  // the very certificate is trust enough
  return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
         SSL_CTX_set_cipher_list(context, kMutualSuitesOf12) == 1 &&
         SSL_CTX_set1_groups_list(context, kMutualGroups) == 1;
}

/// trust adds each certificate of `pem`; false where there is none, or something else.
bool trust(SSL_CTX* context, std::string_view pem) {
  const BioPtr text(pem.size() > INT32_MAX ? nullptr
                                           : BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!text) return false;
  std::size_t count = 0;
  while (X509* const raw = PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr)) {
    const CertificatePtr certificate(raw);
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), raw) != 1) return false;
    // Go picks its certificate by what the server says it would take.
    if (SSL_CTX_add_client_CA(context, raw) != 1) return false;
    ++count;
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  return count != 0 && at_end;
}

}  // namespace

struct MutualTls::State {
  SslContextPtr server{SSL_CTX_new(TLS_server_method())};
  SslContextPtr client{SSL_CTX_new(TLS_client_method())};
  std::string server_name;
};

MutualTls::MutualTls(std::unique_ptr<const State> state) : state_(std::move(state)) {}
MutualTls::~MutualTls() = default;

Result<std::shared_ptr<const MutualTls>> MutualTls::make(std::shared_ptr<const TlsIdentity> identity,
                                                         std::string_view trusted_pem,
                                                         const std::string& server_name) {
  auto state = std::make_unique<State>();
  state->server_name = server_name;
  const TlsIdentity::Parts& parts = *identity->parts_;
  for (SSL_CTX* const context : {state->server.get(), state->client.get()}) {
    if (context == nullptr || !shape(context) ||
        SSL_CTX_use_cert_and_key(context, parts.leaf.get(), parts.key.get(), parts.chain.get(), 1) != 1)
      return fail(Code::internal, concat("cannot set up TLS: ", openssl_error()));
    if (!trust(context, trusted_pem))
      return fail(Code::invalid_argument, "what is to be trusted holds no certificate in PEM form");
  }
  SSL_CTX_set_alpn_select_cb(state->server.get(), choose_h2, nullptr);
  if (SSL_CTX_set_alpn_protos(state->client.get(), kH2.data(), kH2.size()) != 0)
    return fail(Code::internal, "cannot set up TLS: ALPN");
  return std::shared_ptr<const MutualTls>(new MutualTls(std::move(state)));
}

Task<Result<std::unique_ptr<Stream>>> MutualTls::accept(Loop& loop, std::unique_ptr<Stream> plain,
                                                        MonotonicTime deadline) const {
  Result<std::unique_ptr<Stream>> shaken =
      co_await shake(loop, std::move(plain), deadline, Http2Role::server);
  co_return shaken;
}

Task<Result<std::unique_ptr<Stream>>> MutualTls::connect(Loop& loop, std::unique_ptr<Stream> plain,
                                                         MonotonicTime deadline) const {
  Result<std::unique_ptr<Stream>> shaken =
      co_await shake(loop, std::move(plain), deadline, Http2Role::client);
  co_return shaken;
}

Task<Result<std::unique_ptr<Stream>>> MutualTls::shake(Loop& loop, std::unique_ptr<Stream> plain,
                                                       MonotonicTime deadline, Http2Role role) const {
  const bool is_server = role == Http2Role::server;
  std::optional<Descriptor> socket = plain->release();
  if (!socket.has_value() || !*socket)
    co_return fail(Code::invalid_argument, "TLS needs an open plain socket");
  SslPtr ssl(SSL_new(is_server ? state_->server.get() : state_->client.get()));
  if (!ssl) co_return fail(Code::exhausted, "no memory for one more TLS connection");
  std::string name = state_->server_name;
  if (!is_server &&
      (SSL_set1_host(ssl.get(), name.c_str()) != 1 ||
       SSL_ctrl(ssl.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data()) != 1))
    co_return fail(Code::internal, "cannot set up TLS: server name");
  ConnectionFacts facts = plain->facts();
  facts.tls = Tls::on;
  auto stream = std::make_unique<TlsStream>(loop, *std::move(socket), std::move(facts), std::move(ssl));
  stream->hold(plain->give_up_place());
  plain.reset();
  if (!stream->usable()) co_return fail(Code::exhausted, "no memory for one more TLS connection");
  stream->set_deadline(deadline);
  Status shaken = co_await stream->handshake();
  if (!shaken) co_return std::move(shaken).error();
  stream->set_deadline(kNever);
  co_return std::unique_ptr<Stream>(std::move(stream));
}

}  // namespace sallyport
