// SPDX-License-Identifier: Apache-2.0
#include "sallyport/session/probe.h"

#include <gtest/gtest.h>

namespace sallyport {
namespace {

TEST(StatusLine, reads_the_status) {
  EXPECT_EQ(parse_status_line("HTTP/1.1 200 OK\r\n"), 200);
  EXPECT_EQ(parse_status_line("HTTP/1.0 404\r\nX: y"), 404);
  EXPECT_EQ(parse_status_line("HTTP/1.1 599 \n"), 599);
}

TEST(StatusLine, waits_for_a_whole_line) {
  for (const auto* part : {"", "H", "HTTP/1.", "HTTP/1.1 200", "HTTP/1.1 200 OK\r"}) {
    EXPECT_EQ(parse_status_line(part), std::nullopt) << part;
  }
}

TEST(StatusLine, refuses_what_is_no_http) {
  for (const auto* text :
       {"SSH-2.0-x\r\n", "HTTP/2 200\r\n", "X", "HTTP/1.1 2x0 OK\r\n", "HTTP/1.1 099 OK\r\n",
        "HTTP/1.1 600 OK\r\n", "HTTP/1.1\r\n", "HTTP/1.1-200 OK\r\n", "\n"}) {
    EXPECT_EQ(parse_status_line(text), 0) << text;
  }
  EXPECT_EQ(parse_status_line("HTTP/1.1 200 " + std::string(kProbeAnswerBytesMax, 'x')), 0);
}

}  // namespace
}  // namespace sallyport
