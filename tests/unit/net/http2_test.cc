// SPDX-License-Identifier: Apache-2.0
// The HTTP/2 engine on a memory network, and against peers that break its rules.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "sallyport/net/http2_connection.h"
#include "sallyport/net/testing/memory_network.h"
#include "sallyport/net/testing/test_loop.h"

namespace sallyport {
namespace {

using std::chrono::seconds;

constexpr std::string_view kMagic = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// frame makes a raw frame.
std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream, std::string_view payload) {
  std::string out;
  for (const unsigned shift : {16U, 8U, 0U}) out.push_back(static_cast<char>(payload.size() >> shift & 0xFF));
  out.push_back(static_cast<char>(type));
  out.push_back(static_cast<char>(flags));
  for (const unsigned shift : {24U, 16U, 8U, 0U}) out.push_back(static_cast<char>(stream >> shift & 0xFF));
  out.append(payload);
  return out;
}

std::string settings() { return frame(4, 0, 0, ""); }
/// head_frame asks for "/" by static table entries: :method GET, :scheme http, :path /, and an authority.
std::string head_frame(std::uint32_t stream, bool ends, std::string_view more = {}) {
  return frame(1, static_cast<std::uint8_t>(ends ? 5 : 4), stream,
               std::string("\x82\x86\x84\x41\x01x", 6).append(more));
}
std::string reset_frame(std::uint32_t stream) { return frame(3, 0, stream, std::string("\0\0\0\x08", 4)); }

/// Recorder keeps what happened, and may answer.
class Recorder final : public Http2Events {
 public:
  struct Seen {
    Http2Fields head;
    Http2Fields trailers;
    std::string body;
    bool ended = false;
    bool closed = false;
    Http2Code code = Http2Code::no_error;
  };
  void on_fields(Http2StreamId stream, Http2Fields&& fields, Http2Part part, Http2End) override {
    Seen& seen = streams[stream];
    (part == Http2Part::trailers ? seen.trailers : seen.head) = std::move(fields);
    if (answers && part == Http2Part::head) answer(stream);
  }
  void on_data(Http2StreamId stream, std::string_view bytes) override {
    streams[stream].body.append(bytes);
    if (consumes) session->consume(stream, bytes.size());
  }
  void on_end(Http2StreamId stream) override { streams[stream].ended = true; }
  void on_sent(Http2StreamId, std::size_t) override {}
  void on_closed(Http2StreamId stream, Http2Code code) override {
    streams[stream].closed = true;
    streams[stream].code = code;
  }
  void on_goaway(Http2StreamId, Http2Code code, std::string_view) override { goaway = code; }
  void answer(Http2StreamId stream) const {
    const std::vector<Http2Field> fields{{":status", "200"}};
    session->respond(stream, fields, Http2End::yes);
  }

  Http2Session* session = nullptr;
  bool answers = false;
  bool consumes = true;
  std::map<Http2StreamId, Seen> streams;
  std::optional<Http2Code> goaway;
};

const std::vector<Http2Field> kRequest{
    {":method", "POST"}, {":scheme", "http"}, {":path", "/x"}, {":authority", "h"}};

/// Pair is a client and a server session, bytes carried by hand.
struct Pair {
  explicit Pair(const Http2Limits& server_limits = {})
      : client(Http2Role::client, {}, at_client), server(Http2Role::server, server_limits, at_server) {
    at_client.session = &client;
    at_server.session = &server;
  }
  void carry() {
    for (bool moved = true; moved;) {
      std::string up;
      client.collect(up, SIZE_MAX);
      if (!up.empty()) server_goes_on = server.receive(up, now);
      std::string down;
      server.collect(down, SIZE_MAX);
      if (!down.empty()) client_goes_on = client.receive(down, now);
      moved = !up.empty() || !down.empty();
    }
  }
  Recorder at_client;
  Recorder at_server;
  Http2Session client;
  Http2Session server;
  MonotonicTime now{seconds(1000)};
  bool server_goes_on = true;
  bool client_goes_on = true;
};

/// Hostile feeds raw bytes to a server.
struct Hostile {
  explicit Hostile(const Http2Limits& limits = {}) : server(Http2Role::server, limits, events) {
    events.session = &server;
    EXPECT_TRUE(feed(std::string(kMagic) + settings()));
  }
  bool feed(std::string_view bytes) {
    const bool goes_on = server.receive(bytes, now);
    server.collect(out, SIZE_MAX);
    return goes_on && !server.finished();
  }
  /// goaway_code is that of the last GOAWAY that was sent.
  std::optional<Http2Code> goaway_code() const {
    std::optional<Http2Code> code;
    for (std::size_t at = 0; at + 9 <= out.size();) {
      const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(out[at + i]); };
      const std::size_t bytes = std::size_t{byte(0)} << 16 | std::size_t{byte(1)} << 8 | byte(2);
      if (byte(3) == 7) code = static_cast<Http2Code>(byte(16));
      at += 9 + bytes;
    }
    return code;
  }
  Recorder events;
  Http2Session server;
  MonotonicTime now{seconds(1000)};
  std::string out;
};

TEST(Http2Session, ARequestGoesThereAndItsAnswerComesBackWithTrailers) {
  Pair pair;
  const auto id = pair.client.request(kRequest, Http2End::no);
  ASSERT_TRUE(id);
  EXPECT_TRUE(pair.client.send(*id, "body"));
  EXPECT_TRUE(pair.client.finish(*id, {}));
  pair.carry();
  const Recorder::Seen& seen = pair.at_server.streams[*id];
  EXPECT_EQ(seen.head.find(":path"), "/x");
  EXPECT_EQ(seen.body, "body");
  EXPECT_TRUE(seen.ended);

  const std::vector<Http2Field> head{{":status", "200"}, {"x", "1"}};
  const std::vector<Http2Field> tail{{"t", "2"}};
  EXPECT_TRUE(pair.server.respond(*id, head, Http2End::no));
  EXPECT_TRUE(pair.server.send(*id, "answer"));
  EXPECT_TRUE(pair.server.finish(*id, tail));
  pair.carry();
  const Recorder::Seen& back = pair.at_client.streams[*id];
  EXPECT_EQ(back.head.find("x"), "1");
  EXPECT_EQ(back.body, "answer");
  EXPECT_EQ(back.trailers.find("t"), "2");
  EXPECT_TRUE(back.closed);
  EXPECT_EQ(pair.server.open_streams(), 0U);
}

TEST(Http2Session, AReceiverThatDoesNotConsumeStopsTheSender) {
  Http2Limits limits;
  limits.stream_window_bytes = 100'000;
  Pair pair(limits);
  pair.carry();
  pair.at_server.consumes = false;
  const auto id = pair.client.request(kRequest, Http2End::no);
  pair.client.send(*id, std::string(300'000, 'x'));
  pair.carry();
  EXPECT_EQ(pair.at_server.streams[*id].body.size(), 100'000U);
  EXPECT_EQ(pair.client.unsent_bytes(*id), 200'000U);
  pair.server.consume(*id, 100'000);
  pair.carry();
  EXPECT_EQ(pair.at_server.streams[*id].body.size(), 200'000U);
}

TEST(Http2Session, UnconsumedBytesOfAClosedStreamGoBackToTheConnection) {
  Http2Limits limits;
  limits.stream_window_bytes = 100'000;
  limits.connection_window_bytes = 150'000;
  Pair pair(limits);
  pair.carry();
  pair.at_server.consumes = false;
  for (int i = 0; i < 20; ++i) {
    const auto id = pair.client.request(kRequest, Http2End::no);
    pair.client.send(*id, std::string(100'000, 'x'));
    pair.carry();
    ASSERT_EQ(pair.at_server.streams[*id].body.size(), 100'000U) << i;
    pair.client.reset(*id, Http2Code::cancel);
    pair.carry();
  }
}

TEST(Http2Session, RequestsBeyondThePeersLimitWaitTheirTurnAndCanBeReset) {
  Http2Limits limits;
  limits.streams_max = 2;
  Pair pair(limits);
  pair.carry();
  std::vector<Http2StreamId> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(*pair.client.request(kRequest, Http2End::yes));
  pair.carry();
  EXPECT_EQ(pair.at_server.streams.size(), 2U);
  pair.client.reset(ids[2], Http2Code::cancel);
  pair.at_server.answer(ids[0]);
  pair.carry();
  EXPECT_TRUE(pair.at_client.streams[ids[2]].closed);
  EXPECT_FALSE(pair.at_server.streams.contains(ids[2]));
  EXPECT_TRUE(pair.at_server.streams.contains(ids[3]));
}

TEST(Http2Session, AfterGoAwayNothingNewBeginsAndTheOldGoesOn) {
  Pair pair;
  const auto id = pair.client.request(kRequest, Http2End::yes);
  pair.carry();
  pair.server.go_away(Http2Code::no_error, "");
  pair.carry();
  EXPECT_EQ(pair.at_client.goaway, Http2Code::no_error);
  EXPECT_FALSE(pair.client.request(kRequest, Http2End::yes));
  EXPECT_FALSE(pair.client.finished());
  pair.at_server.answer(*id);
  pair.carry();
  EXPECT_EQ(pair.at_client.streams[*id].head.find(":status"), "200");
  EXPECT_TRUE(pair.client.finished());
  EXPECT_TRUE(pair.server.finished());
}

TEST(Http2Session, RapidResetEndsTheConnection) {
  Hostile hostile;
  bool goes_on = true;
  std::uint32_t sent = 0;
  for (std::uint32_t stream = 1; goes_on && sent < 5000; stream += 2, ++sent)
    goes_on = hostile.feed(head_frame(stream, true) + reset_frame(stream));
  EXPECT_FALSE(goes_on);
  EXPECT_LE(sent, 600U);
  EXPECT_EQ(hostile.goaway_code(), Http2Code::enhance_your_calm);
  EXPECT_EQ(hostile.server.counters().floods, 1U);
}

TEST(Http2Session, ResetsAtAHumanPaceAreNoFlood) {
  Hostile hostile;  // fewer than 1000: Debian 12's nghttp2 has a bound of its own, on a clock of its own
  for (std::uint32_t i = 0; i < 900; ++i) {
    ASSERT_TRUE(hostile.feed(head_frame(1 + 2 * i, true) + reset_frame(1 + 2 * i)));
    hostile.now += std::chrono::milliseconds(10);
  }
}

TEST(Http2Session, FloodsEndTheConnection) {
  const std::string ping = frame(6, 0, 0, std::string(8, 'p'));
  const std::string empty_data = frame(0, 0, 1, "");
  const std::string priority = frame(2, 0, 1, std::string("\0\0\0\0\x10", 5));
  for (const std::string& flood : {ping, settings(), empty_data, priority}) {
    Hostile hostile;
    EXPECT_TRUE(hostile.feed(head_frame(1, false)));
    bool goes_on = true;
    int sent = 0;
    for (; goes_on && sent < 5000; ++sent) goes_on = hostile.feed(flood);
    EXPECT_FALSE(goes_on) << static_cast<int>(flood[3]);
    EXPECT_EQ(hostile.goaway_code(), Http2Code::enhance_your_calm) << static_cast<int>(flood[3]);
  }
}

TEST(Http2Session, StreamErrorsThatWeMustAnswerAreCounted) {
  Hostile hostile;  // CVE-2025-8671: the peer makes us reset its streams
  bool goes_on = true;
  std::uint32_t sent = 0;
  for (std::uint32_t stream = 1; goes_on && sent < 5000; stream += 2, ++sent)
    goes_on = hostile.feed(head_frame(stream, false) + frame(8, 0, stream, std::string(4, '\0')));
  EXPECT_FALSE(goes_on);
  EXPECT_LE(sent, 100U);
}

TEST(Http2Session, ContinuationsWithoutEndAreCutOff) {
  Hostile hostile;
  EXPECT_TRUE(hostile.feed(frame(1, 1, 1, std::string("\x82\x86\x84\x41\x01x", 6))));
  bool goes_on = true;
  int sent = 0;
  const std::string field = std::string("\x00\x01y\x7f\x81\x7f", 6) + std::string(256, 'v');
  for (; goes_on && sent < 5000; ++sent) goes_on = hostile.feed(frame(9, 0, 1, field));
  EXPECT_FALSE(goes_on);
  EXPECT_LT(sent, 100);
}

TEST(Http2Session, AFieldSectionOverTheLimitIs431) {
  Http2Limits limits;
  limits.fields_bytes_max = 500;
  Pair pair(limits);
  const std::string value(600, 'v');
  std::vector<Http2Field> fields = kRequest;
  fields.push_back({"big", value});
  const auto id = pair.client.request(fields, Http2End::yes);
  pair.carry();
  EXPECT_EQ(pair.at_client.streams[*id].head.find(":status"), "431");
  EXPECT_TRUE(pair.at_server.streams[*id].head.size() == 0);
  const auto next = pair.client.request(kRequest, Http2End::yes);
  pair.carry();
  EXPECT_EQ(pair.at_server.streams[*next].head.find(":path"), "/x");
}

TEST(Http2Session, ABadPrefaceEndsItAtOnce) {
  Recorder events;
  Http2Session server(Http2Role::server, {}, events);
  EXPECT_FALSE(server.receive("GET / HTTP/1.1\r\nHost: x\r\n\r\n", MonotonicTime{seconds(1)}));
  EXPECT_TRUE(server.finished());
}

TEST(Http2Session, SecretFieldsAreNeverIndexed) {
  Pair pair;
  std::vector<Http2Field> fields = kRequest;
  fields.push_back({"authorization", "Bearer once"});
  ASSERT_TRUE(pair.client.request(fields, Http2End::yes));
  std::string first;
  pair.client.collect(first, SIZE_MAX);
  ASSERT_TRUE(pair.client.request(fields, Http2End::yes));
  std::string second;
  pair.client.collect(second, SIZE_MAX);
  EXPECT_GT(second.size(), 9U + 11U);  // the value is on the wire again, not an index of it
}

TEST(Http2Connection, ASlowReaderStopsTheWriterAndTheRestArrivesLater) {
  TestLoop test;
  MemoryRules rules;
  rules.capacity_bytes = 4096;
  StreamPair ends = memory_pair(test.loop, {}, rules);
  Recorder at_client;
  Recorder at_server;
  Http2Connection client(test.loop, std::move(ends.client), Http2Role::client, {}, {}, at_client);
  Http2Connection server(test.loop, std::move(ends.server), Http2Role::server, {}, {}, at_server);
  at_client.session = &client.session();
  at_server.session = &server.session();
  std::vector<Http2Ending> endings;
  auto keep = [](Http2Connection& one, std::vector<Http2Ending>& into) -> Task<void> {
    into.push_back(co_await one.run());
  };
  test.loop.spawn(keep(client, endings));
  const auto id = client.session().request(kRequest, Http2End::no);
  client.session().send(*id, std::string(100'000, 'x'));
  client.session().finish(*id, {});
  client.flush();
  test.settle();
  EXPECT_GT(client.session().unsent_bytes(*id), 0U);
  test.loop.spawn(keep(server, endings));
  test.settle();
  EXPECT_EQ(at_server.streams[*id].body.size(), 100'000U);
  at_server.answer(*id);
  server.flush();
  test.settle();
  EXPECT_TRUE(at_client.streams[*id].closed);
  client.session().go_away(Http2Code::no_error, {});
  client.flush();
  test.settle();
  EXPECT_EQ(endings.size(), 2U);
  test.loop.drop_tasks();
}

TEST(Http2Connection, APeerThatReadsNothingIsCutOff) {
  TestLoop test;
  MemoryRules rules;
  rules.capacity_bytes = 1024;
  StreamPair ends = memory_pair(test.loop, {}, rules);
  Recorder events;
  Http2Connection client(test.loop, std::move(ends.client), Http2Role::client, {}, {}, events);
  events.session = &client.session();
  std::optional<Http2Ending> ending;
  auto keep = [](Http2Connection& one, std::optional<Http2Ending>& into) -> Task<void> {
    into = co_await one.run();
  };
  test.loop.spawn(keep(client, ending));
  const auto id = client.session().request(kRequest, Http2End::no);
  client.session().send(*id, std::string(50'000, 'x'));
  client.flush();
  for (int i = 0; i < 70; ++i) test.advance(seconds(1));
  EXPECT_EQ(ending, Http2Ending::stalled);
  test.loop.drop_tasks();
}

}  // namespace
}  // namespace sallyport
