// SPDX-License-Identifier: Apache-2.0
// Transfer: one request on its way to a backend and its answer on the way back, with the coroutines of both
// directions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "sallyport/http/body.h"
#include "sallyport/http/message.h"
#include "sallyport/net/buffers.h"
#include "sallyport/net/http1_exchange.h"
#include "sallyport/net/stream.h"
#include "sallyport/net/task.h"
#include "sallyport/proxy/body_run.h"
#include "sallyport/proxy/plan.h"
#include "sallyport/proxy/request_head.h"
#include "sallyport/proxy/response_head.h"

namespace sallyport {

/// A body that is in the buffer already, up to this size, leaves with its head in one send: copying it is
/// cheaper than a second piece.
inline constexpr std::size_t kSmallBodyBytesMax = 4096;
/// From this size on, what is left of a body with a length goes through a pipe, if both sides are plain
/// sockets.
inline constexpr std::uint64_t kSpliceBytesMin = 256 * 1024;
/// Interim answers that one request may have.
inline constexpr int kInterimAnswersMax = 16;

/// Transfer lives in the frame of Forwarder::forward. Its two directions run side by side and share it. The
/// first fault counts; it ends both.
class Transfer {
 public:
  Transfer(Exchange& exchange, const ForwardPlan& plan) noexcept
      : exchange_(exchange),
        plan_(plan),
        loop_(exchange.loop()),
        last_moved_(loop_.now()),
        last_told_(last_moved_) {}
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer() { exchange_.attend(nullptr); }

  /// pack writes the head, and the body if all that is there of it is small, into the send buffer. False
  /// where the head does not fit, or the body's framing is broken: bad_request.
  [[nodiscard]] bool pack(UpgradeForward upgrade);
  /// repack packs the same request again, for another connection; false where its bytes are gone.
  [[nodiscard]] bool repack();
  /// packed_whole: nothing of the request is left to send, so that it can be sent again.
  [[nodiscard]] bool packed_whole() const noexcept { return exchange_.body().ended(); }

  /// connected starts on `backend`; a second call starts again.
  void connected(std::unique_ptr<Stream> backend) noexcept;
  /// send_now sends the send buffer as far as it goes; where that is not whole, send_rest waits for the rest.
  /// Its false, and `broken`, mean that the backend takes no more; took_nothing() then says that it was dead
  /// before.
  enum class Sent : std::uint8_t { whole, partly, broken };
  Sent send_now();
  Task<bool> send_rest();
  /// receive_head reads to the end of the next head that is not an interim one, and relays those. False at a
  /// fault. `head` is scratch of the loop: nobody keeps anything in it across a wait.
  Task<bool> receive_head(ResponseHead& head, UpgradeForward upgrade);
  /// deliver_now sends the answer whose head was received as far as it goes without a wait; true when that
  /// was all. Otherwise deliver_rest does the rest.
  [[nodiscard]] bool deliver_now(const ResponseHead& head);
  Task<void> deliver_rest();
  /// relay_both moves the rest of the request up while it receives and delivers the answer.
  Task<void> relay_both(ResponseHead& head);

  /// build_switch writes the 101 into the send buffer; empty where it does not fit.
  std::string_view build_switch(const ResponseHead& head);
  /// take_inbox hands over what the backend has sent behind its head; valid until release_buffers().
  std::string_view take_inbox() noexcept;
  void release_buffers() noexcept;
  /// end_tunnel says how an upgraded connection ended.
  void end_tunnel(ForwardEnd end, std::string_view reason) noexcept;

  [[nodiscard]] ForwardEnd end() const noexcept { return end_; }
  [[nodiscard]] bool took_nothing() const noexcept { return took_nothing_; }
  /// heard: the backend has sent at least one byte.
  [[nodiscard]] bool heard() const noexcept { return heard_; }
  /// fail ends the transfer, unless it has failed before.
  void fail(ForwardEnd end, std::string_view reason) noexcept;
  [[nodiscard]] ForwardOutcome outcome() const noexcept;
  /// take_reusable gives the connection back if it can carry another request, else null.
  std::unique_ptr<Stream> take_reusable() noexcept;

 private:
  friend class Tunnel;
  enum class HeadStep : std::uint8_t { wait, interim, final, failed };

  [[nodiscard]] bool failed() const noexcept { return end_ != ForwardEnd::answered; }
  void fail_inside(std::string_view reason) noexcept;
  void fail_wait(WaitResult woken, ForwardEnd at_deadline, std::string_view reason) noexcept;
  void fail_client(IoState state) noexcept;
  void moved(std::uint64_t up, std::uint64_t down) noexcept;
  [[nodiscard]] bool idle_for(Duration time) const noexcept { return loop_.now() - last_moved_ >= time; }

  Task<void> download(ResponseHead& head);
  HeadStep advance_head(ResponseHead& head, UpgradeForward upgrade);
  HeadStep judge_head(const ResponseHead& head, UpgradeForward upgrade) noexcept;
  HeadWriter answer_writer();
  bool build_interim(const ResponseHead& head);
  bool build_answer(const ResponseHead& head);
  bool append_small_body(HeadWriter& out);
  bool gather(BodyRun& run);
  Task<bool> send_pending();
  Task<bool> send_down(BodyRun& run);
  Task<bool> wait_for_client();
  Task<bool> wait_for_answer();
  Task<bool> relay_body();
  Task<bool> splice_down();

  Task<void> upload();
  bool send_continue();
  void fail_upload(WaitResult woken) noexcept;
  Task<bool> send_up(BodyRun& run);
  Task<bool> wait_for_body();
  Task<bool> splice_up();
  void stop_upload() noexcept;
  [[nodiscard]] bool both_plain() const noexcept;

  Exchange& exchange_;
  const ForwardPlan& plan_;
  Loop& loop_;
  std::unique_ptr<Stream> backend_;
  Buffer packed_;  // head of the request, later of answers; lent only while something in it is still needed
  UpgradeForward upgrade_ = UpgradeForward::no;
  std::size_t packed_bytes_ = 0;
  std::size_t sent_bytes_ = 0;  // of them
  Buffer inbox_;                // what came from the backend
  std::size_t inbox_begin_ = 0;
  std::size_t inbox_end_ = 0;
  std::size_t inbox_seen_ = 0;  // bytes of an incomplete head
  BodyScanner answer_;
  AnswerShape shape_;
  std::string_view pending_;  // of the answer: head and perhaps a small body, built and not sent yet
  MonotonicTime last_moved_;
  MonotonicTime last_told_;  // the watch, of that
  std::uint64_t bytes_up_ = 0;
  std::uint64_t bytes_down_ = 0;
  std::string_view reason_;
  ForwardEnd end_ = ForwardEnd::answered;  // until something fails
  std::uint16_t status_ = 0;
  int interim_left_ = kInterimAnswersMax;
  bool took_nothing_ = false;
  bool request_sent_ = false;  // whole
  bool heard_ = false;
  bool has_head_ = false;  // the final one
  bool persists_ = false;  // the backend keeps its connection
  bool uploading_ = false;
  bool upload_stopped_ = false;
  bool may_splice_ = true;
};

}  // namespace sallyport
