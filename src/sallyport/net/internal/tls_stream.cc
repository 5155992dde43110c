// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/internal/tls_stream.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

constexpr std::size_t kRecordBytesMax = 16 * 1024;  // RFC 8446 section 5.1: 2^14 bytes of plaintext

SocketSide& side_of(BIO* bio) noexcept { return *static_cast<SocketSide*>(BIO_get_data(bio)); }

int bio_read(BIO* bio, char* into, int bytes) {
  SocketSide& side = side_of(bio);
  BIO_clear_retry_flags(bio);
  const ssize_t got = ::recv(side.fd, into, static_cast<std::size_t>(bytes), 0);
  if (got > 0) {
    const std::size_t kept = std::min(static_cast<std::size_t>(got), side.first.size() - side.first_bytes);
    std::copy_n(into, kept, side.first.data() + side.first_bytes);
    side.first_bytes += kept;
    side.last_read = got < bytes ? SocketSide::LastRead::emptied : SocketSide::LastRead::full;
  } else if (got == 0) {
    side.last_read = SocketSide::LastRead::end;
  } else if (must_wait(errno) || errno == EINTR) {
    side.last_read = SocketSide::LastRead::emptied;
    BIO_set_retry_read(bio);
  }
  return static_cast<int>(got);
}

int bio_write(BIO* bio, const char* from, int bytes) {
  BIO_clear_retry_flags(bio);
  const ssize_t sent = ::send(side_of(bio).fd, from, static_cast<std::size_t>(bytes), MSG_NOSIGNAL);
  if (sent < 0 && (must_wait(errno) || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

long bio_ctrl(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return side_of(bio).last_read == SocketSide::LastRead::end ? 1 : 0;
  return 0;
}

/// Our own BIO instead of OpenSSL's socket BIO: it knows whether a read emptied the socket, and never raises
/// SIGPIPE.
BIO_METHOD* make_method() noexcept {
  BIO_METHOD* const method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "sallyport socket");
  if (method == nullptr) return nullptr;
  BIO_meth_set_read(method, bio_read);
  BIO_meth_set_write(method, bio_write);
  BIO_meth_set_ctrl(method, bio_ctrl);
  return method;
}

BIO* bio_on(SocketSide& side) noexcept {
  static const BIO_METHOD* const method = make_method();
  BIO* const bio = method == nullptr ? nullptr : BIO_new(method);
  if (bio == nullptr) return nullptr;
  BIO_set_data(bio, &side);
  BIO_set_init(bio, 1);
  return bio;
}

}  // namespace

TlsStream::TlsStream(Loop& loop, Descriptor socket, ConnectionFacts facts, SslPtr ssl)
    : SocketBase(loop, std::move(socket), std::move(facts)), ssl_(std::move(ssl)), buffers_(loop.buffers()) {
  side_.fd = fd();
  BIO* const bio = bio_on(side_);
  if (bio == nullptr || !enrolled()) {
    BIO_free(bio);
    return;
  }
  SSL_set_bio(ssl_.get(), bio, bio);  // one reference: SSL_set_bio counts a shared one once
  if (SSL_is_server(ssl_.get()) == 1) {
    SSL_set_accept_state(ssl_.get());
  } else {
    SSL_set_connect_state(ssl_.get());
  }
  usable_ = Usable::yes;
}

IoState TlsStream::no_progress(int result, WaitPair::Side side) noexcept {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      waits_.blocked(side, kReadEvents);
      return IoState::would_block;
    case SSL_ERROR_WANT_WRITE:
      waits_.blocked(side, kWriteEvents);
      return IoState::would_block;
    case SSL_ERROR_ZERO_RETURN:
      return IoState::closed;
    default:
      phase_ = Phase::broken;
      return IoState::failed;
  }
}

Task<Status> TlsStream::handshake() {
  // The client speaks first.
  WaitPair::Side side = SSL_is_server(ssl_.get()) == 1 ? WaitPair::Side::read : WaitPair::Side::write;
  while (true) {
    WaitResult wait = WaitResult::ready;
    if (side == WaitPair::Side::read) {
      wait = co_await readable();
    } else {
      wait = co_await writable();
    }
    if (wait == WaitResult::deadline)
      co_return fail(Code::deadline_exceeded, "the TLS handshake took too long");
    if (wait == WaitResult::cancelled) co_return fail(Code::cancelled, "the connection was cut");
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    if (result == 1) break;
    side = SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_WRITE ? WaitPair::Side::write
                                                                     : WaitPair::Side::read;
    if (no_progress(result, side) != IoState::would_block) {
      const bool nameless = ERR_GET_REASON(ERR_peek_error()) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE;
      co_return fail(nameless ? Code::unauthenticated : Code::unavailable,
                     concat("the TLS handshake failed: ", openssl_error()));
    }
  }
  phase_ = Phase::open;
  waits_.blocked(WaitPair::Side::read, kReadEvents);
  note_what_is_left();
  co_return ok();
}

/// What OpenSSL holds already, and what the socket may still hold, raises no event: keep the stream ready for
/// it.
void TlsStream::note_what_is_left() noexcept {
  const bool nothing = SSL_has_pending(ssl_.get()) == 0 && side_.last_read == SocketSide::LastRead::emptied;
  if (nothing) {
    waits_.short_read();
  } else {
    waits_.note(kEventIn);
  }
}

std::shared_ptr<const PeerCertificate> TlsStream::peer_certificate() const {
  X509* const raw = SSL_get0_peer_certificate(ssl_.get());
  if (raw == nullptr) return nullptr;
  auto made = std::make_shared<PeerCertificate>();
  const int bytes = i2d_X509(raw, nullptr);
  if (bytes <= 0) return nullptr;
  made->der.resize(static_cast<std::size_t>(bytes));
  auto* at = reinterpret_cast<unsigned char*>(made->der.data());
  i2d_X509(raw, &at);
  std::array<std::byte, 32> digest{};
  unsigned digest_bytes = digest.size();
  if (X509_digest(raw, EVP_sha256(), reinterpret_cast<unsigned char*>(digest.data()), &digest_bytes) != 1)
    return nullptr;
  made->sha256 = to_hex(digest);
  return made;
}

IoResult TlsStream::try_read(std::span<char> into) {
  if (phase_ == Phase::broken || phase_ == Phase::handshake) return {IoState::failed, 0};
  std::size_t filled = 0;
  do {
    ERR_clear_error();
    std::size_t got = 0;
    const int result = SSL_read_ex(ssl_.get(), into.data() + filled, into.size() - filled, &got);
    if (result != 1) {
      const IoState state = no_progress(result, WaitPair::Side::read);
      if (filled == 0) return {state, 0};
      if (state != IoState::would_block) waits_.note(kEventIn);  // the next read finds the same end
      return {IoState::done, filled};
    }
    filled += got;
  } while (filled < into.size() && SSL_has_pending(ssl_.get()) == 1);
  note_what_is_left();
  return {IoState::done, filled};
}

IoResult TlsStream::try_write(std::string_view piece, More) {
  if (phase_ != Phase::open) return {IoState::failed, 0};
  std::size_t written = 0;
  while (written < piece.size()) {
    ERR_clear_error();
    std::size_t put = 0;
    const int result = SSL_write_ex(ssl_.get(), piece.data() + written, piece.size() - written, &put);
    if (result != 1) {
      const IoState state = no_progress(result, WaitPair::Side::write);
      if (state == IoState::would_block && written != 0) return {IoState::done, written};
      return {state, written};
    }
    written += put;
  }
  return {IoState::done, written};
}

IoResult TlsStream::try_write_pieces(std::span<const std::string_view> pieces, More more) {
  IoResult total{IoState::done, 0};
  while (!pieces.empty()) {
    const bool alone = pieces.size() == 1 || pieces.front().size() >= kRecordBytesMax;
    if (!alone) {
      const IoResult rest = write_gathered(pieces);
      return {total.bytes != 0 && rest.state == IoState::would_block ? IoState::done : rest.state,
              total.bytes + rest.bytes};
    }
    const IoResult put = try_write(pieces.front(), more);
    total.bytes += put.bytes;
    if (put.state != IoState::done || put.bytes < pieces.front().size()) {
      if (total.bytes == 0 || put.state == IoState::failed) total.state = put.state;
      return total;
    }
    pieces = pieces.subspan(1);
  }
  return total;
}

/// Small pieces, a head and the beginning of a body, leave as one record instead of one each.
IoResult TlsStream::write_gathered(std::span<const std::string_view> pieces) {
  const Buffer buffer = buffers_.take();
  std::size_t filled = 0;
  for (const std::string_view piece : pieces) {
    const std::size_t count = std::min(piece.size(), kRecordBytesMax - filled);
    std::copy_n(piece.begin(), count, buffer.data() + filled);
    filled += count;
  }
  return try_write(std::string_view(buffer.data(), filled), More::no);
}

IoState TlsStream::shutdown_write() {
  if (phase_ == Phase::said_goodbye) return IoState::done;
  if (phase_ != Phase::open) return IoState::failed;
  ERR_clear_error();
  const int result = SSL_shutdown(ssl_.get());
  if (result < 0) {
    const IoState state = no_progress(result, WaitPair::Side::write);
    if (state == IoState::would_block) return state;
    return IoState::failed;
  }
  phase_ = Phase::said_goodbye;
  return ::shutdown(fd(), SHUT_WR) == 0 ? IoState::done : IoState::failed;
}

void TlsStream::close() {
  if (fd() < 0) return;
  if (phase_ == Phase::open) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());  // best effort: what does not go now will not go
  }
  phase_ = Phase::broken;
  SocketBase::close();
}

Descriptor TlsStream::give_up_socket() noexcept {
  phase_ = Phase::broken;
  return detach();
}

void TlsStream::reset() {
  phase_ = Phase::broken;  // no close_notify: the peer must not take it for an end
  SocketBase::reset();
}

}  // namespace sallyport
