// SPDX-License-Identifier: Apache-2.0
#include "sallyport/http/websocket_frame.h"

#include <algorithm>

namespace sallyport {
namespace {

constexpr std::size_t kReasonBytesMax = 123;
constexpr unsigned kOpcodeClose = 8;

}  // namespace

std::size_t FrameTracker::header_size() const noexcept {
  if (have_ < 2) return 2;
  const unsigned length = header_[1] & 0x7fU;
  const std::size_t extended = length == 126 ? 2 : length == 127 ? 8 : 0;
  return 2 + extended + ((header_[1] & 0x80U) != 0 ? 4 : 0);
}

void FrameTracker::header_done() noexcept {
  const unsigned length = header_[1] & 0x7fU;
  const unsigned opcode = header_[0] & 0x0fU;
  const std::size_t extended = length == 126 ? 2 : length == 127 ? 8 : 0;
  remaining_ = extended == 0 ? length : 0;
  for (std::size_t i = 0; i < extended; ++i) remaining_ = remaining_ << 8U | header_[2 + i];
  const bool control = opcode >= kOpcodeClose;
  broken_ = remaining_ >> 63U != 0 || (control && (length > 125 || (header_[0] & 0x80U) == 0));
  if (opcode == kOpcodeClose) closed_ = true;
  if (!control) ++data_frames_;
  have_ = 0;
}

void FrameTracker::feed(std::string_view bytes) noexcept {
  while (!bytes.empty() && !broken_) {
    if (remaining_ != 0) {
      const auto skipped = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, bytes.size()));
      remaining_ -= skipped;
      bytes.remove_prefix(skipped);
      continue;
    }
    header_[have_++] = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    if (have_ >= 2 && have_ == header_size()) header_done();
  }
}

std::string close_frame(std::uint16_t code, std::string_view reason) {
  const std::string_view kept = reason.substr(0, kReasonBytesMax);
  std::string frame;
  frame.push_back(static_cast<char>(0x80U | kOpcodeClose));
  frame.push_back(static_cast<char>(2 + kept.size()));
  frame.push_back(static_cast<char>(code >> 8U));
  frame.push_back(static_cast<char>(code & 0xffU));
  frame.append(kept);
  return frame;
}

}  // namespace sallyport
