// SPDX-License-Identifier: Apache-2.0
#include "tests/interop/http_differential/generator.h"

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

constexpr std::string_view kMethods[] = {"GET",   "GET",    "POST",    "POST",  "PUT",
                                         "HEAD",  "DELETE", "OPTIONS", "PATCH", "PROPFIND",
                                         "TRACE", "QUERYX", "CONNECT"};
constexpr std::string_view kTargets[] = {"/",          "/a/b?c=d", "/a%20b",       "/%2e%2e/", "*",
                                         "http://a/x", "http://a", "/[id]|^?{x}`", "//a",      "/a#b",
                                         "a",          "/?",       "/x;y=1,2"};
constexpr std::string_view kVersions[] = {"HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.1",
                                          "HTTP/1.0", "HTTP/1.2", "http/1.1"};
constexpr std::string_view kStatus[] = {"200 OK",
                                        "200 OK",
                                        "200 ",
                                        "204 No Content",
                                        "304 Not Modified",
                                        "404 Not F\xfcnd",
                                        "101 Switching Protocols",
                                        "103 Early Hints",
                                        "500 a:b\tc",
                                        "99 X"};
constexpr std::string_view kFields[] = {"Content-Length: 5",
                                        "content-length:0",
                                        "Content-Length:  12 ",
                                        "Content-Length: 5, 5",
                                        "Content-Length: +5",
                                        "Content-Length: 05",
                                        "Transfer-Encoding: chunked",
                                        "transfer-encoding:\tCHUNKED\t",
                                        "Transfer-Encoding: gzip, chunked",
                                        "Transfer-Encoding: identity",
                                        "Transfer-Encoding: chunked ",
                                        "Upgrade:",
                                        "Content-Length: 5\t",
                                        "Transfer-Encoding : chunked",
                                        "Transfer_Encoding: chunked",
                                        "Connection: close",
                                        "Connection: keep-alive",
                                        "Connection: Keep-Alive, upgrade",
                                        "Connection: upgrade",
                                        "Connection: x, ,close",
                                        "Connection:",
                                        "Upgrade: websocket",
                                        "Upgrade: h2c",
                                        "Keep-Alive: timeout=5",
                                        "Proxy-Connection: keep-alive",
                                        "X-Empty:",
                                        "X-Blank: \t ",
                                        "X: a\tb  c ",
                                        "X: gr\xfc\xdf",
                                        "X-Quote: \"a, b\"; c=\"\\\"\"",
                                        "x_y.z~!#$%&'*+^`|: 1",
                                        "Expect: 100-continue",
                                        "Set-Cookie: a=b",
                                        "Trailer: X",
                                        "TE: trailers",
                                        "X:y:z",
                                        ": no name",
                                        "X : y",
                                        " folded: y",
                                        "Host: b",
                                        "Cookie: a=b; c",
                                        "Date: Sun, 06 Nov 1994 08:49:37 GMT"};
constexpr std::string_view kChunkLines[] = {"5\r\nhello\r\n",        "5\r\nhello\r\n",
                                            "00a\r\n0123456789\r\n", "A\r\n0123456789\r\n",
                                            "1;x\r\nz\r\n",          "1;x=y;z=\"q; \\\" r\"\r\nz\r\n",
                                            "1 \r\nz\r\n",           "1;\r\nz\r\n",
                                            "0x1\r\nz\r\n",          "1\nz\n",
                                            "2\r\n\r\n\r\n",         "fffffffffffffffff\r\n"};
constexpr std::string_view kChunkEnds[] = {"0\r\n\r\n",   "0\r\n\r\n",         "000\r\n\r\n",
                                           "0;x\r\n\r\n", "0\r\nX: y\r\n\r\n", "0\r\nX:\r\nY: z\r\n\r\n",
                                           "0\r\n\n",     "0\r\nX : y\r\n\r\n"};
constexpr std::string_view kDamage[] = {
    "\r",   "\n",    "\r\n",    " ",    "\t", ":", ",", ";", std::string_view("\0", 1),
    "\x01", "\x7f",  "\x80",    "\x0b", "0",  "A", "/", "?", "%",
    "\"",   "\r\n ", "\r\n\r\n"};

}  // namespace

std::string Generator::request() {
  const std::string line = concat(one_of(kMethods), ' ', one_of(kTargets), ' ', one_of(kVersions), "\r\n");
  return damaged(fields_and_body(below(20) == 0 ? line : line + "Host: a\r\n"));
}

std::string Generator::response() {
  return damaged(fields_and_body(concat(one_of(kVersions), ' ', one_of(kStatus), "\r\n")));
}

std::string Generator::fields_and_body(std::string_view first) {
  std::string text(first);
  for (std::size_t count = below(5); count > 0; --count) text += concat(one_of(kFields), "\r\n");
  return concat(text, "\r\n", body_of(text));
}

std::string Generator::body_of(std::string_view fields) {
  const std::string lower = to_lower(fields);
  if (lower.find("chunked") != std::string::npos) return chunked_body();
  if (lower.find("content-length") != std::string::npos || below(4) == 0)
    return "hello, world! and what follows";
  return {};
}

std::string Generator::chunked_body() {
  std::string body;
  for (std::size_t count = below(4); count > 0; --count) body += one_of(kChunkLines);
  return body + std::string(one_of(kChunkEnds));
}

std::string Generator::damaged(std::string text) {
  if (below(3) != 0) return text;
  for (std::size_t count = 1 + below(2); count > 0 && !text.empty(); --count) {
    const std::size_t at = below(text.size());
    switch (below(4)) {
      case 0:
        text.insert(at, one_of(kDamage));
        break;
      case 1:
        text.erase(at, 1 + below(3));
        break;
      case 2:
        text.replace(at, 1, one_of(kDamage));
        break;
      default:
        text[at] = static_cast<char>(below(256));
        break;
    }
  }
  return text;
}

}  // namespace sallyport
