// SPDX-License-Identifier: Apache-2.0
// The little of protobuf's wire format that gRPC's own services need, so that rpc does without the library.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sallyport {

/// WireReader walks over the fields of one message, untrusted. Groups, which nobody sends any more, are
/// refused like everything else that is malformed.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes) noexcept : bytes_(bytes) {}
  /// next moves to the next field; false at the end and where the rest is malformed: see ok().
  [[nodiscard]] bool next() noexcept;
  [[nodiscard]] bool ok() const noexcept { return ok_; }
  [[nodiscard]] std::uint32_t field() const noexcept { return field_; }
  [[nodiscard]] bool is_bytes() const noexcept { return type_ == 2; }
  /// number is the value of a varint or fixed field; text of a string, bytes or message field.
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  [[nodiscard]] std::string_view text() const noexcept { return text_; }

 private:
  std::optional<std::uint64_t> varint() noexcept;
  bool fixed(unsigned bytes) noexcept;
  bool stop() noexcept;

  std::string_view bytes_;
  bool ok_ = true;
  std::uint32_t field_ = 0;
  std::uint32_t type_ = 0;
  std::uint64_t number_ = 0;
  std::string_view text_;
};

/// wire_put appends a field.
void wire_put(std::string& out, std::uint32_t field, std::uint64_t number);
void wire_put(std::string& out, std::uint32_t field, std::string_view text);

}  // namespace sallyport
