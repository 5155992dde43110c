// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/internal/plain_http.h"

#include <algorithm>
#include <array>
#include <chrono>

namespace sallyport {
namespace {

constexpr std::string_view kMethods[] = {"GET ",   "HEAD ",  "POST ",    "PUT ",     "DELETE ",
                                         "PATCH ", "TRACE ", "OPTIONS ", "CONNECT ", "PRI "};
constexpr std::size_t kMethodBytesMin = 4;  // of "DELE", so that no two letters make a method
constexpr Duration kAnswerTimeMax = std::chrono::seconds(2);
constexpr std::size_t kThrownAwayBytesMax = 64 * 1024;
// Clients that asked for HEAD read up to the blank line, and the connection ends there.
constexpr std::string_view kAnswer =
    "HTTP/1.1 400 Bad Request\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Content-Length: 60\r\n"
    "Connection: close\r\n"
    "\r\n"
    "This port speaks HTTPS. Write https:// before this address.\n";
static_assert(kAnswer.size() - kAnswer.find("\r\n\r\n") - 4 == 60);

}  // namespace

bool is_plain_http(std::string_view first) noexcept {
  if (first.size() < kMethodBytesMin) return false;
  return std::any_of(std::begin(kMethods), std::end(kMethods), [first](std::string_view method) {
    const std::size_t common = std::min(first.size(), method.size());
    return first.substr(0, common) == method.substr(0, common);
  });
}

Task<void> answer_plain_http(Loop& loop, std::unique_ptr<Stream> stream) {
  stream->set_deadline(after(loop.now(), kAnswerTimeMax));
  const IoResult told = co_await write_all(*stream, kAnswer);
  if (told.state != IoState::done || co_await finish_write(*stream) != IoState::done) co_return;
  std::array<char, 4096> unread{};
  std::size_t thrown_away = 0;
  while (thrown_away < kThrownAwayBytesMax) {
    const IoResult got = co_await read_some(*stream, unread);
    if (got.state != IoState::done) co_return;
    thrown_away += got.bytes;
  }
}

}  // namespace sallyport
