// SPDX-License-Identifier: Apache-2.0
// SocketBase: what plain and TLS streams share, a socket that is enrolled with its loop.
#pragma once

#include <cerrno>

#include "sallyport/net/stream.h"

namespace sallyport {

class SocketBase : public Stream {
 public:
  SocketBase(Loop& loop, Descriptor socket, ConnectionFacts facts);
  ~SocketBase() override;
  [[nodiscard]] bool enrolled() const noexcept { return enrolled_ == Enrolled::yes; }
  void close() override;
  void reset() override;

 protected:
  std::optional<PeerProcess> look_up_peer() override;
  Descriptor detach() noexcept;
  [[nodiscard]] int fd() const noexcept { return socket_.get(); }

 private:
  enum class Enrolled : std::uint8_t { no, yes };
  Loop& loop_;
  Descriptor socket_;
  Enrolled enrolled_ = Enrolled::no;
};

inline bool must_wait(int error) noexcept { return error == EAGAIN || error == EWOULDBLOCK; }

}  // namespace sallyport
