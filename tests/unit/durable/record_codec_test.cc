// SPDX-License-Identifier: Apache-2.0
// Does the codec take its own bytes only?
#include "sallyport/durable/internal/record_codec.h"

#include <gtest/gtest.h>

namespace sallyport::internal {
namespace {

SessionRecord record() {
  SessionRecord made;
  made.id = SessionId("demo");
  made.command = {"tool", "{port}"};
  made.tokens.emplace_back();
  made.environment.emplace_back("A=b");
  return made;
}

TEST(RecordCodec, every_cut_is_refused) {
  const auto bytes = encode(record());
  ASSERT_TRUE(decode_session(bytes));
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(decode_session(SecretText(bytes.expose().substr(0, size)))) << size;
  EXPECT_FALSE(decode_session(SecretText(std::string(bytes.expose()) + "x")));
}

TEST(RecordCodec, any_single_wrong_byte_is_refused_or_read_without_harm) {
  const auto bytes = encode(record());
  const std::string whole(bytes.expose());
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const char wrong : {'\x00', '\x02', '\x7f', '\xff'}) {
      auto changed = whole;
      changed[at] = wrong;
      (void)decode_session(SecretText(changed));
      (void)decode_access_token(SecretText(changed));
    }
  }
}

TEST(RecordCodec, one_kind_is_not_read_as_another) {
  EXPECT_FALSE(decode_access_token(encode(record())));
  EXPECT_FALSE(decode_session(encode(AccessTokenRecord())));
}

}  // namespace
}  // namespace sallyport::internal
