// SPDX-License-Identifier: Apache-2.0
// Reading: what a parser says about one whole message.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sallyport/http/message.h"

namespace sallyport {

/// Reading is of a message that we accept. A value.
struct Reading {
  bool is_request = true;
  bool asked_head = false;
  std::string bytes;  ///< the message alone: what follows it is cut off
  std::string method;
  std::string target;  ///< in origin-form
  bool absolute = false;
  unsigned status = 0;
  bool http10 = false;
  std::vector<std::pair<std::string, std::string>> fields;
  Framing framing = Framing::none;
  std::string body;
  bool keep_alive = false;
  bool upgrade = false;  ///< what follows the head is another protocol

  /// doubtful_close: we close where the message's words leave it open; closing is always safe.
  bool doubtful_close = false;
  /// old_connection: there is a Proxy-Connection, which no RFC knows and some obey.
  bool old_connection = false;
};

}  // namespace sallyport
