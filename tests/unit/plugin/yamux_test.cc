// SPDX-License-Identifier: Apache-2.0
#include "sallyport/plugin/yamux.h"

#include <gmock/gmock.h>

#include <vector>

#include "sallyport/net/testing/memory_network.h"
#include "sallyport/net/testing/test_loop.h"

namespace sallyport {
namespace {

std::string frame(YamuxType type, std::uint16_t flags, std::uint32_t stream, std::uint32_t length,
                  std::string_view payload = {}) {
  const auto bytes = YamuxHeader{type, flags, stream, length}.bytes();
  return std::string(bytes.data(), bytes.size()) + std::string(payload);
}

std::string data(std::uint32_t stream, std::string_view payload, std::uint16_t flags = 0) {
  return frame(YamuxType::data, flags, stream, static_cast<std::uint32_t>(payload.size()), payload);
}

std::string window(std::uint32_t stream, std::uint32_t delta, std::uint16_t flags = 0) {
  return frame(YamuxType::window_update, flags, stream, delta);
}

Task<void> run_into(std::shared_ptr<YamuxSession> session, std::optional<YamuxEnding>& ending) {
  ending = co_await YamuxSession::run(session);
}

/// Yamux is a server's session, whose other end the test speaks byte by byte.
class Yamux : public ::testing::Test {
 protected:
  explicit Yamux(const MemoryRules& rules = {}) {
    StreamPair pair = memory_pair(loop_.loop, ConnectionFacts(), rules);
    wire_ = std::move(pair.client);
    session_ = YamuxSession::make(
        loop_.loop, std::move(pair.server), YamuxRole::server,
        [this](std::unique_ptr<Stream> stream) { accepted_.push_back(std::move(stream)); });
    loop_.loop.spawn(run_into(session_, ending_));
  }
  ~Yamux() override {
    accepted_.clear();
    session_->close();
    wire_.reset();
    settle();
    loop_.loop.drop_tasks();
  }
  void settle() { loop_.loop.run_until_idle(); }
  void say(std::string_view bytes) {
    while (!bytes.empty()) {
      const IoResult put = wire_->try_write(bytes);
      if (put.state == IoState::done) bytes.remove_prefix(put.bytes);
      settle();
      if (put.state == IoState::failed) return;
    }
    settle();
  }
  std::string heard() {
    std::string all;
    char room[4096];
    for (IoResult got = wire_->try_read(room); got.state == IoState::done; got = wire_->try_read(room)) {
      all.append(room, got.bytes);
      settle();
    }
    return all;
  }
  static std::string read(Stream& stream) {
    std::string all;
    char room[4096];
    for (IoResult got = stream.try_read(room); got.state == IoState::done; got = stream.try_read(room))
      all.append(room, got.bytes);
    return all;
  }
  static IoState read_state(Stream& stream) {
    char room[1];
    return stream.try_read(room).state;
  }

  TestLoop loop_;
  std::vector<std::unique_ptr<Stream>> accepted_;
  std::optional<YamuxEnding> ending_;
  std::shared_ptr<YamuxSession> session_;
  std::unique_ptr<Stream> wire_;
};

TEST_F(Yamux, AStreamIsOpenedAnsweredAndCarriesBothWays) {
  say(window(1, 0, kYamuxSyn) + data(1, "hello"));
  ASSERT_EQ(accepted_.size(), 1U);
  EXPECT_EQ(read(*accepted_[0]), "hello");
  EXPECT_EQ(accepted_[0]->try_write("well").bytes, 4U);
  EXPECT_EQ(heard(), window(1, 0, kYamuxAck) + data(1, "well"));
}

TEST_F(Yamux, BytesMayComeOneByOne) {
  for (const char byte : window(1, 0, kYamuxSyn) + data(1, "hi", kYamuxFin)) say({&byte, 1});
  ASSERT_EQ(accepted_.size(), 1U);
  EXPECT_EQ(read(*accepted_[0]), "hi");
  EXPECT_EQ(read_state(*accepted_[0]), IoState::closed);
}

TEST_F(Yamux, WeOpenWithEvenNumbers) {
  const auto first = session_->open();
  const auto second = session_->open();
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(heard(), window(2, 0, kYamuxSyn) + window(4, 0, kYamuxSyn));
  say(window(2, 0, kYamuxAck) + data(2, "x"));
  EXPECT_EQ(read(**first), "x");
}

TEST_F(Yamux, AnEndIsHalfAnEnd) {
  say(window(1, 0, kYamuxSyn) + window(1, 0, kYamuxFin));
  heard();
  EXPECT_EQ(read_state(*accepted_[0]), IoState::closed);
  EXPECT_EQ(accepted_[0]->try_write("still").state, IoState::done);
  EXPECT_EQ(accepted_[0]->shutdown_write(), IoState::done);
  EXPECT_EQ(accepted_[0]->try_write("not").state, IoState::failed);
  EXPECT_EQ(heard(), data(1, "still") + window(1, 0, kYamuxFin));
  accepted_.clear();
  EXPECT_EQ(session_->streams(), 0U);
}

TEST_F(Yamux, AResetBreaksTheStreamAlone) {
  say(window(1, 0, kYamuxSyn) + window(3, 0, kYamuxSyn) + window(1, 0, kYamuxRst));
  EXPECT_EQ(read_state(*accepted_[0]), IoState::failed);
  EXPECT_EQ(read_state(*accepted_[1]), IoState::would_block);
  EXPECT_EQ(session_->streams(), 1U);
}

TEST_F(Yamux, WhoSendsToAClosedStreamIsResetOnce) {
  say(window(1, 0, kYamuxSyn));
  accepted_.clear();
  heard();
  say(data(1, "late"));
  EXPECT_EQ(heard(), window(1, 0, kYamuxRst));
  say(data(1, "later"));
  EXPECT_EQ(heard(), "");
  EXPECT_EQ(session_->streams(), 0U);
  EXPECT_FALSE(ending_.has_value());
}

TEST_F(Yamux, OurWindowIsKeptAndGivenBackByHalves) {
  say(window(1, 0, kYamuxSyn));
  heard();
  const std::string half(kYamuxWindowBytes / 2, 'h');
  say(data(1, half) + data(1, half));
  EXPECT_EQ(heard(), "");
  EXPECT_EQ(read(*accepted_[0]).size(), kYamuxWindowBytes);
  EXPECT_EQ(heard(), window(1, kYamuxWindowBytes / 2) + window(1, kYamuxWindowBytes / 2));
  say(data(1, half));
  EXPECT_EQ(read(*accepted_[0]).size(), half.size());
}

TEST_F(Yamux, TheirWindowHoldsUsBack) {
  say(window(1, 0, kYamuxSyn));
  heard();
  const std::string much(kYamuxWindowBytes + 10, 'm');
  std::size_t sent = 0;
  std::size_t came = 0;
  while (sent < kYamuxWindowBytes) {
    sent += accepted_[0]->try_write(std::string_view(much).substr(sent)).bytes;
    settle();
    came += heard().size();
  }
  EXPECT_EQ(accepted_[0]->try_write("x").state, IoState::would_block);
  EXPECT_EQ(sent, kYamuxWindowBytes);
  EXPECT_GE(came, sent);
  say(window(1, 5));
  EXPECT_EQ(accepted_[0]->try_write("sixsix").bytes, 5U);
}

TEST_F(Yamux, PingsAreAnswered) {
  say(frame(YamuxType::ping, kYamuxSyn, 0, 77));
  EXPECT_EQ(heard(), frame(YamuxType::ping, kYamuxAck, 0, 77));
  say(frame(YamuxType::ping, kYamuxAck, 0, 77));
  EXPECT_EQ(heard(), "");
}

TEST_F(Yamux, AfterTheirGoAwayNothingNewIsOpened) {
  say(window(1, 0, kYamuxSyn) + frame(YamuxType::go_away, 0, 0, 0));
  EXPECT_EQ(session_->open().error().code, Code::unavailable);
  EXPECT_EQ(accepted_[0]->try_write("on").state, IoState::done);
}

TEST_F(Yamux, TheEndOfTheConnectionBreaksEveryStream) {
  say(window(1, 0, kYamuxSyn));
  wire_.reset();
  settle();
  EXPECT_EQ(ending_, YamuxEnding::closed);
  EXPECT_EQ(read_state(*accepted_[0]), IoState::failed);
  EXPECT_EQ(session_->open().error().code, Code::unavailable);
}

TEST_F(Yamux, CloseSaysSo) {
  session_->close();
  settle();
  EXPECT_EQ(ending_, YamuxEnding::ours);
  EXPECT_EQ(heard(), frame(YamuxType::go_away, 0, 0, 0));
}

TEST_F(Yamux, MoreStreamsThanTheLimitAreReset) {
  for (std::uint32_t i = 0; i < kYamuxStreamsMax; ++i) say(window(2 * i + 1, 0, kYamuxSyn));
  heard();
  const std::uint32_t one_more = 2 * kYamuxStreamsMax + 1;
  say(window(one_more, 0, kYamuxSyn));
  EXPECT_EQ(heard(), window(one_more, 0, kYamuxRst));
  EXPECT_EQ(accepted_.size(), kYamuxStreamsMax);
  EXPECT_EQ(session_->open().error().code, Code::exhausted);
}

TEST_F(Yamux, WhoDoesNotReadAnswersIsCutOff) {
  const std::string ping = frame(YamuxType::ping, kYamuxSyn, 0, 1);
  std::string flood;
  for (int i = 0; i < 2000; ++i) flood += ping;
  for (int i = 0; i < 100 && !ending_; ++i) say(flood);
  EXPECT_EQ(ending_, YamuxEnding::protocol);
}

/// Hostile sends bytes that break the rules, each on a session of its own.
class Hostile : public Yamux, public ::testing::WithParamInterface<std::pair<const char*, std::string>> {};

TEST_P(Hostile, EndsTheSession) {
  say(GetParam().second);
  EXPECT_EQ(ending_, YamuxEnding::protocol) << GetParam().first;
  EXPECT_TRUE(heard().ends_with(frame(YamuxType::go_away, 0, 0, 1))) << GetParam().first;
}

INSTANTIATE_TEST_SUITE_P(
    Frames, Hostile,
    ::testing::Values(
        std::pair("another version", std::string("\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 12)),
        std::pair("an unknown type", std::string("\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 12)),
        std::pair("an unknown flag", std::string("\x00\x01\x00\x10\x00\x00\x00\x01\x00\x00\x00\x00", 12)),
        std::pair("a stream of number 0", data(0, "x")),
        std::pair("an even number from a client", window(2, 0, kYamuxSyn)),
        std::pair("the same number twice", window(1, 0, kYamuxSyn) + window(1, 0, kYamuxSyn)),
        std::pair("a lower number", window(5, 0, kYamuxSyn) + window(3, 0, kYamuxSyn)),
        std::pair("data beyond the window",
                  window(1, 0, kYamuxSyn) + frame(YamuxType::data, 0, 1, kYamuxWindowBytes + 1)),
        std::pair("data beyond the window, in two",
                  window(1, 0, kYamuxSyn) + data(1, std::string(kYamuxWindowBytes, 'a')) + data(1, "b")),
        std::pair("data after the end", window(1, 0, kYamuxSyn) + window(1, 0, kYamuxFin) + data(1, "x")),
        std::pair("much data for nobody", frame(YamuxType::data, 0, 9, UINT32_MAX)),
        std::pair("a window beyond all measure",
                  window(1, 0, kYamuxSyn) + window(1, UINT32_MAX) + window(1, UINT32_MAX))));

class TightYamux : public Yamux {
 protected:
  static MemoryRules tight() {
    MemoryRules rules;
    rules.capacity_bytes = 37;
    rules.read_bytes_max = 5;
    rules.write_bytes_max = 7;
    return rules;
  }
  TightYamux() : Yamux(tight()) {}
};

TEST_F(TightYamux, ACarrierThatTakesLittleLosesNothing) {
  say(window(1, 0, kYamuxSyn) + window(3, 0, kYamuxSyn));
  EXPECT_EQ(heard(), window(1, 0, kYamuxAck) + window(3, 0, kYamuxAck));
  const std::string text(1000, 't');
  EXPECT_EQ(accepted_[0]->try_write(text).bytes, text.size());
  EXPECT_EQ(accepted_[1]->try_write("other").bytes, 5U);
  EXPECT_EQ(heard(), data(1, text) + data(3, "other"));
}

}  // namespace
}  // namespace sallyport
