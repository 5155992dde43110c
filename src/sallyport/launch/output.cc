// SPDX-License-Identifier: Apache-2.0
#include "sallyport/launch/output.h"

#include <algorithm>
#include <utility>

namespace sallyport {
namespace {

constexpr std::size_t kRedactedBytesMin = 8;

/// utf8_length returns the bytes of the well-formed UTF-8 sequence (RFC 3629 section 4) at the front, 0 where
/// there is none.
std::size_t utf8_length(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto in = [&](std::size_t i, unsigned low, unsigned high) {
    return byte(i) >= low && byte(i) <= high;
  };
  const auto tail = [&](std::size_t i) { return in(i, 0x80, 0xBF); };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF && tail(1)) return 2;
  const unsigned low3 = first == 0xE0 ? 0xA0 : 0x80;
  const unsigned high3 = first == 0xED ? 0x9F : 0xBF;
  if ((first & 0xF0U) == 0xE0 && in(1, low3, high3) && tail(2)) return 3;
  const unsigned low4 = first == 0xF0 ? 0x90 : 0x80;
  const unsigned high4 = first == 0xF4 ? 0x8F : 0xBF;
  if (first >= 0xF0 && first <= 0xF4 && in(1, low4, high4) && tail(2) && tail(3)) return 4;
  return 0;
}

/// escape_sequence_length returns the bytes of a terminal's escape sequence (ECMA-48) at the front: CSI, OSC
/// and the two-byte ones.
std::size_t escape_sequence_length(std::string_view text) noexcept {
  if (text.size() < 2) return text.size();
  if (text[1] == '[') {
    std::size_t end = 2;
    while (end < text.size() && text[end] >= 0x20 && text[end] < 0x40) ++end;
    return std::min(end + 1, text.size());
  }
  if (text[1] == ']') {
    std::size_t end = 2;
    while (end < text.size() && text[end] >= 0x20) ++end;
    return end < text.size() && text[end] == '\a' ? end + 1 : end;
  }
  return text[1] >= 0x20 && text[1] < 0x7F ? 2 : 1;
}

bool is_shown_control(char c) noexcept { return c == '\n' || c == '\t'; }

}  // namespace

void OutputRing::append(std::string_view bytes) {
  bytes_seen_ += bytes.size();
  if (bytes.size() > capacity_bytes_) bytes.remove_prefix(bytes.size() - capacity_bytes_);
  const auto grown = std::min(bytes.size(), capacity_bytes_ - ring_.size());
  ring_.append(bytes.substr(0, grown));
  bytes.remove_prefix(grown);
  for (const char c : bytes) {
    ring_[next_] = c;
    next_ = (next_ + 1) % capacity_bytes_;
  }
}

std::string OutputRing::tail(std::size_t bytes_max) const {
  std::string whole = ring_.substr(next_) + ring_.substr(0, next_);
  if (whole.size() <= bytes_max && bytes_seen_ <= capacity_bytes_) return whole;
  if (whole.size() > bytes_max) whole.erase(0, whole.size() - bytes_max);
  const auto newline = whole.find('\n');
  if (newline != std::string::npos && newline + 1 < whole.size()) whole.erase(0, newline + 1);
  return whole;
}

void OutputRing::clear() noexcept {
  ring_.clear();
  next_ = 0;
  bytes_seen_ = 0;
}

std::string harmless(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const char c = text.front();
    if (c == '\x1B') {
      text.remove_prefix(escape_sequence_length(text));
      continue;
    }
    // C1 controls (U+0080 to U+009F) steer terminals just as C0 does.
    const bool c1 = c == '\xC2' && text.size() > 1 && static_cast<unsigned char>(text[1]) < 0xA0;
    const auto length = utf8_length(text);
    if (length == 0 || c1 ||
        (length == 1 && !is_shown_control(c) && (static_cast<unsigned char>(c) < 0x20 || c == 0x7F))) {
      if (c != '\r') out += '?';
      text.remove_prefix(c1 && length == 2 ? 2 : 1);
      continue;
    }
    out.append(text.substr(0, length));
    text.remove_prefix(length);
  }
  return out;
}

std::string redacted(std::string_view text, std::span<const SecretText* const> secrets) {
  std::string out(text);
  for (const auto* secret : secrets) {
    if (secret == nullptr || secret->size() < kRedactedBytesMin) continue;
    for (auto at = out.find(secret->expose()); at != std::string::npos; at = out.find(secret->expose(), at)) {
      out.replace(at, secret->size(), "[redacted]");
      at += std::string_view("[redacted]").size();
    }
  }
  return out;
}

std::vector<std::string> LineSplitter::feed(std::string_view bytes) {
  std::vector<std::string> lines;
  while (!bytes.empty()) {
    const auto newline = bytes.find('\n');
    const auto room = kOutputLineBytesMax - pending_.size();
    const auto take = std::min(std::min(newline, bytes.size()), room);
    pending_.append(bytes.substr(0, take));
    bytes.remove_prefix(take);
    const bool ended = !bytes.empty() && bytes.front() == '\n';
    if (!ended && pending_.size() < kOutputLineBytesMax) break;
    if (ended) bytes.remove_prefix(1);
    lines.push_back(std::move(pending_));
    pending_.clear();
  }
  return lines;
}

std::string LineSplitter::rest() { return std::exchange(pending_, {}); }

}  // namespace sallyport
