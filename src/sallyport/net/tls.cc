// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/tls.h"

#include <openssl/pem.h>

#include <mutex>
#include <utility>
#include <vector>

#include "sallyport/base/text.h"
#include "sallyport/net/internal/openssl.h"
#include "sallyport/net/internal/plain_http.h"
#include "sallyport/net/internal/ticket_keys.h"
#include "sallyport/net/internal/tls_identity_parts.h"
#include "sallyport/net/internal/tls_stream.h"

namespace sallyport {
namespace {

// RFC 9325 section 4.2: ECDHE with AEAD only. TLS 1.3 has no others.
constexpr const char* kSuitesOf12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"
    "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";
constexpr const char* kGroups = "X25519:P-256:P-384";
constexpr std::string_view kProtocol = "http/1.1";
constexpr unsigned char kSessionContext[] = "sallyport";

/// A prompt on the terminal is the last thing that a server should do: encrypted keys are refused.
int no_password(char*, int, int, void*) { return -1; }

BioPtr bio_over(std::string_view text) noexcept {
  return BioPtr(text.size() > INT32_MAX ? nullptr
                                        : BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// RFC 7301 section 3.2: no protocol in common ends the handshake. That also keeps a client of another
/// protocol from being led here.
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_bytes,
                    const unsigned char* offered, unsigned offered_bytes, void*) {
  for (unsigned at = 0; at < offered_bytes; at += 1U + offered[at]) {
    const unsigned bytes = offered[at];
    if (bytes > offered_bytes - at - 1) break;
    if (std::string_view(reinterpret_cast<const char*>(offered) + at + 1, bytes) != kProtocol) continue;
    *chosen = offered + at + 1;
    *chosen_bytes = offered[at];
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/// turn_away answers on the socket that the handshake failed on.
void turn_away(Loop& loop, TlsStream& stream) {
  ConnectionFacts facts = stream.facts();
  facts.tls = Tls::off;
  auto place = stream.give_up_place();
  auto plain = socket_stream(loop, stream.give_up_socket(), std::move(facts));
  if (!plain) return;
  (*plain)->hold(std::move(place));
  loop.spawn(answer_plain_http(loop, *std::move(plain)));
}

bool configure(SSL_CTX* context) noexcept {
  // Our order of the suites counts, but for clients without AES in hardware, who put ChaCha20 first.
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_timeout(context, std::chrono::duration_cast<std::chrono::seconds>(kTicketKeyLife).count());
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
  return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
         SSL_CTX_set_cipher_list(context, kSuitesOf12) == 1 &&
         SSL_CTX_set1_groups_list(context, kGroups) == 1 &&
         SSL_CTX_set_session_id_context(context, kSessionContext, sizeof kSessionContext - 1) == 1;
}

/// Shaking is a handshake under way, for the callback in it.
struct Shaking {
  ClientJudge* judge;
  const ConnectionFacts* facts;
  std::shared_ptr<const CertifiedPeer> certified{};
};

bool append_der(std::vector<std::string>& chain, X509* certificate) {
  const int bytes = certificate == nullptr ? 0 : i2d_X509(certificate, nullptr);
  if (bytes <= 0) return false;
  std::string der(static_cast<std::size_t>(bytes), '\0');
  auto* at = reinterpret_cast<unsigned char*>(der.data());
  if (i2d_X509(certificate, &at) != bytes) return false;
  chain.push_back(std::move(der));
  return true;
}

/// on_client_chain takes the place of OpenSSL's own verification.
int on_client_chain(X509_STORE_CTX* store, void*) {
  auto* const ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* const shaking = ssl == nullptr ? nullptr : static_cast<Shaking*>(SSL_get_app_data(ssl));
  std::vector<std::string> chain;
  X509* const leaf = X509_STORE_CTX_get0_cert(store);
  bool whole = shaking != nullptr && append_der(chain, leaf);
  STACK_OF(X509)* const sent = X509_STORE_CTX_get0_untrusted(store);
  for (int i = 0; whole && i < sk_X509_num(sent); ++i) {
    X509* const next = sk_X509_value(sent, i);
    if (next != leaf) whole = append_der(chain, next);
  }
  if (whole) shaking->certified = shaking->judge->judge(chain, *shaking->facts);
  if (whole && shaking->certified != nullptr) {
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
  }
  X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);  // bad_certificate, for every reason
  return 0;
}

/// name_authorities: a browser offers its user only certificates of these.
bool name_authorities(SSL_CTX* context, std::string_view pem) {
  const BioPtr text = bio_over(pem);
  if (!text) return false;
  std::size_t count = 0;
  while (X509* const raw = PEM_read_bio_X509(text.get(), nullptr, no_password, nullptr)) {
    const CertificatePtr certificate(raw);
    if (SSL_CTX_add_client_CA(context, raw) != 1) return false;
    ++count;
  }
  ERR_clear_error();
  return count != 0;
}

bool demand_certificates(SSL_CTX* context, const ClientDemand& demand) {
  const bool required = demand.kind == ClientDemand::Kind::required;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  SSL_CTX_set_cert_verify_callback(context, on_client_chain, nullptr);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  SSL_CTX_set_max_cert_list(context, static_cast<long>(kClientChainBytesMax));
  return SSL_CTX_set_num_tickets(context, 0) == 1 && name_authorities(context, demand.authorities_pem);
}

}  // namespace

TlsIdentity::TlsIdentity(std::unique_ptr<const Parts> parts) : parts_(std::move(parts)) {}
TlsIdentity::~TlsIdentity() = default;

Result<std::shared_ptr<const TlsIdentity>> TlsIdentity::from_pem(std::string_view chain_pem,
                                                                 const SecretText& key_pem) {
  auto parts = std::make_unique<Parts>();
  const BioPtr certificates = bio_over(chain_pem);
  const BioPtr key = bio_over(key_pem.expose());
  if (!certificates || !key || !parts->chain) return fail(Code::internal, "no memory for a certificate");
  ERR_clear_error();
  parts->leaf.reset(PEM_read_bio_X509(certificates.get(), nullptr, no_password, nullptr));
  if (!parts->leaf)
    return fail(Code::invalid_argument, concat("cannot read the certificate: ", openssl_error()));
  while (X509* const next = PEM_read_bio_X509(certificates.get(), nullptr, no_password, nullptr)) {
    if (sk_X509_push(parts->chain.get(), next) <= 0) {
      X509_free(next);
      return fail(Code::internal, "no memory for a certificate chain");
    }
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (!at_end)
    return fail(Code::invalid_argument, concat("cannot read the certificate chain: ", openssl_error()));
  ERR_clear_error();
  parts->key.reset(PEM_read_bio_PrivateKey(key.get(), nullptr, no_password, nullptr));
  if (!parts->key) {
    return fail(Code::invalid_argument,
                concat("cannot read the private key (it must not be encrypted): ", openssl_error()));
  }
  if (X509_check_private_key(parts->leaf.get(), parts->key.get()) != 1) {
    ERR_clear_error();
    return fail(Code::invalid_argument, "the private key does not belong to the certificate");
  }
  return std::shared_ptr<const TlsIdentity>(new TlsIdentity(std::move(parts)));
}

struct TlsServer::State {
  State(const MonotonicClock& clock, Entropy& entropy, std::shared_ptr<const TlsIdentity> first)
      : tickets(clock, entropy), identity(std::move(first)), context(SSL_CTX_new(TLS_server_method())) {}

  static int on_certificate(SSL* ssl, void* self) {
    auto& state = *static_cast<State*>(self);
    const std::shared_ptr<const TlsIdentity> serve = state.current();
    const TlsIdentity::Parts& parts = *serve->parts_;
    SSL_certs_clear(ssl);
    return SSL_use_cert_and_key(ssl, parts.leaf.get(), parts.key.get(), parts.chain.get(), 1);
  }
  std::shared_ptr<const TlsIdentity> current() {
    const std::lock_guard lock(mutex);
    return identity;
  }

  TicketKeys tickets;
  std::mutex mutex;
  std::shared_ptr<const TlsIdentity> identity;  ///< guarded by mutex
  SslContextPtr context;
  ClientJudge* judge = nullptr;
};

TlsServer::TlsServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsServer::~TlsServer() = default;

Result<std::unique_ptr<TlsServer>> TlsServer::make(const MonotonicClock& clock, Entropy& entropy,
                                                   std::shared_ptr<const TlsIdentity> identity,
                                                   const ClientDemand& demand) {
  auto state = std::make_unique<State>(clock, entropy, std::move(identity));
  SSL_CTX* const context = state->context.get();
  if (context == nullptr || !configure(context) || !TicketKeys::install(context, state->tickets)) {
    return fail(Code::internal, concat("cannot set up TLS: ", openssl_error()));
  }
  if (demand.kind != ClientDemand::Kind::none) {
    state->judge = demand.judge;
    if (!demand_certificates(context, demand))
      return fail(Code::invalid_argument, "the authorities of clients hold no certificate in PEM form");
  }
  SSL_CTX_set_cert_cb(context, &State::on_certificate, state.get());
  return std::unique_ptr<TlsServer>(new TlsServer(std::move(state)));
}

void TlsServer::replace_identity(std::shared_ptr<const TlsIdentity> identity) {
  const std::lock_guard lock(state_->mutex);
  state_->identity.swap(identity);
}

void TlsServer::forget_tickets() { state_->tickets.forget(); }

Task<Result<std::unique_ptr<Stream>>> TlsServer::accept(Loop& loop, std::unique_ptr<Stream> plain,
                                                        MonotonicTime deadline) {
  std::optional<Descriptor> socket = plain->release();
  if (!socket.has_value() || !*socket)
    co_return fail(Code::invalid_argument, "TLS needs an open plain socket");
  SslPtr ssl(SSL_new(state_->context.get()));
  if (!ssl) co_return fail(Code::exhausted, "no memory for one more TLS connection");
  ConnectionFacts facts = plain->facts();
  facts.tls = Tls::on;
  auto stream = std::make_unique<TlsStream>(loop, *std::move(socket), std::move(facts), std::move(ssl));
  stream->hold(plain->give_up_place());
  plain.reset();
  if (!stream->usable()) co_return fail(Code::exhausted, "no memory for one more TLS connection");

  stream->set_deadline(deadline);
  Shaking shaking{state_->judge, &stream->facts()};
  SSL_set_app_data(stream->ssl(), &shaking);
  Status shaken = co_await stream->handshake();
  SSL_set_app_data(stream->ssl(), nullptr);
  if (!shaken) {
    ++(shaken.error().code == Code::deadline_exceeded ? counters_.too_slow : counters_.failed);
    if (shaken.error().code == Code::unavailable && is_plain_http(stream->first_bytes())) {
      ++counters_.plain_http;
      turn_away(loop, *stream);
    }
    co_return std::move(shaken).error();
  }
  stream->certify(std::move(shaking.certified));
  stream->set_deadline(kNever);
  ++counters_.handshakes;
  if (stream->resumed()) ++counters_.resumed;
  co_return std::unique_ptr<Stream>(std::move(stream));
}

}  // namespace sallyport
