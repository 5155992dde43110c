// SPDX-License-Identifier: Apache-2.0
#include "sallyport/plugin/yamux_frame.h"

namespace sallyport {
namespace {

constexpr std::uint16_t kKnownFlags = kYamuxSyn | kYamuxAck | kYamuxFin | kYamuxRst;

/// number_at reads `size` bytes in network order.
std::uint32_t number_at(std::string_view bytes, std::size_t at, std::size_t size) noexcept {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

void put(std::array<char, kYamuxHeaderBytes>& out, std::size_t at, std::size_t size,
         std::uint32_t value) noexcept {
  for (std::size_t i = size; i-- > 0; value >>= 8) out[at + i] = static_cast<char>(value & 0xFF);
}

}  // namespace

std::optional<YamuxHeader> YamuxHeader::parse(std::string_view bytes) noexcept {
  if (bytes.size() < kYamuxHeaderBytes || bytes[0] != 0) return std::nullopt;
  const std::uint32_t type = number_at(bytes, 1, 1);
  const std::uint32_t flags = number_at(bytes, 2, 2);
  if (type > static_cast<std::uint32_t>(YamuxType::go_away) || (flags & ~std::uint32_t{kKnownFlags}) != 0)
    return std::nullopt;
  YamuxHeader header;
  header.type = static_cast<YamuxType>(type);
  header.flags = static_cast<std::uint16_t>(flags);
  header.stream = number_at(bytes, 4, 4);
  header.length = number_at(bytes, 8, 4);
  return header;
}

std::array<char, kYamuxHeaderBytes> YamuxHeader::bytes() const noexcept {
  std::array<char, kYamuxHeaderBytes> out{};
  put(out, 1, 1, static_cast<std::uint32_t>(type));
  put(out, 2, 2, flags);
  put(out, 4, 4, stream);
  put(out, 8, 4, length);
  return out;
}

}  // namespace sallyport
