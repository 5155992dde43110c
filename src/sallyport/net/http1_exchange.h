// SPDX-License-Identifier: Apache-2.0
// Exchange: one request and its answer on a client connection.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sallyport/base/result.h"
#include "sallyport/http/body.h"
#include "sallyport/http/message.h"
#include "sallyport/identity/facts.h"
#include "sallyport/net/http1_types.h"
#include "sallyport/net/stream.h"
#include "sallyport/net/task.h"

namespace sallyport {

class Http1Server;
struct Http1Workspace;

/// RequestIdText is 8 characters that tell the servers of a host apart, and 12 that count.
inline constexpr std::size_t kRequestIdBytes = 20;

/// Exchange is one request and its answer. It lives from the end of the head to the end of the answer, on one
/// loop; its handler uses it from that loop only. A handler answers with respond(), or start_stream() to
/// finish(), or hands the exchange to the proxy. One that returns without an answer gives the client a 500;
/// one that returns inside an answer breaks the connection, so that the client sees a cut.
class Exchange {
 public:
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  /// head: views into the connection's buffer, valid until release_head() or the end of the exchange.
  [[nodiscard]] const RequestHead& head() const noexcept { return head_; }
  [[nodiscard]] const ConnectionFacts& facts() const noexcept { return stream_->facts(); }
  [[nodiscard]] Loop& loop() noexcept { return *loop_; }
  /// request_id is unique on a host for all practical purposes. It is neither secret nor hard to guess.
  [[nodiscard]] std::string_view request_id() const noexcept { return {id_.data(), id_.size()}; }

  /// bind makes cut_if and the expiry sweep see this exchange. `binding` lives until the exchange ends, or
  /// unbind().
  void bind(const LiveBinding& binding) noexcept { binding_ = &binding; }
  void unbind() noexcept { binding_ = nullptr; }
  [[nodiscard]] const LiveBinding* binding() const noexcept { return binding_; }
  /// cut_reason tells why the waits of this exchange end `cancelled`; none while it is live.
  [[nodiscard]] std::optional<CutReason> cut_reason() const noexcept { return cut_; }

  /// read_body reads the whole request body. Errors: exhausted (more than bytes_max), invalid_argument
  /// (framing), deadline_exceeded, cancelled (client gone, or cut). After an error the answer closes the
  /// connection.
  Task<Result<std::string>> read_body(std::size_t bytes_max);

  /// respond sends a whole answer of our own. Errors: cancelled or deadline_exceeded (client gone, cut),
  /// internal (answered already; a field with a control character, for which the client gets a 500).
  Task<Status> respond(const Response& response);
  /// start_stream sends a head and no length; write() sends each text at once; finish() ends the body.
  Task<Status> start_stream(const Response& head);
  Task<Status> write(std::string_view text);
  Task<Status> finish();

  // The rest is for the proxy, which moves the bytes itself.

  [[nodiscard]] Stream& stream() noexcept { return *stream_; }
  [[nodiscard]] const ServerLimits& limits() const noexcept;
  /// body follows the request body through unread().
  [[nodiscard]] BodyScanner& body() noexcept { return body_; }
  /// unread is what the connection's buffer holds behind the head: body bytes, then pipelined requests.
  [[nodiscard]] std::string_view unread() const noexcept;
  void consume(std::size_t bytes) noexcept;
  /// room is the free end of the buffer, never empty while the body has not ended and unread() is empty;
  /// received() counts what was read into it.
  [[nodiscard]] std::span<char> room() noexcept;
  void received(std::size_t bytes) noexcept;
  /// owes_continue says that the client waits for a 100 before it sends its body (RFC 9110 section 10.1.1);
  /// continue_sent settles it.
  [[nodiscard]] bool owes_continue() const noexcept { return owes_continue_; }
  void continue_sent() noexcept { owes_continue_ = false; }
  /// keeps_alive says whether the connection may carry another request after an answer that starts now.
  [[nodiscard]] bool keeps_alive() const noexcept;
  void close_after() noexcept { may_keep_ = false; }
  /// The marks say how an answer came along that was written to stream() directly. Broken: it cannot be
  /// completed.
  void mark_started() noexcept { phase_ = Phase::started; }
  void mark_answered() noexcept { phase_ = Phase::answered; }
  void mark_broken() noexcept { phase_ = Phase::broken; }
  [[nodiscard]] bool started() const noexcept { return phase_ != Phase::unanswered; }
  /// status is that of an answer of our own; 0: there was none.
  [[nodiscard]] int status() const noexcept { return status_; }
  /// attend makes a cut cancel `other` too; nullptr ends that.
  void attend(Stream* other) noexcept { attended_ = other; }
  /// tolerate_hang_up: the client's end of sending is no reason to cut: a tunnel has two halves.
  void tolerate_hang_up() noexcept { minds_hang_up_ = false; }
  /// release_head gives the connection's buffer back while a long answer runs, if the request has been read
  /// whole and nothing follows it. The head's views are empty afterwards.
  void release_head() noexcept;

 private:
  friend class Http1Connection;
  friend class Http1Server;
  friend struct Http1Workspace;
  enum class Phase : std::uint8_t { unanswered, started, answered, broken };

  explicit Exchange(RequestHead& head) noexcept : head_(head) {}
  void begin(Http1Server& server, Http1Workspace& space, Stream& stream);
  void cut(CutReason reason) noexcept;
  /// skip_buffered_body drops what is left of the body in the buffer; false where more would have to be read.
  bool skip_buffered_body() noexcept;
  bool write_head(const Response& response, std::string_view framing_lines, std::string& out) const;
  Task<Status> send(std::string_view text);

  RequestHead& head_;
  Http1Server* server_ = nullptr;
  Http1Workspace* space_ = nullptr;
  Stream* stream_ = nullptr;
  Loop* loop_ = nullptr;
  Stream* attended_ = nullptr;
  const LiveBinding* binding_ = nullptr;
  BodyScanner body_;
  std::array<char, kRequestIdBytes> id_{};
  std::optional<CutReason> cut_;
  int status_ = 0;
  Phase phase_ = Phase::unanswered;
  bool may_keep_ = true;
  bool owes_continue_ = false;
  bool minds_hang_up_ = true;
  bool chunked_ = false;   // our own stream goes out in chunks
  bool bodyless_ = false;  // answer to HEAD, 204, 304
};

}  // namespace sallyport
