// SPDX-License-Identifier: Apache-2.0
#include "sallyport/http/body.h"

#include <algorithm>

#include "sallyport/http/internal/bytes.h"

namespace sallyport {

BodyStep ChunkScanner::next(std::string_view bytes) noexcept {
  if (state_ == State::ended) return {BodyStep::State::end, 0, {}, ParseFault::none};
  std::size_t at = 0;
  while (at < bytes.size() && state_ != State::ended && state_ != State::broken) {
    if (state_ == State::data) {
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, bytes.size() - at));
      remaining_ -= size;
      if (remaining_ == 0) state_ = State::data_return;
      return {BodyStep::State::more, at + size, bytes.substr(at, size), ParseFault::none};
    }
    fault_ = take(static_cast<unsigned char>(bytes[at]));
    if (fault_ != ParseFault::none) state_ = State::broken;
    ++at;
  }
  if (state_ == State::broken) return {BodyStep::State::refused, 0, {}, fault_};
  return {state_ == State::ended ? BodyStep::State::end : BodyStep::State::more, at, {}, ParseFault::none};
}

ParseFault ChunkScanner::take(unsigned char byte) noexcept {
  if (state_ <= State::size) return take_size(byte);
  if (state_ <= State::size_line_feed) return take_extension(byte);
  if (state_ >= State::trailer_first) return take_trailer(byte);
  const bool wanted = state_ == State::data_return ? byte == '\r' : byte == '\n';
  if (!wanted) return ParseFault::chunk_ending;
  if (state_ == State::data_return) {
    state_ = State::data_line_feed;
  } else {
    state_ = State::size_first;
    digits_ = 0;
  }
  return ParseFault::none;
}

ParseFault ChunkScanner::take_size(unsigned char byte) noexcept {
  const char c = static_cast<char>(byte);
  if (byte_is(c, kByteHex)) {
    if (++digits_ > kChunkSizeDigitsMax) return ParseFault::chunk_size;
    remaining_ = (state_ == State::size_first ? 0 : remaining_ << 4U) | hex_value(c);
    state_ = State::size;
    return ParseFault::none;
  }
  if (state_ == State::size_first) return ParseFault::chunk_size;
  if (c == '\r')
    state_ = State::size_line_feed;
  else if (c == ';')
    state_ = State::extension_name_first;
  else
    return ParseFault::chunk_size;
  extension_bytes_ = 0;
  return ParseFault::none;
}

/// chunk-ext = *( ";" token [ "=" ( token / quoted-string ) ] ), RFC 9112 section 7.1.1; the blanks of its
/// BWS, which nobody sends and others read differently, are refused.
ParseFault ChunkScanner::take_extension(unsigned char byte) noexcept {
  const char c = static_cast<char>(byte);
  if (state_ == State::size_line_feed) {
    if (c != '\n') return ParseFault::line_ending;
    size_line_done();
    return ParseFault::none;
  }
  if (++extension_bytes_ > kChunkExtensionBytesMax || ++overhead_bytes_ > kBodyExtensionBytesMax)
    return ParseFault::chunk_extension;
  const bool token = byte_is(c, kByteToken);
  switch (state_) {
    case State::extension_quoted:
      if (c == '"')
        state_ = State::extension_after_quoted;
      else if (c == '\\')
        state_ = State::extension_escaped;
      return byte_is(c, kByteValue) ? ParseFault::none : ParseFault::chunk_extension;
    case State::extension_escaped:
      state_ = State::extension_quoted;
      return byte_is(c, kByteValue) ? ParseFault::none : ParseFault::chunk_extension;
    case State::extension_name_first:
      state_ = State::extension_name;
      return token ? ParseFault::none : ParseFault::chunk_extension;
    case State::extension_value_first:
      state_ = c == '"' ? State::extension_quoted : State::extension_value;
      return token || c == '"' ? ParseFault::none : ParseFault::chunk_extension;
    default:
      break;
  }
  if (token && state_ != State::extension_after_quoted) return ParseFault::none;
  if (c == '=' && state_ == State::extension_name)
    state_ = State::extension_value_first;
  else if (c == ';')
    state_ = State::extension_name_first;
  else if (c == '\r')
    state_ = State::size_line_feed;
  else
    return ParseFault::chunk_extension;
  return ParseFault::none;
}

void ChunkScanner::size_line_done() noexcept {
  if (remaining_ != 0) {
    state_ = State::data;
    return;
  }
  state_ = State::trailer_first;
  overhead_bytes_ = 0;
}

ParseFault ChunkScanner::take_trailer(unsigned char byte) noexcept {
  const char c = static_cast<char>(byte);
  if (++overhead_bytes_ > kTrailerBytesMax) return ParseFault::trailer;
  switch (state_) {
    case State::trailer_first:
      state_ = c == '\r' ? State::last_line_feed : State::trailer_name;
      return c == '\r' || byte_is(c, kByteToken) ? ParseFault::none : ParseFault::trailer;
    case State::trailer_name:
      if (c == ':') state_ = State::trailer_value;
      return c == ':' || byte_is(c, kByteToken) ? ParseFault::none : ParseFault::trailer;
    case State::trailer_value:
      if (c == '\r') state_ = State::trailer_line_feed;
      return c == '\r' || byte_is(c, kByteValue) ? ParseFault::none : ParseFault::trailer;
    default:
      state_ = state_ == State::last_line_feed ? State::ended : State::trailer_first;
      return c == '\n' ? ParseFault::none : ParseFault::line_ending;
  }
}

BodyStep BodyScanner::next(std::string_view bytes) noexcept {
  switch (framing_) {
    case Framing::chunked:
      return chunks_.next(bytes);
    case Framing::until_close:
      return {BodyStep::State::more, bytes.size(), bytes, ParseFault::none};
    case Framing::none:
    case Framing::length:
      break;
  }
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, bytes.size()));
  remaining_ -= size;
  return {remaining_ == 0 ? BodyStep::State::end : BodyStep::State::more, size, bytes.substr(0, size),
          ParseFault::none};
}

bool BodyScanner::ended() const noexcept {
  switch (framing_) {
    case Framing::chunked:
      return chunks_.ended();
    case Framing::until_close:
      return false;
    case Framing::none:
    case Framing::length:
      break;
  }
  return remaining_ == 0;
}

ChunkHeader::ChunkHeader(std::size_t data_bytes) noexcept : start_(text_.size()) {
  constexpr std::string_view digits = "0123456789abcdef";
  text_[--start_] = '\n';
  text_[--start_] = '\r';
  do {
    text_[--start_] = digits[data_bytes & 15U];
    data_bytes >>= 4U;
  } while (data_bytes != 0);
}

}  // namespace sallyport
