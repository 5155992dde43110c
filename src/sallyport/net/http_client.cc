// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/http_client.h"

#include <algorithm>
#include <cstring>

#include "sallyport/base/text.h"
#include "sallyport/http/body.h"
#include "sallyport/http/host.h"
#include "sallyport/http/parser.h"
#include "sallyport/net/internal/blocking_wire.h"

namespace sallyport {
namespace {

constexpr std::size_t kReadBytes = 16384;
constexpr int kInterimAnswersMax = 8;

/// WipedBuffer collects what arrives, which may be a secret: it is wiped when it grows and when it dies.
class WipedBuffer {
 public:
  WipedBuffer() = default;
  WipedBuffer(const WipedBuffer&) = delete;
  WipedBuffer& operator=(const WipedBuffer&) = delete;
  ~WipedBuffer() { wipe(std::as_writable_bytes(std::span(bytes_))); }
  [[nodiscard]] std::string_view view() const noexcept { return {bytes_.data() + start_, used_ - start_}; }
  void drop(std::size_t bytes) noexcept { start_ += bytes; }
  std::span<char> room(std::size_t bytes) {
    if (bytes_.size() - used_ < bytes) {
      std::vector<char> larger(std::max(bytes_.size() * 2, used_ + bytes));
      std::copy(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(used_), larger.begin());
      bytes_.swap(larger);
      wipe(std::as_writable_bytes(std::span(larger)));
    }
    return std::span(bytes_).subspan(used_, bytes);
  }
  void added(std::size_t bytes) noexcept { used_ += bytes; }
  void append(std::string_view text) {
    if (text.empty()) return;
    std::memcpy(room(text.size()).data(), text.data(), text.size());
    added(text.size());
  }

 private:
  std::vector<char> bytes_;
  std::size_t start_ = 0;
  std::size_t used_ = 0;
};

bool is_plain(std::string_view text, std::string_view besides) noexcept {
  return std::ranges::all_of(
      text, [&](char c) { return c > ' ' && c < 0x7f && besides.find(c) == std::string_view::npos; });
}

bool is_value(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c != 0x7f; });
}

std::string authority_of(const HttpEndpoint& endpoint) {
  if (!endpoint.socket_path.empty()) return endpoint.host;
  const bool bare_v6 = endpoint.host.find(':') != std::string::npos;
  const std::string host = bare_v6 ? concat('[', endpoint.host, ']') : endpoint.host;
  const int usual = endpoint.scheme == HttpEndpoint::Scheme::https ? 443 : 80;
  return endpoint.port == usual ? host : concat(host, ':', endpoint.port);
}

/// render puts the whole request into `out`; false where a part of it would not stay what it is on the wire.
bool render(const HttpEndpoint& endpoint, const HttpCall& call, WipedBuffer& out) {
  const std::string_view method = call.method_text.empty() ? name_of(call.method) : call.method_text;
  if (method.empty() || !is_plain(method, "\"(),/:;<=>?@[\\]{}")) return false;
  if (!call.target.starts_with('/') || !is_plain(call.target, "#")) return false;
  out.append(concat(method, ' ', call.target, " HTTP/1.1\r\nHost: ", authority_of(endpoint),
                    "\r\nConnection: close\r\n"));
  for (const auto& field : call.fields) {
    if (field.name.empty() || !is_plain(field.name, "\"(),/:;<=>?@[\\]{}") || !is_value(field.value.expose()))
      return false;
    out.append(concat(field.name, ": "));
    out.append(field.value.expose());
    out.append("\r\n");
  }
  const bool has_body = !call.body.empty() || method == "POST" || method == "PUT";
  if (has_body) out.append(concat("Content-Length: ", call.body.size(), "\r\n"));
  out.append("\r\n");
  out.append(call.body.expose());
  return true;
}

Error broken() { return fail(Code::unavailable, "the service's answer is not HTTP/1.1"); }

Result<std::size_t> read_more(internal::BlockingWire& wire, WipedBuffer& buffer) {
  SALLYPORT_TRY(got, wire.read(buffer.room(kReadBytes)));
  buffer.added(got);
  return got;
}

/// read_head leaves the final answer's head in `head`, which views into the buffer, and gives its length.
Result<std::size_t> read_head(internal::BlockingWire& wire, WipedBuffer& buffer, Method asked,
                              ResponseHead& head) {
  for (int interim = 0; interim < kInterimAnswersMax;) {
    const auto parsed = parse_response_head(buffer.view(), asked, head);
    if (parsed.refused()) return broken();
    if (parsed.complete() && !head.is_interim()) return parsed.bytes;
    if (parsed.complete()) {
      buffer.drop(parsed.bytes);
      ++interim;
      continue;
    }
    SALLYPORT_TRY(got, read_more(wire, buffer));
    if (got == 0) return broken();
  }
  return broken();
}

Result<SecretText> read_body(internal::BlockingWire& wire, WipedBuffer& buffer, BodyScanner scanner) {
  WipedBuffer body;
  while (!scanner.ended()) {
    const auto step = scanner.next(buffer.view());
    if (step.state == BodyStep::State::refused) return broken();
    if (body.view().size() + step.data.size() > kFetchedBodyBytesMax)
      return fail(Code::exhausted, "the service's answer is too large");
    body.append(step.data);
    buffer.drop(step.consumed);
    if (step.state == BodyStep::State::end) break;
    if (!buffer.view().empty()) continue;
    SALLYPORT_TRY(got, read_more(wire, buffer));
    if (got > 0) continue;
    if (scanner.framing() == Framing::until_close) break;
    return fail(Code::unavailable, "the service's answer was cut off");
  }
  return SecretText(body.view());
}

}  // namespace

Result<HttpEndpoint> HttpEndpoint::parse(std::string_view url) {
  HttpEndpoint endpoint;
  // What stands before an @ may be a password.
  const Error fault =
      fail(Code::invalid_argument,
           concat(url.find('@') == std::string_view::npos ? concat('"', escaped(url), '"')
                                                          : "this, with its \"@\",",
                  " is no address of a service: write https://HOST[:PORT], http://HOST[:PORT] or unix:PATH"));
  if (url.starts_with("unix:")) {
    endpoint.scheme = Scheme::http;
    endpoint.host = "localhost";
    endpoint.socket_path = url.substr(5);
    if (!endpoint.socket_path.starts_with('/') || endpoint.socket_path.find('\0') != std::string::npos)
      return fault;
    return endpoint;
  }
  if (url.starts_with("https://")) {
    url.remove_prefix(8);
  } else if (url.starts_with("http://")) {
    url.remove_prefix(7);
    endpoint.scheme = Scheme::http;
  } else {
    return fault;
  }
  if (url.ends_with('/')) url.remove_suffix(1);
  auto place = HostPort::parse(url);
  if (!place) return fault;
  endpoint.host = place->host;
  if (endpoint.host.starts_with('[')) endpoint.host = endpoint.host.substr(1, endpoint.host.size() - 2);
  endpoint.port = place->port.value_or(endpoint.scheme == Scheme::https ? 443 : 80);
  return endpoint;
}

Result<HttpAnswer> fetch_http(const MonotonicClock& clock, const HttpEndpoint& endpoint, const HttpCall& call,
                              MonotonicTime deadline) {
  WipedBuffer request;
  if (!render(endpoint, call, request))
    return fail(Code::invalid_argument, "that request cannot be sent as it is");
  internal::BlockingWire wire(clock, deadline);
  SALLYPORT_CHECK(wire.open(endpoint));
  SALLYPORT_CHECK(wire.write(request.view()));
  const Method asked = call.method_text.empty() ? call.method : method_of(call.method_text);
  WipedBuffer buffer;
  ResponseHead head;
  SALLYPORT_TRY(head_bytes, read_head(wire, buffer, asked, head));
  HttpAnswer answer;
  answer.status = head.status;
  for (const auto& field : head.fields) {
    if (iequals(field.name(), "retry-after")) answer.retry_after = field.value();
  }
  const BodyScanner scanner(head);
  buffer.drop(head_bytes);
  SALLYPORT_TRY(body, read_body(wire, buffer, scanner));
  answer.body = std::move(body);
  return answer;
}

}  // namespace sallyport
