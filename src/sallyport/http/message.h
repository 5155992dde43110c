// SPDX-License-Identifier: Apache-2.0
// RequestHead and ResponseHead: what the parser found, as views into the connection's read buffer. They die
// when that buffer moves or is given back; nothing of a head outlives its exchange without a copy.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "sallyport/http/header_id.h"
#include "sallyport/http/target.h"

namespace sallyport {

enum class Method : std::uint8_t { get, head, post, put, del, options, patch, trace, connect, other };
enum class Version : std::uint8_t { http10, http11 };
/// Framing says where the body ends. `until_close` is for responses only.
enum class Framing : std::uint8_t { none, length, chunked, until_close };
/// Upgrade: `websocket` is exactly that one token, in HTTP/1.1, with the connection option; `other` is
/// anything else asked for.
enum class Upgrade : std::uint8_t { none, websocket, other };

/// kHeaderCountMax fields fit into a head; a limit may only be smaller.
inline constexpr std::size_t kHeaderCountMax = 100;
/// kHeadBytesMax is the default limit of a whole head; kHeadBytesCeiling what a limit may be raised to.
inline constexpr std::size_t kHeadBytesMax = 32768;
inline constexpr std::size_t kHeadBytesCeiling = 65535;

/// kContentLengthMax leaves room for sums in signed 64 bits.
inline constexpr std::uint64_t kContentLengthMax = (std::uint64_t{1} << 62U) - 1;

/// HeaderField is one field line in 16 bytes.
class HeaderField {
 public:
  HeaderField() = default;  // left uninitialised: HeaderFields hands out only what was added
  HeaderField(std::string_view name, std::string_view value, FieldClass kind) noexcept
      : start_(name.data()),
        name_size_(static_cast<std::uint16_t>(name.size())),
        value_offset_(static_cast<std::uint16_t>(value.data() - name.data())),
        value_size_(static_cast<std::uint16_t>(value.size())),
        id_(kind.id),
        flags_(kind.flags) {}

  [[nodiscard]] std::string_view name() const noexcept { return {start_, name_size_}; }
  /// value has no blanks at either end.
  [[nodiscard]] std::string_view value() const noexcept { return {start_ + value_offset_, value_size_}; }
  [[nodiscard]] HeaderId id() const noexcept { return id_; }
  [[nodiscard]] bool has(FieldFlag flag) const noexcept {
    return (flags_ & static_cast<std::uint8_t>(flag)) != 0;
  }
  /// flags are the FieldFlag bits; zero means that the field goes through as it is.
  [[nodiscard]] std::uint8_t flags() const noexcept { return flags_; }
  void add(FieldFlag flag) noexcept {
    flags_ = static_cast<std::uint8_t>(flags_ | static_cast<std::uint8_t>(flag));
  }

 private:
  const char* start_;
  std::uint16_t name_size_;
  std::uint16_t value_offset_;
  std::uint16_t value_size_;
  HeaderId id_;
  std::uint8_t flags_;
};
static_assert(sizeof(HeaderField) == 16);

/// HeaderFields holds the fields of one head in the order of arrival, without heap. find() is one array
/// access.
class HeaderFields {
 public:
  HeaderFields() = default;
  HeaderFields(const HeaderFields&) = delete;
  HeaderFields& operator=(const HeaderFields&) = delete;

  [[nodiscard]] std::span<const HeaderField> all() const noexcept { return {fields_.data(), count_}; }
  [[nodiscard]] const HeaderField* begin() const noexcept { return fields_.data(); }
  [[nodiscard]] const HeaderField* end() const noexcept { return fields_.data() + count_; }
  [[nodiscard]] std::size_t size() const noexcept { return count_; }

  /// find returns the first field of that id, or nullptr. Not for `other`.
  [[nodiscard]] const HeaderField* find(HeaderId id) const noexcept {
    const std::uint8_t place = first_[static_cast<std::size_t>(id)];
    return place == 0 ? nullptr : &fields_[place - 1U];
  }
  [[nodiscard]] bool has(HeaderId id) const noexcept { return first_[static_cast<std::size_t>(id)] != 0; }
  /// value_of returns the first value, empty where there is none; has() tells the two apart.
  [[nodiscard]] std::string_view value_of(HeaderId id) const noexcept {
    const HeaderField* field = find(id);
    return field == nullptr ? std::string_view{} : field->value();
  }
  /// has_flag tells whether any field carries the flag, e.g. `forwarded` for local trust.
  [[nodiscard]] bool has_flag(FieldFlag flag) const noexcept {
    return (flags_seen_ & static_cast<std::uint8_t>(flag)) != 0;
  }

  // For parsers.
  void clear() noexcept {
    count_ = 0;
    flags_seen_ = 0;
    first_ = {};
  }
  /// add appends one field; the caller has checked that size() < kHeaderCountMax.
  void add(const HeaderField& field) noexcept {
    fields_[count_++] = field;
    flags_seen_ = static_cast<std::uint8_t>(flags_seen_ | field.flags());
    std::uint8_t& place = first_[static_cast<std::size_t>(field.id())];
    if (place == 0) place = count_;
  }
  void flag(std::size_t index, FieldFlag flag) noexcept {
    fields_[index].add(flag);
    flags_seen_ = static_cast<std::uint8_t>(flags_seen_ | static_cast<std::uint8_t>(flag));
  }

 private:
  std::array<HeaderField, kHeaderCountMax> fields_;
  std::array<std::uint8_t, kHeaderIdCount> first_{};  // 1 + index of the first field of an id
  std::uint8_t count_ = 0;
  std::uint8_t flags_seen_ = 0;
};

/// RequestHead is about 2 KiB: keep it where an idle connection gives it back. Neither copied nor moved.
struct RequestHead {
  Method method = Method::other;
  Version version = Version::http11;
  Framing framing = Framing::none;
  Upgrade upgrade = Upgrade::none;
  bool keep_alive = false;        ///< what the client asked for
  bool expects_continue = false;  ///< Expect: 100-continue, in HTTP/1.1
  std::uint64_t content_length = 0;
  std::string_view method_text;
  Target target;
  HeaderFields fields;
};

/// ResponseHead is what a backend answered.
struct ResponseHead {
  std::uint16_t status = 0;
  Version version = Version::http11;
  Framing framing = Framing::none;
  Upgrade upgrade = Upgrade::none;   ///< of a 101 only
  bool keep_alive = false;           ///< the connection may be used again after the body's end
  std::uint64_t content_length = 0;  ///< also where framing is none: answer to HEAD, 304
  std::string_view reason;
  HeaderFields fields;

  [[nodiscard]] bool is_interim() const noexcept { return status >= 100 && status < 200 && status != 101; }
};

/// name_of returns the method's token; empty for `other`, whose text is in the head.
std::string_view name_of(Method method) noexcept;
/// method_of reads a token; methods are case-sensitive (RFC 9110 section 9.1).
Method method_of(std::string_view token) noexcept;

}  // namespace sallyport
