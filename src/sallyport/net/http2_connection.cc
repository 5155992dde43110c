// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/http2_connection.h"

#include <algorithm>
#include <utility>

namespace sallyport {
namespace {

constexpr std::size_t kCollectBytes = 128 * 1024;  ///< at a time; DATA beyond waits in its stream
constexpr std::size_t kKeepBytes = 256 * 1024;     ///< an output buffer that grew beyond is freed
constexpr Duration kWatchEvery = std::chrono::seconds(1);

}  // namespace

Http2Connection::Http2Connection(Loop& loop, std::unique_ptr<Stream> stream, Http2Role role,
                                 const Http2Limits& limits, const Http2Pace& pace, Http2Events& events)
    : loop_(loop),
      stream_(std::move(stream)),
      pace_(pace),
      session_(role, limits, events),
      blocked_(loop.scheduler()),
      ended_(loop.scheduler()),
      last_read_(loop.now()),
      idle_since_(loop.now()) {}

Task<Http2Ending> Http2Connection::run() {
  flush();
  const bool watched = pace_.stalled_max.count() + pace_.idle_max.count() + pace_.ping_after.count() != 0;
  if (watched) loop_.spawn(watch_side());
  co_await both(read_side(), write_side());
  // watch_side() holds `this`: it must be gone before run() ends.
  while (watching_) {
    ended_.notify_all();
    co_await loop_.yield();
  }
  stream_->shutdown_write();  // so that a TLS peer sees an end, not a cut
  stream_->close();
  co_return ending_;
}

void Http2Connection::end(Http2Ending why) noexcept {
  if (over_) return;
  over_ = true;
  ending_ = why;
  stream_->cancel();
  blocked_.notify_all();
  ended_.notify_all();
}

void Http2Connection::close() noexcept {
  if (over_) return;
  flush();
  end(Http2Ending::cancelled);
}

Task<void> Http2Connection::read_side() {
  while (!over_) {
    const WaitResult wait = co_await stream_->readable();
    if (wait != WaitResult::ready) break;
    Buffer buffer = loop_.buffers().take();
    const IoResult read = stream_->try_read(buffer.span());
    if (read.state == IoState::would_block) continue;
    if (read.state != IoState::done) {
      const bool orderly = read.state == IoState::closed && session_.open_streams() == 0;
      end(orderly ? Http2Ending::in_order : Http2Ending::cut);
      break;
    }
    last_read_ = loop_.now();
    pinged_ = kNever;
    busy_ = Busy::yes;
    const bool goes_on = session_.receive({buffer.data(), read.bytes}, last_read_);
    busy_ = Busy::no;
    buffer.give_back();
    flush();
    if (!goes_on) end(session_.counters().floods != 0 ? Http2Ending::protocol : Http2Ending::in_order);
  }
  end(Http2Ending::cancelled);
}

void Http2Connection::flush() {
  if (over_ || busy_ == Busy::yes || blocked_since_ != kNever) return;
  busy_ = Busy::yes;  // events of collect() must not come back here
  while (true) {
    if (written_bytes_ == out_.size()) {
      out_.clear();
      written_bytes_ = 0;
      if (out_.capacity() > kKeepBytes) out_.shrink_to_fit();
      session_.collect(out_, kCollectBytes);
      if (out_.empty()) break;
    }
    const IoResult wrote = stream_->try_write(std::string_view(out_).substr(written_bytes_));
    if (wrote.state == IoState::done) written_bytes_ += wrote.bytes;
    if (wrote.state == IoState::done && written_bytes_ == out_.size()) continue;
    if (wrote.state == IoState::would_block || wrote.state == IoState::done) {
      blocked_since_ = loop_.now();
      blocked_.notify_all();
    } else {
      busy_ = Busy::no;
      return end(Http2Ending::cut);
    }
    break;
  }
  busy_ = Busy::no;
  if (session_.finished() && out_.empty())
    end(session_.counters().floods != 0 ? Http2Ending::protocol : Http2Ending::in_order);
}

Task<void> Http2Connection::write_side() {
  while (!over_) {
    if (blocked_since_ == kNever) {
      co_await blocked_.wait();
      continue;
    }
    const WaitResult wait = co_await stream_->writable();
    if (wait != WaitResult::ready) break;
    blocked_since_ = kNever;
    flush();
  }
}

void Http2Connection::watch(MonotonicTime now) {
  if (pace_.stalled_max.count() != 0 && blocked_since_ != kNever && now - blocked_since_ > pace_.stalled_max)
    return end(Http2Ending::stalled);
  if (session_.open_streams() != 0) {
    idle_since_ = kNever;
  } else if (idle_since_ == kNever) {
    idle_since_ = now;
  }
  if (pace_.idle_max.count() != 0 && idle_since_ != kNever && now - idle_since_ > pace_.idle_max) {
    session_.go_away(Http2Code::no_error, {});
    flush();
    return end(Http2Ending::in_order);
  }
  if (pinged_ != kNever && now - pinged_ > pace_.pong_max) return end(Http2Ending::stalled);
  const bool silent =
      pace_.ping_after.count() != 0 && session_.open_streams() != 0 && now - last_read_ > pace_.ping_after;
  if (!silent || pinged_ != kNever) return;
  pinged_ = now;
  session_.ping();
  flush();
}

Task<void> Http2Connection::watch_side() {
  watching_ = true;
  while (!over_) {
    const MonotonicTime next = after(loop_.now(), kWatchEvery);
    co_await ended_.wait(next);
    if (!over_) watch(loop_.now());
  }
  watching_ = false;
}

}  // namespace sallyport
