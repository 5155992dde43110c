// SPDX-License-Identifier: Apache-2.0
// A keep-alive HTTP/1.1 server, just enough to stand behind a proxy that is being measured:
// edge-triggered epoll, one thread, answers prepared in advance. It trusts its client.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace sallyport {

/// BenchRequest views one request head; it lives until the handler returns.
struct BenchRequest {
  std::string_view head;  ///< from the request line to the empty line, both included
  std::string_view method;
  std::string_view path;
};

/// find_header returns the value of the first header `name` (lower case), or an empty view.
std::string_view find_header(std::string_view head, std::string_view name);

/// BenchHandler turns a request into the bytes of a whole response. What it returns has to stay
/// valid until the next call on the same connection; `scratch` belongs to that connection.
class BenchHandler {
 public:
  virtual ~BenchHandler() = default;
  virtual std::string_view answer(const BenchRequest& request, std::string& scratch) = 0;
};

/// make_response builds "HTTP/1.1 `status`" with a Content-Length and `size` letters.
std::string make_response(std::string_view status, std::size_t size);

/// serve_http serves the listeners until the process is killed. Request bodies with a
/// Content-Length are read and dropped before the answer; chunked ones are refused with 411.
[[noreturn]] void serve_http(std::span<const int> listeners, BenchHandler& handler);

}  // namespace sallyport
