// SPDX-License-Identifier: Apache-2.0
// RpcServerCall: one call as its handler sees it.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sallyport/base/time.h"
#include "sallyport/identity/facts.h"
#include "sallyport/identity/principal.h"
#include "sallyport/net/loop.h"
#include "sallyport/net/stream.h"
#include "sallyport/net/task.h"
#include "sallyport/net/wait.h"
#include "sallyport/net/wheel.h"
#include "sallyport/rpc/framing.h"
#include "sallyport/rpc/metadata.h"
#include "sallyport/rpc/status.h"

namespace sallyport {

class ServerConnection;

/// RpcServerCall belongs to its server's loop. A handler that runs on a pool thread has it to itself, except
/// read(), write(), send_head() and end(), which stay with the loop (see RpcBlockingCall); over() is for any
/// thread.
class RpcServerCall : private Timer {
 public:
  RpcServerCall(ServerConnection& connection, Loop& loop, Http2StreamId stream,
                std::size_t message_bytes_max);
  RpcServerCall(const RpcServerCall&) = delete;
  RpcServerCall& operator=(const RpcServerCall&) = delete;
  ~RpcServerCall();

  [[nodiscard]] const std::string& method() const noexcept { return method_; }
  [[nodiscard]] const RpcMetadata& metadata() const noexcept { return metadata_; }
  [[nodiscard]] const std::string& authority() const noexcept { return authority_; }
  /// facts are the connection's: addresses, TLS, and whose process is at the other end (uid and pid on a Unix
  /// socket, by the kernel's word).
  [[nodiscard]] const ConnectionFacts& facts() const noexcept { return facts_; }
  /// certificate is the client's, null without mutual TLS.
  [[nodiscard]] const std::shared_ptr<const PeerCertificate>& certificate() const noexcept {
    return certificate_;
  }
  /// deadline is the client's, kNever where it has none.
  [[nodiscard]] MonotonicTime deadline() const noexcept { return deadline_; }
  /// now is the loop's time: compare the deadline with it. On the loop.
  [[nodiscard]] MonotonicTime now() const noexcept { return loop_.now(); }
  /// over says that nobody waits for an answer any more: cancelled, past its deadline, or cut off.
  [[nodiscard]] bool over() const noexcept { return over_.load(std::memory_order_acquire); }
  /// principal is who the gate found, none where there is no gate.
  [[nodiscard]] const std::optional<Principal>& principal() const noexcept { return principal_; }
  void set_principal(Principal who) { principal_ = std::move(who); }

  /// head and trailers are what the client gets before the first message, and with the status.
  RpcMetadata& head() noexcept { return head_; }
  RpcMetadata& trailers() noexcept { return trailers_; }
  /// compress_with chooses how messages from here on are sent; ignored where the client did not say that it
  /// can expand them.
  void compress_with(RpcEncoding encoding) noexcept;

  /// read waits for the next message. None: the client has sent all, or the call is over.
  Task<std::optional<std::string>> read();
  /// write sends a message, and waits while too much is unsent. False: the call is over. `message` lives
  /// until it returns.
  Task<bool> write(std::string_view message);
  /// send_head sends the head now, without a message. For calls whose client waits for it.
  void send_head();
  /// until_over waits until nobody waits for an answer any more.
  Task<void> until_over();
  /// end ends the call with `status`, from outside its handler: a credential was revoked, the server closes.
  void end(const RpcStatus& status);

 private:
  friend class ServerConnection;
  static void expired(Timer& timer) noexcept;
  std::optional<std::string> take_message();
  bool put(std::string_view message);

  Loop& loop_;
  ServerConnection* connection_;  ///< null once the connection has ended
  Http2StreamId stream_;
  std::string method_;
  std::string authority_;
  RpcMetadata metadata_;
  const ConnectionFacts& facts_;
  std::shared_ptr<const ConnectionFacts> kept_facts_;
  std::shared_ptr<const PeerCertificate> certificate_;
  MonotonicTime deadline_ = kNever;
  std::optional<Principal> principal_;
  RpcMetadata head_;
  RpcMetadata trailers_;
  RpcUnframer unframer_;
  std::size_t uncredited_bytes_ = 0;
  RpcEncoding encoding_ = RpcEncoding::identity;
  enum class Accepts : std::uint8_t { identity, gzip } accepts_ = Accepts::identity;
  enum class Head : std::uint8_t { due, sent } head_state_ = Head::due;
  enum class Input : std::uint8_t { open, ended } input_ = Input::open;
  std::atomic<bool> over_{false};
  bool settled_ = false;    ///< the status is known, and interceptors were told
  std::size_t passed_ = 0;  ///< interceptors that let it pass
  Signal changed_;
};

}  // namespace sallyport
