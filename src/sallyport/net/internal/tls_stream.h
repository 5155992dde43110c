// SPDX-License-Identifier: Apache-2.0
// TlsStream: OpenSSL on the socket itself, without a buffer of ours in between.
#pragma once

#include <array>

#include "sallyport/net/buffers.h"
#include "sallyport/net/internal/openssl.h"
#include "sallyport/net/internal/socket_base.h"

namespace sallyport {

/// SocketSide is what the BIO beneath a TlsStream works on.
struct SocketSide {
  int fd = -1;
  enum class LastRead : std::uint8_t { full, emptied, end } last_read = LastRead::emptied;
  /// The first bytes that came, kept for a handshake that fails: were they TLS at all?
  std::array<char, 8> first{};
  std::size_t first_bytes = 0;
};

class TlsStream final : public SocketBase {
 public:
  TlsStream(Loop& loop, Descriptor socket, ConnectionFacts facts, SslPtr ssl);
  ~TlsStream() override { close(); }
  /// usable is false where OpenSSL or epoll refused to set up.
  [[nodiscard]] bool usable() const noexcept { return usable_ == Usable::yes; }

  /// handshake: unavailable, deadline_exceeded, cancelled.
  Task<Status> handshake();
  /// first_bytes are what came first, up to eight; meant for a handshake that failed.
  [[nodiscard]] std::string_view first_bytes() const noexcept {
    return {side_.first.data(), side_.first_bytes};
  }
  /// give_up_socket leaves the stream closed without a word of TLS.
  [[nodiscard]] Descriptor give_up_socket() noexcept;
  [[nodiscard]] SSL* ssl() noexcept { return ssl_.get(); }
  void certify(std::shared_ptr<const CertifiedPeer> peer) noexcept { facts_.certified = std::move(peer); }
  [[nodiscard]] bool resumed() const noexcept { return SSL_session_reused(ssl_.get()) == 1; }

  [[nodiscard]] std::shared_ptr<const PeerCertificate> peer_certificate() const override;
  IoResult try_read(std::span<char> into) override;
  IoResult try_write(std::string_view piece, More more) override;
  IoResult try_write_pieces(std::span<const std::string_view> pieces, More more) override;
  IoState shutdown_write() override;
  void close() override;
  void reset() override;

 private:
  enum class Usable : std::uint8_t { no, yes };
  enum class Phase : std::uint8_t { handshake, open, said_goodbye, broken };
  IoState no_progress(int result, WaitPair::Side side) noexcept;
  void note_what_is_left() noexcept;
  IoResult write_gathered(std::span<const std::string_view> pieces);

  SocketSide side_;
  SslPtr ssl_;
  BufferPool& buffers_;
  Usable usable_ = Usable::no;
  Phase phase_ = Phase::handshake;
};

}  // namespace sallyport
