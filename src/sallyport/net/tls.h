// SPDX-License-Identifier: Apache-2.0
// TLS for listeners: 1.2 and 1.3, modern suites, one certificate that can be replaced while connections live.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "sallyport/base/result.h"
#include "sallyport/base/secret.h"
#include "sallyport/env/clock.h"
#include "sallyport/net/loop.h"
#include "sallyport/net/stream.h"
#include "sallyport/net/task.h"

namespace sallyport {

/// A ticket key encrypts for this long, and decrypts for as long again: a client may resume for one to two
/// hours.
inline constexpr Duration kTicketKeyLife = std::chrono::hours(1);

/// TlsIdentity is a certificate chain with its private key, checked to belong together. Immutable; any
/// thread.
class TlsIdentity {
 public:
  /// from_pem takes the leaf first, then its intermediates. invalid_argument where a PEM block cannot be
  /// read, is encrypted, is missing, or key and leaf do not match.
  static Result<std::shared_ptr<const TlsIdentity>> from_pem(std::string_view chain_pem,
                                                             const SecretText& key_pem);
  TlsIdentity(const TlsIdentity&) = delete;
  TlsIdentity& operator=(const TlsIdentity&) = delete;
  ~TlsIdentity();

 private:
  friend class TlsServer;
  friend class MutualTls;
  struct Parts;
  explicit TlsIdentity(std::unique_ptr<const Parts> parts);
  std::unique_ptr<const Parts> parts_;
};

/// TlsCounters are for tests and metrics. Any thread.
struct TlsCounters {
  std::atomic<std::uint64_t> handshakes{0};
  std::atomic<std::uint64_t> resumed{0};     ///< of those, without a full exchange
  std::atomic<std::uint64_t> failed{0};      ///< garbage, no common version, cut off
  std::atomic<std::uint64_t> plain_http{0};  ///< of those, who spoke HTTP without TLS and was told so
  std::atomic<std::uint64_t> too_slow{0};
};

/// ClientJudge decides on the certificates that clients show. Any thread; called in the handshake, so it must
/// not block.
class ClientJudge {
 public:
  virtual ~ClientJudge() = default;
  /// judge gets the certificates as they were sent, DER, the client's own first, and gives who that is; null
  /// refuses the handshake, with the same alert whatever the reason.
  virtual std::shared_ptr<const CertifiedPeer> judge(std::span<const std::string> chain_der,
                                                     const ConnectionFacts& facts) = 0;
};

/// What a client may show us, all of it together: OpenSSL reads the keys in it before anybody can judge, a
/// quarter of a millisecond each.
inline constexpr std::size_t kClientChainBytesMax = std::size_t{16} << 10;

/// ClientDemand says what is asked of clients. A server that asks resumes no session: that would skip the
/// judge.
struct ClientDemand {
  enum class Kind : std::uint8_t { none, asked, required } kind = Kind::none;
  ClientJudge* judge = nullptr;   ///< outlives the server
  std::string authorities_pem{};  ///< named to clients, so that they can choose; the judge decides
};

/// TlsServer turns accepted sockets into TLS streams. It promises: no version below 1.2, forward secrecy, no
/// renegotiation, no compression, no early data (which could be replayed), only http/1.1 by ALPN (a client
/// that offers others alone is refused), and that a connection cut without close_notify reads as `failed`,
/// not as an end. Client certificates are asked for as ClientDemand says. Shared by all loops; outlives its
/// streams' handshakes.
class TlsServer {
 public:
  /// make: invalid_argument (no certificate in `authorities_pem`), internal.
  static Result<std::unique_ptr<TlsServer>> make(const MonotonicClock& clock, Entropy& entropy,
                                                 std::shared_ptr<const TlsIdentity> identity,
                                                 const ClientDemand& demand = {});
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;
  ~TlsServer();

  /// accept does the handshake on `plain`, a socket_stream of `loop` that nothing was read from, and gives
  /// the stream that takes its place. deadline_exceeded; unavailable where the handshake fails;
  /// unauthenticated where the client showed no certificate and one is required; cancelled. Who speaks plain
  /// HTTP instead gets a 400 that says so; nobody else who fails hears anything but TLS.
  Task<Result<std::unique_ptr<Stream>>> accept(Loop& loop, std::unique_ptr<Stream> plain,
                                               MonotonicTime deadline);

  /// replace_identity serves another certificate from the next handshake on. Any thread.
  void replace_identity(std::shared_ptr<const TlsIdentity> identity);
  /// forget_tickets makes every client do a full handshake again. Any thread.
  void forget_tickets();
  [[nodiscard]] const TlsCounters& counters() const noexcept { return counters_; }

 private:
  struct State;
  explicit TlsServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
  TlsCounters counters_;
};

}  // namespace sallyport
