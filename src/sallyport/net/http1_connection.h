// SPDX-License-Identifier: Apache-2.0
// Http1Connection: one client connection, and the workspace that it borrows while a request is under way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "sallyport/net/buffers.h"
#include "sallyport/net/http1_exchange.h"
#include "sallyport/net/http1_server.h"

namespace sallyport {

/// A head starts within the first of these bytes and has at most the second, so that a part of the buffer is
/// left for its body, wherever the head lies.
inline constexpr std::size_t kHeadStartBytesMax = kBufferBytes / 4;
inline constexpr std::size_t kServedHeadBytesMax = 40 * 1024;

/// Http1Workspace is what only a busy connection needs: buffer, head, exchange.
struct Http1Workspace {
  Buffer buffer;
  std::size_t floor = 0;  ///< end of the current head: what lies before must stay while the exchange lives
  std::size_t begin = 0;  ///< first byte that nobody has used
  std::size_t end = 0;    ///< end of what was read
  std::size_t seen = 0;   ///< bytes from `begin` that the head parser knows to be incomplete
  RequestHead head;
  Exchange exchange{head};

  [[nodiscard]] std::string_view unread() const noexcept { return {buffer.data() + begin, end - begin}; }
  [[nodiscard]] std::span<char> room() const noexcept { return buffer.span().subspan(end); }
  /// settle_front moves what is unread to the front, if it lies so far back that a head and some body might
  /// not fit.
  void settle_front() noexcept;
};

/// Http1Connection lives in the frame of serve(), and is small: it is what an idle connection costs.
class Http1Connection : public Link {
 public:
  Http1Connection(Http1Server& server, std::unique_ptr<Stream> stream);
  ~Http1Connection();

  enum class Next : std::uint8_t { idle, close };
  /// work serves requests until nothing more has arrived (idle) or the connection is over.
  Task<Next> work();
  [[nodiscard]] Stream& stream() noexcept { return *stream_; }
  [[nodiscard]] Exchange* exchange() noexcept { return exchange_; }
  /// hang_up_if_idle ends a connection that waits for its next request.
  void hang_up_if_idle() noexcept;

 private:
  /// HeadStep is what one look at the socket and the buffer came to.
  enum class HeadStep : std::uint8_t { complete, wait, idle, closed, refused };
  HeadStep advance_head(Http1Workspace& space);
  [[nodiscard]] HeadParse parse(Http1Workspace& space);
  void begin(Http1Workspace& space);
  [[nodiscard]] Next settle(Http1Workspace& space) noexcept;
  Task<void> answer_fault(Exchange& exchange);
  Task<void> refuse(Http1Workspace& space, Refusal refusal, std::uint16_t status);
  Task<void> linger(Http1Workspace& space);

  Http1Server& server_;
  std::unique_ptr<Stream> stream_;
  Exchange* exchange_ = nullptr;
  MonotonicTime head_began_{};
  std::uint64_t requests_ = 0;
  ParseFault fault_ = ParseFault::none;
  bool must_linger_ = false;
};

}  // namespace sallyport
