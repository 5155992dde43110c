// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/http2.h"

#include <array>

namespace sallyport {

std::string_view name_of(Http2Code code) noexcept {
  constexpr std::array<std::string_view, 14> names{"NO_ERROR",
                                                   "PROTOCOL_ERROR",
                                                   "INTERNAL_ERROR",
                                                   "FLOW_CONTROL_ERROR",
                                                   "SETTINGS_TIMEOUT",
                                                   "STREAM_CLOSED",
                                                   "FRAME_SIZE_ERROR",
                                                   "REFUSED_STREAM",
                                                   "CANCEL",
                                                   "COMPRESSION_ERROR",
                                                   "CONNECT_ERROR",
                                                   "ENHANCE_YOUR_CALM",
                                                   "INADEQUATE_SECURITY",
                                                   "HTTP_1_1_REQUIRED"};
  const auto number = static_cast<std::uint32_t>(code);
  return number < names.size() ? names[number] : "UNKNOWN";
}

void Http2Fields::add(std::string_view name, std::string_view value) {
  places_.push_back({static_cast<std::uint32_t>(text_.size()), static_cast<std::uint32_t>(name.size()),
                     static_cast<std::uint32_t>(value.size())});
  text_.append(name).append(value);
}

void Http2Fields::clear() noexcept {
  text_.clear();
  places_.clear();
}

std::string_view Http2Fields::name(std::size_t i) const noexcept {
  const Place& place = places_[i];
  return std::string_view(text_).substr(place.at, place.name_bytes);
}

std::string_view Http2Fields::value(std::size_t i) const noexcept {
  const Place& place = places_[i];
  return std::string_view(text_).substr(place.at + place.name_bytes, place.value_bytes);
}

std::optional<std::string_view> Http2Fields::find(std::string_view wanted) const noexcept {
  for (std::size_t i = 0; i < size(); ++i) {
    if (name(i) == wanted) return value(i);
  }
  return std::nullopt;
}

}  // namespace sallyport
