// SPDX-License-Identifier: Apache-2.0
// Requests as a test writes them, and answers as it reads them: text, taken apart without the product's own
// parser.
#pragma once

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sallyport::testing_world {

inline constexpr std::string_view kWebSocketKey = "dGhlIHNhbXBsZSBub25jZQ==";  // RFC 6455 section 1.3
inline constexpr std::string_view kWebSocketAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

inline std::string lowered(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

/// values_in lists the values of all fields called `name` in a head, in order.
inline std::vector<std::string> values_in(std::string_view head, std::string_view name) {
  std::vector<std::string> values;
  const std::string wanted = lowered(name) + ":";
  for (std::size_t at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at + 2)) {
    const std::string_view line = head.substr(at + 2, head.find("\r\n", at + 2) - at - 2);
    if (!lowered(line).starts_with(wanted)) continue;
    std::string_view value = line.substr(wanted.size());
    while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    values.emplace_back(value);
  }
  return values;
}

inline std::string value_in(std::string_view head, std::string_view name) {
  const auto values = values_in(head, name);
  return values.empty() ? std::string() : values.front();
}

/// Request is the text of one request; fields go out in the order in which they were added.
struct Request {
  std::string method = "GET";
  std::string target = "/";
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;

  static Request get(std::string_view target) { return Request{"GET", std::string(target), {}, {}}; }
  static Request post(std::string_view target, std::string_view type, std::string_view body) {
    Request request{"POST", std::string(target), {}, std::string(body)};
    return request.with("Content-Type", type);
  }
  static Request post_json(std::string_view target, std::string_view body) {
    return post(target, "application/json", body);
  }
  static Request upgrade(std::string_view target) {
    return get(target)
        .with("Upgrade", "websocket")
        .with("Connection", "Upgrade")
        .with("Sec-WebSocket-Version", "13")
        .with("Sec-WebSocket-Key", kWebSocketKey);
  }

  Request with(std::string_view name, std::string_view value) && {
    fields.emplace_back(name, value);
    return std::move(*this);
  }
  Request with(std::string_view name, std::string_view value) const& {
    Request copy = *this;
    copy.fields.emplace_back(name, value);
    return copy;
  }
  Request bearer(std::string_view token) const {
    return with("Authorization", "Bearer " + std::string(token));
  }
  Request navigating() const {
    return with("Accept", "text/html,*/*;q=0.8").with("Sec-Fetch-Mode", "navigate");
  }
  [[nodiscard]] bool has(std::string_view name) const {
    return std::any_of(fields.begin(), fields.end(),
                       [&](const auto& field) { return lowered(field.first) == lowered(name); });
  }

  /// text writes it, with `host` unless a Host was given, and the body's length.
  [[nodiscard]] std::string text(std::string_view host) const {
    std::string out = method + " " + target + " HTTP/1.1\r\n";
    if (!has("Host")) out += "Host: " + std::string(host) + "\r\n";
    for (const auto& [name, value] : fields) out += name + ": " + value + "\r\n";
    if (!body.empty() || method == "POST") out += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return out + "\r\n" + body;
  }
};

/// Answer is what came back. Status 0: nothing, or no HTTP.
struct Answer {
  int status = 0;
  std::string head;
  std::string body;

  static Answer read(std::string_view text) {
    Answer answer;
    const auto end = text.find("\r\n\r\n");
    if (!text.starts_with("HTTP/1.1 ") || end == std::string_view::npos) return answer;
    answer.status = std::atoi(std::string(text.substr(9, 3)).c_str());
    answer.head = text.substr(0, end + 2);
    answer.body = text.substr(end + 4);
    return answer;
  }
  [[nodiscard]] std::string field(std::string_view name) const { return value_in(head, name); }
  [[nodiscard]] std::vector<std::string> all(std::string_view name) const { return values_in(head, name); }
};

/// between gives what stands between two marks; empty where they do not.
inline std::string between(std::string_view text, std::string_view before, std::string_view behind) {
  const auto begin = text.find(before);
  if (begin == std::string_view::npos) return {};
  const auto from = begin + before.size();
  const auto end = text.find(behind, from);
  return end == std::string_view::npos ? std::string() : std::string(text.substr(from, end - from));
}

/// csrf_in finds the hidden field of one of our forms.
inline std::string csrf_in(const Answer& page) { return between(page.body, R"(name="csrf" value=")", "\""); }

}  // namespace sallyport::testing_world
