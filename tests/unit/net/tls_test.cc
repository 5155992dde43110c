// SPDX-License-Identifier: Apache-2.0
#include "tls_for_test.h"

namespace sallyport {
namespace {

using std::chrono::seconds;

TEST_F(TlsTest, speaks_1_2_and_1_3_with_modern_suites) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    SSL_CTX_set_min_proto_version(client.context(), version);
    SSL_CTX_set_max_proto_version(client.context(), version);
    ASSERT_TRUE(shake());
    EXPECT_EQ(SSL_version(client.ssl()), version);
    EXPECT_EQ(client.server_name(), "first");
    EXPECT_EQ(client.write("ping"), SSL_ERROR_NONE);
    test.settle();
    EXPECT_EQ(read_all(), "ping");
    EXPECT_EQ(stream->try_write("pong").bytes, 4U);
    std::string got;
    EXPECT_EQ(client.read(got), SSL_ERROR_NONE);
    EXPECT_EQ(got, "pong");
    EXPECT_EQ(stream->facts().tls, Tls::on);
    EXPECT_EQ(stream->facts().local, host.address());
    ASSERT_TRUE(stream->peer_process().has_value());
    EXPECT_EQ(stream->peer_process()->uid, ::geteuid());
    EXPECT_EQ(stream->splice_descriptor(), -1);
  }
  EXPECT_EQ(server->counters().handshakes, 2U);
}

TEST_F(TlsTest, refuses_old_versions_and_old_suites) {
  SSL_CTX_set_security_level(client.context(), 0);
  SSL_CTX_set_min_proto_version(client.context(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(client.context(), TLS1_1_VERSION);
  EXPECT_FALSE(shake());
  SSL_CTX_set_max_proto_version(client.context(), TLS1_2_VERSION);
  for (const char* const suite :
       {"ECDHE-ECDSA-AES128-SHA", "AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-SHA384"}) {
    ASSERT_EQ(SSL_CTX_set_cipher_list(client.context(), suite), 1) << suite;
    EXPECT_FALSE(shake()) << suite;
    EXPECT_EQ(error, Code::unavailable);
  }
  EXPECT_EQ(server->counters().failed, 4U);
}

TEST_F(TlsTest, agrees_on_http_1_1_and_refuses_a_client_that_wants_something_else_only) {
  const unsigned char both[] = "\x02h2\x08http/1.1";
  const unsigned char other[] =
      "\x03"
      "ftp";
  SSL_CTX_set_alpn_protos(client.context(), both, sizeof both - 1);
  ASSERT_TRUE(shake());
  const unsigned char* chosen = nullptr;
  unsigned bytes = 0;
  SSL_get0_alpn_selected(client.ssl(), &chosen, &bytes);
  EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(chosen), bytes), "http/1.1");
  SSL_CTX_set_alpn_protos(client.context(), other, sizeof other - 1);
  EXPECT_FALSE(shake());
}

TEST_F(TlsTest, refuses_renegotiation) {
  SSL_CTX_set_max_proto_version(client.context(), TLS1_2_VERSION);
  ASSERT_TRUE(shake());
  ASSERT_EQ(SSL_renegotiate(client.ssl()), 1);
  ERR_clear_error();
  for (int round = 0; round < 10 && ERR_peek_error() == 0; ++round) {
    SSL_do_handshake(client.ssl());
    test.settle();
    read_all();
  }
  EXPECT_NE(ERR_peek_error(), 0U);
  EXPECT_EQ(server->counters().handshakes, 1U);
}

TEST_F(TlsTest, garbage_is_a_failed_handshake_and_nothing_more) {
  for (const std::string& garbage :
       {std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), std::string(70'000, '\0'),
        std::string("\x16\x03\x01\xff\xff", 5) + std::string(5000, 'x')}) {
    error.reset();
    const Descriptor raw = raw_client(host.address());
    set_nonblocking(raw.get());
    accept();
    ::send(raw.get(), garbage.data(), garbage.size(), MSG_NOSIGNAL);
    test.settle();
    EXPECT_EQ(error, Code::unavailable);
  }
  EXPECT_EQ(host.limiter.count(), 0U);
  EXPECT_TRUE(shake());
}

TEST_F(TlsTest, plain_http_is_told_to_use_https_and_nothing_else_is_answered) {
  const auto answer_to = [this](std::string_view sent) {
    error.reset();
    const Descriptor raw = raw_client(host.address());
    set_nonblocking(raw.get());
    accept();
    ::send(raw.get(), sent.data(), sent.size(), MSG_NOSIGNAL);
    test.settle();
    EXPECT_EQ(error, Code::unavailable) << sent.substr(0, 20);
    std::string got(4096, '\0');
    const ssize_t bytes = ::recv(raw.get(), got.data(), got.size(), 0);
    got.resize(static_cast<std::size_t>(std::max<ssize_t>(bytes, 0)));
    return got;
  };
  for (const std::string_view sent :
       {"GET / HTTP/1.1\r\nHost: spl_x\r\n\r\n", "OPTIONS * HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "CONNECT x:443 HTTP/1.1\r\n\r\n", "DELETE"}) {
    const std::string told = answer_to(sent);
    EXPECT_TRUE(told.starts_with("HTTP/1.1 400 ")) << sent << told;
    EXPECT_NE(told.find("https://"), std::string::npos);
    EXPECT_NE(told.find("Connection: close"), std::string::npos);
    EXPECT_EQ(told.find("spl_x"), std::string::npos);
  }
  EXPECT_EQ(server->counters().plain_http, 5U);
  for (const std::string_view sent :
       {"GETX / HTTP/1.1\r\n\r\n", "get / HTTP/1.1\r\n\r\n", "SSH-2.0-x\r\n", "\r\nGET / HTTP/1.1\r\n\r\n"}) {
    EXPECT_EQ(answer_to(sent), "") << sent;
  }
  EXPECT_EQ(server->counters().failed, 9U);
  EXPECT_EQ(server->counters().plain_http, 5U);
  test.settle();
  EXPECT_EQ(host.limiter.count(), 0U) << "who hangs up frees his place";
}

TEST_F(TlsTest, a_plain_client_that_stays_is_hung_up_on) {
  const Descriptor raw = raw_client(host.address());
  set_nonblocking(raw.get());
  accept();
  const std::string large = "POST / HTTP/1.1\r\nHost: x\r\n\r\n" + std::string(40'000, 'x');
  ::send(raw.get(), large.data(), large.size(), MSG_NOSIGNAL);
  test.settle();
  EXPECT_EQ(host.limiter.count(), 1U);
  test.advance(seconds(5));
  EXPECT_EQ(host.limiter.count(), 0U);
  std::string got(4096, '\0');
  EXPECT_GT(::recv(raw.get(), got.data(), got.size(), 0), 0) << "the answer was not taken back";
}

TEST_F(TlsTest, a_client_that_says_nothing_or_too_little_meets_the_deadline) {
  client.connect(host.address());
  accept(test.loop.now() + seconds(10));
  SSL_do_handshake(client.ssl());  // its hello, and then silence
  test.advance(seconds(9));
  EXPECT_EQ(error, std::nullopt);
  test.advance(seconds(2));
  EXPECT_EQ(error, Code::deadline_exceeded);
  EXPECT_EQ(server->counters().too_slow, 1U);
  EXPECT_EQ(host.limiter.count(), 0U);
}

TEST_F(TlsTest, a_hello_that_comes_byte_by_byte_still_works) {
  client.connect(host.address());
  accept();
  const SslPtr slow(SSL_new(client.context()));
  SSL_set_bio(slow.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_connect_state(slow.get());
  SSL_do_handshake(slow.get());
  const std::string hello = text_of(SSL_get_wbio(slow.get()));
  ASSERT_GT(hello.size(), 100U);
  for (const char byte : hello) {
    ASSERT_EQ(::send(client.socket().get(), &byte, 1, 0), 1);
    test.settle();
  }
  std::array<char, 8> answer{};
  EXPECT_GT(::recv(client.socket().get(), answer.data(), answer.size(), 0), 0);
  EXPECT_EQ(answer[0], '\x16');
}

TEST_F(TlsTest, reads_what_came_together_with_the_end_of_the_handshake) {
  client.connect(host.address());
  accept();
  ASSERT_LT(SSL_do_handshake(client.ssl()), 1);
  test.settle();
  ASSERT_EQ(SSL_do_handshake(client.ssl()), 1);  // its Finished has not been read by the server yet
  ASSERT_EQ(client.write("early bird"), SSL_ERROR_NONE);
  test.settle();
  ASSERT_TRUE(stream);
  std::string text;
  auto read = [](Stream& from, std::string& into) -> Task<void> {
    std::array<char, 100> buffer{};
    const IoResult got = co_await read_some(from, buffer);
    into.assign(buffer.data(), got.bytes);
  };
  test.start(read(*stream, text));
  EXPECT_EQ(text, "early bird");
}

Task<void> collect(Stream& from, std::size_t step, std::string& into, IoState& end) {
  std::string buffer(step, '\0');
  while (true) {
    const IoResult got = co_await read_some(from, buffer);
    if (got.state != IoState::done) {
      end = got.state;
      co_return;
    }
    into.append(buffer.data(), got.bytes);
  }
}

/// Many records in one read of the socket, and buffers smaller than a record: what OpenSSL holds back must
/// not hang.
TEST_F(TlsTest, no_record_is_left_behind_whatever_the_size_of_the_reads) {
  for (const std::size_t step : {1U, 100U, 16'383U, 16'384U, 65'536U}) {
    ASSERT_TRUE(shake());
    std::string got;
    IoState state = IoState::would_block;
    test.start(collect(*stream, step, got, state));
    std::string expected;
    for (int i = 0; i < 40; ++i) {
      const std::string part(static_cast<std::size_t>(1 + 37 * i), static_cast<char>('a' + i % 26));
      expected += part;
      ASSERT_EQ(client.write(part), SSL_ERROR_NONE);
      if (i % 7 == 0) test.settle();
    }
    test.settle();
    EXPECT_TRUE(got == expected) << step;
    EXPECT_EQ(state, IoState::would_block);
    EXPECT_TRUE(stream->drained());
    SSL_shutdown(client.ssl());
    test.settle();
    EXPECT_EQ(state, IoState::closed);
  }
}

TEST_F(TlsTest, a_connection_cut_without_close_notify_is_failed_and_not_closed) {
  ASSERT_TRUE(shake());
  ASSERT_EQ(client.write("half a"), SSL_ERROR_NONE);
  SSL_set_quiet_shutdown(client.ssl(), 1);
  client.socket().reset();
  test.settle();
  EXPECT_EQ(read_all(), "half a");
  EXPECT_EQ(end, IoState::failed);
}

TEST_F(TlsTest, our_end_is_a_close_notify) {
  for (int way = 0; way < 2; ++way) {
    ASSERT_TRUE(shake());
    if (way == 0) {
      stream->close();
    } else {
      EXPECT_EQ(stream->shutdown_write(), IoState::done);
    }
    std::string got;
    EXPECT_EQ(client.read(got), SSL_ERROR_ZERO_RETURN);
  }
  EXPECT_EQ(client.write("you may go on"), SSL_ERROR_NONE);  // after a half-close
  test.settle();
  EXPECT_EQ(read_all(), "you may go on");
}

TEST_F(TlsTest, reset_sends_no_close_notify) {
  ASSERT_TRUE(shake());
  stream->reset();
  std::string got;
  EXPECT_NE(client.read(got), SSL_ERROR_ZERO_RETURN);
}

TEST_F(TlsTest, writes_more_than_fits_with_a_buffer_that_moves_between_tries) {
  ASSERT_TRUE(shake());
  std::string sent(3'000'000, ' ');
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>('a' + i % 23);
  std::optional<IoResult> result;
  auto write = [](Stream& to, std::string_view text, std::optional<IoResult>& out) -> Task<void> {
    std::size_t written = 0;
    while (written < text.size()) {
      const std::string moved(text.substr(written, 40'000));
      const IoResult put = to.try_write(moved);
      written += put.bytes;
      if (put.state == IoState::done && put.bytes == moved.size()) continue;
      if (put.state != IoState::done && put.state != IoState::would_block) break;
      co_await to.writable();
    }
    out = IoResult{IoState::done, written};
  };
  test.start(write(*stream, sent, result));
  EXPECT_FALSE(result.has_value());
  std::string got;
  for (int round = 0; round < 20'000 && got.size() < sent.size(); ++round) {
    client.read_when_there(got);
    test.settle();
  }
  EXPECT_TRUE(got == sent);
  EXPECT_EQ(result->bytes, sent.size());
}

TEST_F(TlsTest, small_pieces_leave_as_one_record_and_large_ones_whole) {
  ASSERT_TRUE(shake());
  const std::array<std::string_view, 3> small{"HTTP/1.1 200 OK\r\n", "\r\n", "body"};
  EXPECT_EQ(stream->try_write_pieces(small, More::no).bytes, 23U);
  std::string got;
  EXPECT_EQ(client.read(got), SSL_ERROR_NONE);
  EXPECT_EQ(got, "HTTP/1.1 200 OK\r\n\r\nbody");  // one SSL_read gives one record
  const std::string body(100'000, 'b');
  std::array<std::string_view, 3> large{"head", body, "tail"};
  const std::string expected = "head" + body + "tail";
  std::optional<IoResult> result;
  auto write = [](Stream& to, std::span<std::string_view> what, std::optional<IoResult>& out) -> Task<void> {
    out = co_await write_pieces(to, what);
  };
  test.start(write(*stream, large, result));
  got.clear();
  for (int round = 0; round < 1000 && got.size() < expected.size(); ++round) {
    client.read_when_there(got);
    test.settle();
  }
  EXPECT_TRUE(got == expected);
  EXPECT_EQ(result->bytes, expected.size());
}

/// A key update that asks for one in return makes a read write (RFC 8446 section 4.6.3): with our send buffer
/// full the read has to wait until the socket is writable.
TEST_F(TlsTest, a_read_that_must_write_waits_for_the_right_thing) {
  ASSERT_TRUE(shake());
  const std::string filler(16'000, 'f');
  std::size_t filled = 0;
  while (true) {
    const IoResult put = stream->try_write(filler);
    filled += put.bytes;
    if (put.state != IoState::done || put.bytes < filler.size()) break;
  }
  ASSERT_EQ(SSL_key_update(client.ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
  ASSERT_EQ(client.write("behind the update"), SSL_ERROR_NONE);
  std::string got;
  IoState state = IoState::would_block;
  test.start(collect(*stream, 1000, got, state));
  EXPECT_EQ(state, IoState::would_block);
  std::string drained;
  for (int round = 0; round < 5000 && got.empty(); ++round) {
    client.read_when_there(drained);
    test.settle();
  }
  EXPECT_EQ(got, "behind the update");
  EXPECT_GT(filled, 0U);
}

}  // namespace
}  // namespace sallyport
