// SPDX-License-Identifier: Apache-2.0
// Peer: the other end of a memory connection, driven by a test step by step: what it says, what it has heard,
// how it ended.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "sallyport/net/testing/memory_network.h"
#include "sallyport/net/testing/test_loop.h"

namespace sallyport {

inline const SocketAddress kFrontAddress = SocketAddress::tcp(IpAddress::v4({127, 0, 0, 1}), 8080);
inline const SocketAddress kClientAddress = SocketAddress::tcp(IpAddress::v4({192, 0, 2, 7}), 40000);

inline ConnectionFacts facts_of_client() {
  ConnectionFacts facts;
  facts.local = kFrontAddress;
  facts.peer = kClientAddress;
  return facts;
}

class Peer {
 public:
  Peer(TestLoop& loop, std::unique_ptr<Stream> stream) : loop_(loop), stream_(std::move(stream)) {}

  /// send writes `text` as far as it goes, letting the loop run where the way is full; gives the bytes that
  /// went. It reads nothing meanwhile.
  std::size_t send(std::string_view text) {
    std::size_t sent = 0;
    for (int stuck = 0; sent < text.size() && stuck < kStuckMax;) {
      const IoResult written = stream_->try_write(text.substr(sent));
      if (written.state != IoState::done && written.state != IoState::would_block) break;
      sent += written.bytes;
      stuck = written.bytes == 0 ? stuck + 1 : 0;
      loop_.settle();
    }
    return sent;
  }
  /// listen lets the loop run and takes in what has come.
  Peer& listen() {
    for (bool more = true; more;) {
      loop_.settle();
      more = take();
    }
    return *this;
  }
  /// said gives what has come since the last call.
  std::string said() {
    listen();
    return std::exchange(heard_, {});
  }
  /// heard is what has come, kept.
  const std::string& heard() { return listen().heard_; }
  [[nodiscard]] bool ended() { return listen().ended_; }    ///< in order
  [[nodiscard]] bool broken() { return listen().broken_; }  ///< reset
  [[nodiscard]] bool open() { return !ended() && !broken(); }
  void end_sending() {
    EXPECT_EQ(stream_->shutdown_write(), IoState::done);
    loop_.settle();
  }
  void close() {
    stream_->close();
    loop_.settle();
  }
  void reset() {
    stream_->reset();
    loop_.settle();
  }
  Stream& stream() { return *stream_; }

 private:
  bool take() {
    std::array<char, 65536> bytes;
    bool any = false;
    while (!ended_ && !broken_) {
      const IoResult read = stream_->try_read(bytes);
      if (read.state == IoState::would_block) break;
      if (read.state == IoState::closed) ended_ = true;
      if (read.state == IoState::failed) broken_ = true;
      if (read.state == IoState::done) heard_.append(bytes.data(), read.bytes);
      any = true;
    }
    return any;
  }
  static constexpr int kStuckMax = 3;
  TestLoop& loop_;
  std::unique_ptr<Stream> stream_;
  std::string heard_;
  bool ended_ = false;
  bool broken_ = false;
};

/// body_of cuts the head off an answer.
inline std::string_view body_of(std::string_view answer) {
  const std::size_t end = answer.find("\r\n\r\n");
  return end == std::string_view::npos ? std::string_view{} : answer.substr(end + 4);
}
inline std::string_view head_of(std::string_view answer) {
  return answer.substr(0, answer.find("\r\n\r\n") + 2);
}

}  // namespace sallyport
