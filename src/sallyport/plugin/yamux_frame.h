// SPDX-License-Identifier: Apache-2.0
// YamuxHeader: the twelve bytes before each frame of yamux, the multiplexing that go-plugin can use between
// host and plugin.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sallyport {

inline constexpr std::size_t kYamuxHeaderBytes = 12;
inline constexpr std::uint32_t kYamuxWindowBytes = 256 * 1024;  ///< of a stream, each way, at its start

enum class YamuxType : std::uint8_t { data = 0, window_update = 1, ping = 2, go_away = 3 };
enum class YamuxGoAway : std::uint32_t { normal = 0, protocol_error = 1, internal_error = 2 };

// Flags: any of them, on data and window updates; on a ping, SYN asks and ACK answers.
inline constexpr std::uint16_t kYamuxSyn = 1;
inline constexpr std::uint16_t kYamuxAck = 2;
inline constexpr std::uint16_t kYamuxFin = 4;
inline constexpr std::uint16_t kYamuxRst = 8;

/// YamuxHeader is a value. `length` is the bytes that follow (data), a delta of the window, a ping's own
/// value, or the reason of a go-away.
struct YamuxHeader {
  YamuxType type = YamuxType::data;
  std::uint16_t flags = 0;
  std::uint32_t stream = 0;
  std::uint32_t length = 0;

  /// parse reads kYamuxHeaderBytes bytes; nullopt for another version, type or flag, or fewer bytes.
  static std::optional<YamuxHeader> parse(std::string_view bytes) noexcept;
  [[nodiscard]] std::array<char, kYamuxHeaderBytes> bytes() const noexcept;
  [[nodiscard]] bool has(std::uint16_t flag) const noexcept { return (flags & flag) != 0; }
};

}  // namespace sallyport
