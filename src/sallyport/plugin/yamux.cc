// SPDX-License-Identifier: Apache-2.0
#include "sallyport/plugin/yamux.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace sallyport {
namespace {

constexpr std::uint32_t kPeerEnded = 0x2000;  // EPOLLRDHUP
constexpr std::size_t kYamuxReadBytes = std::size_t{64} * 1024;
constexpr std::uint32_t kSendWindowMax = std::uint32_t{1} << 30;
constexpr std::uint32_t kLastId = UINT32_MAX - 2;

}  // namespace

/// YamuxStream is one stream's end here.
class YamuxStream final : public Stream {
 public:
  YamuxStream(Loop& loop, ConnectionFacts facts, std::shared_ptr<YamuxSession> session, std::uint32_t id)
      : Stream(loop.scheduler(), std::move(facts)), session_(std::move(session)), id_(id) {
    waits_.note(kEventOut);
  }
  ~YamuxStream() override { close(); }

  IoResult try_read(std::span<char> into) override {
    if (in_ == Way::broken) return {IoState::failed, 0};
    if (inbox_.size() == read_) {
      if (in_ == Way::ended) return {IoState::closed, 0};
      waits_.blocked(WaitPair::Side::read, kReadEvents);
      return {IoState::would_block, 0};
    }
    const std::size_t count = std::min(into.size(), inbox_.size() - read_);
    std::copy_n(inbox_.data() + read_, count, into.data());
    read_ += count;
    if (read_ == inbox_.size()) {
      inbox_.clear();
      read_ = 0;
      waits_.short_read();
    }
    give_back(static_cast<std::uint32_t>(count));
    return {IoState::done, count};
  }

  IoResult try_write(std::string_view piece, More) override {
    if (!session_ || session_->over() || out_ != Way::open) return {IoState::failed, 0};
    std::size_t total = 0;
    while (total < piece.size()) {  // what is sent may leave at once, and make room
      const std::size_t count = std::min({piece.size() - total, session_->room(), std::size_t{send_window_}});
      if (count == 0) break;
      send_window_ -= static_cast<std::uint32_t>(count);
      session_->send({YamuxType::data, 0, id_, static_cast<std::uint32_t>(count)},
                     piece.substr(total, count));
      total += count;
    }
    if (total < piece.size()) waits_.blocked(WaitPair::Side::write, kWriteEvents);
    if (total == 0 && !piece.empty()) return {IoState::would_block, 0};
    return {IoState::done, total};
  }

  IoResult try_write_pieces(std::span<const std::string_view> pieces, More more) override {
    std::size_t total = 0;
    for (const std::string_view piece : pieces.first(std::min(pieces.size(), kPiecesMax))) {
      const IoResult result = try_write(piece, more);
      if (result.state != IoState::done) return total == 0 ? result : IoResult{IoState::done, total};
      total += result.bytes;
      if (result.bytes < piece.size()) break;
    }
    return {IoState::done, total};
  }

  IoState shutdown_write() override {
    if (!session_ || out_ == Way::broken) return IoState::failed;
    if (std::exchange(out_, Way::ended) == Way::open) send_flag(kYamuxFin);
    return IoState::done;
  }
  void close() override {
    if (!session_) return;
    if (out_ == Way::open) send_flag(kYamuxFin);
    // Until the other side has ended, too, its number is kept: what it still sends is answered by a reset.
    leave(in_ == Way::open);
  }
  void reset() override {
    if (!session_) return;
    send_flag(kYamuxRst);
    leave(false);
  }

  /// The session's side: false where the other end broke the rules.
  [[nodiscard]] bool take_window(std::uint32_t delta) noexcept {
    if (delta > kSendWindowMax - std::min(send_window_, kSendWindowMax)) return false;
    send_window_ += delta;
    if (delta != 0) waits_.note(kEventOut);
    return true;
  }
  [[nodiscard]] bool expects(std::uint32_t bytes) const noexcept {
    return in_ == Way::open && bytes <= receive_window_;
  }
  void take_data(std::string_view bytes) {
    receive_window_ -= static_cast<std::uint32_t>(bytes.size());
    inbox_.append(bytes);
    waits_.note(kEventIn);
  }
  void take_fin() noexcept {
    if (in_ != Way::open) return;
    in_ = Way::ended;
    waits_.note(kEventIn | kPeerEnded);
  }
  void break_off() noexcept {
    in_ = Way::broken;
    out_ = Way::broken;
    session_.reset();
    waits_.note(kEventIn | kEventOut | kEventHangup);
  }
  void wake_writer() noexcept { waits_.note(kEventOut); }

 private:
  enum class Way : std::uint8_t { open, ended, broken };

  void send_flag(std::uint16_t flag) { session_->send({YamuxType::window_update, flag, id_, 0}); }
  /// give_back opens the window again once half of it was read.
  void give_back(std::uint32_t bytes) {
    taken_ += bytes;
    if (!session_ || in_ != Way::open || taken_ < kYamuxWindowBytes / 2) return;
    receive_window_ += taken_;
    session_->send({YamuxType::window_update, 0, id_, std::exchange(taken_, 0)});
  }
  void leave(bool lingers) {
    const std::shared_ptr<YamuxSession> session = std::move(session_);
    if (lingers) {
      session->streams_[id_].stream = nullptr;
    } else {
      session->streams_.erase(id_);
    }
    in_ = Way::broken;
    out_ = Way::broken;
    waits_.cancel();
  }

  std::shared_ptr<YamuxSession> session_;  ///< null once left
  std::uint32_t id_;
  std::string inbox_;
  std::size_t read_ = 0;  ///< of inbox_
  std::uint32_t taken_ = 0;
  std::uint32_t receive_window_ = kYamuxWindowBytes;
  std::uint32_t send_window_ = kYamuxWindowBytes;
  Way in_ = Way::open;
  Way out_ = Way::open;
};

YamuxSession::YamuxSession(Loop& loop, std::unique_ptr<Stream> carrier, YamuxRole role, OnStream on_stream)
    : loop_(loop),
      carrier_(std::move(carrier)),
      role_(role),
      on_stream_(std::move(on_stream)),
      next_id_(role == YamuxRole::client ? 1 : 2),
      more_(loop.scheduler()) {}

YamuxSession::~YamuxSession() = default;

std::shared_ptr<YamuxSession> YamuxSession::make(Loop& loop, std::unique_ptr<Stream> carrier, YamuxRole role,
                                                 OnStream on_stream) {
  return std::shared_ptr<YamuxSession>(
      new YamuxSession(loop, std::move(carrier), role, std::move(on_stream)));
}

Task<YamuxEnding> YamuxSession::run(std::shared_ptr<YamuxSession> session) {
  YamuxSession& self = *session;
  self.loop_.spawn(write_out(self));
  std::array<char, kYamuxReadBytes> room;
  while (self.life_ == Life::open) {
    const IoResult got = co_await read_some(*self.carrier_, room);
    if (got.state != IoState::done) {
      self.end(YamuxEnding::closed);
    } else if (!self.take({room.data(), got.bytes})) {
      self.send({YamuxType::go_away, 0, 0, static_cast<std::uint32_t>(YamuxGoAway::protocol_error)});
      self.end(YamuxEnding::protocol);
    }
  }
  self.drop_streams();
  self.carrier_->close();
  while (self.writing_) co_await self.more_.wait();
  co_return self.ending_;
}

void YamuxSession::end(YamuxEnding why) {
  if (life_ != Life::open) return;
  life_ = Life::ending;
  ending_ = why;
  carrier_->cancel();
  more_.notify_all();
}

void YamuxSession::close() {
  if (life_ != Life::open) return;
  send({YamuxType::go_away, 0, 0, static_cast<std::uint32_t>(YamuxGoAway::normal)});
  end(YamuxEnding::ours);
}

void YamuxSession::drop_streams() {
  auto all = std::exchange(streams_, {});
  for (const auto& [id, entry] : all) {
    if (entry.stream != nullptr) entry.stream->break_off();
  }
}

std::unique_ptr<Stream> YamuxSession::add(std::uint32_t id) {
  auto stream = std::make_unique<YamuxStream>(loop_, carrier_->facts(), shared_from_this(), id);
  streams_[id].stream = stream.get();
  return stream;
}

Result<std::unique_ptr<Stream>> YamuxSession::open() {
  if (life_ != Life::open || peer_ == Peer::going_away || next_id_ > kLastId)
    return fail(Code::unavailable, "the shared connection is over");
  if (streams_.size() >= kYamuxStreamsMax)
    return fail(Code::exhausted, "too many streams on the shared connection");
  const std::uint32_t id = std::exchange(next_id_, next_id_ + 2);
  auto stream = add(id);
  send({YamuxType::window_update, kYamuxSyn, id, 0});
  return stream;
}

std::size_t YamuxSession::room() const noexcept {
  const std::size_t unsent = unsent_.size() - sent_;
  return kYamuxUnsentBytesMax - std::min(unsent, kYamuxUnsentBytesMax);
}

void YamuxSession::send(const YamuxHeader& header, std::string_view payload) {
  if (life_ != Life::open) return;
  const auto bytes = header.bytes();
  unsent_.append(bytes.data(), bytes.size());
  unsent_.append(payload);
  flush();
}

/// flush writes what goes at once; the rest is write_out's.
void YamuxSession::flush() {
  const bool was_full = room() == 0;
  while (sent_ < unsent_.size()) {
    const IoResult put = carrier_->try_write(std::string_view(unsent_).substr(sent_));
    if (put.state != IoState::done) break;
    sent_ += put.bytes;
  }
  if (sent_ == unsent_.size()) {
    unsent_.clear();
    sent_ = 0;
  } else {
    if (sent_ > kYamuxUnsentBytesMax) unsent_.erase(0, std::exchange(sent_, 0));
    more_.notify_all();
  }
  if (was_full && room() != 0) wake_writers();
}

Task<void> YamuxSession::write_out(YamuxSession& self) {
  const std::shared_ptr<YamuxSession> kept = self.shared_from_this();
  self.writing_ = true;
  while (self.life_ == Life::open) {
    if (self.unsent_.empty()) {
      co_await self.more_.wait();
      continue;
    }
    const WaitResult ready = co_await self.carrier_->writable();
    if (ready != WaitResult::ready) break;
    self.flush();
  }
  self.writing_ = false;
  self.more_.notify_all();
}

void YamuxSession::wake_writers() {
  for (const auto& [id, entry] : streams_) {
    if (entry.stream != nullptr) entry.stream->wake_writer();
  }
}

bool YamuxSession::take(std::string_view bytes) {
  while (!bytes.empty() && life_ == Life::open) {
    if (payload_left_ != 0) {
      const auto count = std::min<std::size_t>(payload_left_, bytes.size());
      take_payload(bytes.substr(0, count));
      bytes.remove_prefix(count);
      continue;
    }
    const std::size_t missing = std::min(kYamuxHeaderBytes - header_room_.size(), bytes.size());
    header_room_.append(bytes.substr(0, missing));
    bytes.remove_prefix(missing);
    if (header_room_.size() < kYamuxHeaderBytes) break;
    const auto header = YamuxHeader::parse(header_room_);
    header_room_.clear();
    if (!header || !take_header(*header)) return false;
    // Whoever does not read what we answer must not make us keep it.
    if (unsent_.size() - sent_ > kYamuxUnsentBytesMax + kYamuxAnswersBytesMax) return false;
  }
  return true;
}

bool YamuxSession::take_header(const YamuxHeader& header) {
  switch (header.type) {
    case YamuxType::ping:
      if (header.has(kYamuxSyn)) send({YamuxType::ping, kYamuxAck, 0, header.length});
      return true;
    case YamuxType::go_away:
      peer_ = Peer::going_away;
      return true;
    default:
      return header.stream != 0 && take_stream_frame(header);
  }
}

/// accept takes a stream that the other side opens; false where it may not.
bool YamuxSession::accept(std::uint32_t id) {
  const bool odd = id % 2 == 1;
  if (odd != (role_ == YamuxRole::server) || id <= last_peer_id_) return false;
  last_peer_id_ = id;
  if (streams_.size() >= kYamuxStreamsMax) {
    send({YamuxType::window_update, kYamuxRst, id, 0});
    return true;
  }
  auto stream = add(id);
  send({YamuxType::window_update, kYamuxAck, id, 0});
  on_stream_(std::move(stream));
  return true;
}

bool YamuxSession::take_stream_frame(const YamuxHeader& header) {
  const bool is_data = header.type == YamuxType::data;
  if (header.has(kYamuxSyn) && !accept(header.stream)) return false;
  const auto found = streams_.find(header.stream);
  YamuxStream* const stream = found == streams_.end() ? nullptr : found->second.stream;
  if (is_data) {
    // What comes for a stream that is gone is dropped, and no more of it than was allowed to be on its way.
    if (stream != nullptr ? !stream->expects(header.length) : header.length > kYamuxWindowBytes) return false;
    payload_left_ = header.length;
    payload_stream_ = header.stream;
  } else if (stream != nullptr && !stream->take_window(header.length)) {
    return false;
  }
  if (found == streams_.end()) return true;
  if (header.has(kYamuxRst)) {
    if (stream != nullptr) stream->break_off();
    streams_.erase(header.stream);
  } else if (stream == nullptr && (header.has(kYamuxFin) || header.length != 0)) {
    if (!header.has(kYamuxFin)) send({YamuxType::window_update, kYamuxRst, header.stream, 0});
    streams_.erase(header.stream);
  } else if (stream != nullptr && header.has(kYamuxFin)) {
    if (payload_left_ == 0) {
      stream->take_fin();
    } else {
      fin_follows_ = true;
    }
  }
  return true;
}

void YamuxSession::take_payload(std::string_view bytes) {
  payload_left_ -= static_cast<std::uint32_t>(bytes.size());
  const auto found = streams_.find(payload_stream_);
  YamuxStream* const stream = found == streams_.end() ? nullptr : found->second.stream;
  if (stream != nullptr) stream->take_data(bytes);
  if (payload_left_ != 0) return;
  if (!std::exchange(fin_follows_, false)) return;
  if (stream != nullptr) {
    stream->take_fin();
  } else if (found != streams_.end()) {
    streams_.erase(found);
  }
}

}  // namespace sallyport
