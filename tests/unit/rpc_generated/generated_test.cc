// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cctype>

#include "shapes.sallyport.h"
#include "tests/unit/rpc/harness.h"

namespace sallyport {
namespace {

using shapes::v1::ShapesRpc;
using shapes::v1::Total;
using shapes::v1::Word;

class Shapes final : public ShapesRpc::Service {
 public:
  RpcStatus Upper(RpcServerCall&, const Word& request, Word& response) override {
    for (const char c : request.text()) *response.mutable_text() += static_cast<char>(std::toupper(c));
    return rpc_ok();
  }
  RpcStatus Nest(RpcServerCall&, const Word::Inner& request, Word::Inner& response) override {
    response.set_n(request.n() + 1);
    return rpc_ok();
  }
  Task<RpcStatus> Count(TypedServerStream<Word, Total>& stream) override {
    Total total;
    while (true) {
      const std::optional<Word> word = co_await stream.read();
      if (!word.has_value()) break;
      total.set_bytes(total.bytes() + word->text().size());
    }
    co_await stream.write(total);
    co_return rpc_ok();
  }
  Task<RpcStatus> Split(TypedServerStream<Word, Word>& stream) override {
    const std::optional<Word> word = co_await stream.read();
    for (const char c : word->text()) {
      Word letter;
      letter.set_text(std::string(1, c));
      co_await stream.write(letter);
    }
    co_return rpc_ok();
  }
  Task<RpcStatus> Chat(TypedServerStream<Word, Word>& stream) override {
    while (true) {
      const std::optional<Word> word = co_await stream.read();
      if (!word.has_value()) break;
      co_await stream.write(*word);
    }
    co_return rpc_ok();
  }
};

Word word_of(const char* text) {
  Word word;
  word.set_text(text);
  return word;
}

TEST(Generated, EveryKindOfCallGoesThroughItsTypedFace) {
  RpcHarness harness;
  Shapes service;
  service.add_to(harness.server);
  const std::shared_ptr<RpcChannel> channel = RpcChannel::over(harness.shared, harness.connect(), {});
  ShapesRpc::Client client(channel);
  EXPECT_EQ(client.Upper(word_of("quiet")).message.text(), "QUIET");
  Word::Inner inner;
  inner.set_n(41);
  EXPECT_EQ(client.Nest(inner).message.n(), 42);

  auto count = client.Count();
  EXPECT_TRUE(count.write(word_of("four")));
  EXPECT_TRUE(count.write(word_of("fives")));
  count.finish_writes();
  EXPECT_EQ(count.read()->bytes(), 9U);
  EXPECT_TRUE(count.finish().is_ok());

  auto split = client.Split();
  EXPECT_TRUE(split.write(word_of("abc")));
  split.finish_writes();
  std::string letters;
  while (const auto letter = split.read()) letters += letter->text();
  EXPECT_EQ(letters, "abc");

  auto chat = client.Chat();
  EXPECT_TRUE(chat.write(word_of("hi")));
  EXPECT_EQ(chat.read()->text(), "hi");
  chat.finish_writes();
  EXPECT_TRUE(chat.finish().is_ok());
}

TEST(Generated, WhatIsNotOverriddenIsUnimplementedAndGarbageIsRefused) {
  RpcHarness harness;
  Shapes service;
  service.add_to(harness.server);
  const std::shared_ptr<RpcChannel> channel = RpcChannel::over(harness.shared, harness.connect(), {});
  ShapesRpc::Client client(channel);
  EXPECT_EQ(client.Missing(word_of("x")).status.code, RpcCode::unimplemented);
  EXPECT_EQ(channel->call("/shapes.v1.Shapes/Upper", "\xFF\xFF").status.code, RpcCode::internal);
  EXPECT_EQ(ShapesRpc::kService, "shapes.v1.Shapes");
}

}  // namespace
}  // namespace sallyport
