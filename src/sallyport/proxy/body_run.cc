// SPDX-License-Identifier: Apache-2.0
#include "sallyport/proxy/body_run.h"

namespace sallyport {

void BodyRun::start_with(std::string_view head) noexcept {
  count_ = next_ = data_bytes_ = 0;
  broken_ = false;
  if (!head.empty()) pieces_[count_++] = head;
}

std::size_t BodyRun::gather(BodyScanner& scanner, std::string_view bytes, OutFraming framing) noexcept {
  const bool chunked = framing == OutFraming::chunked;
  const std::size_t header_at = count_;
  if (chunked) ++count_;
  std::size_t used = 0;
  while (!scanner.ended() && used < bytes.size() && count_ + kFramePieces <= kPiecesMax) {
    const BodyStep step = scanner.next(bytes.substr(used));
    if (step.state == BodyStep::State::refused) {
      broken_ = true;
      break;
    }
    used += step.consumed;
    data_bytes_ += step.data.size();
    if (!step.data.empty()) pieces_[count_++] = step.data;
  }
  if (!chunked) return used;
  if (data_bytes_ == 0) {
    count_ = header_at;
  } else {
    chunk_.emplace(data_bytes_);
    pieces_[header_at] = chunk_->text();
    pieces_[count_++] = kChunkEnd;
  }
  if (scanner.ended()) pieces_[count_++] = kBodyEnd;
  return used;
}

void BodyRun::drop_sent(std::size_t bytes) noexcept {
  while (next_ < count_ && bytes >= pieces_[next_].size()) bytes -= pieces_[next_++].size();
  if (next_ < count_) pieces_[next_].remove_prefix(bytes);
}

bool BodyRun::try_send(Stream& to, IoState& state) {
  if (sent()) return true;
  const bool single = count_ - next_ == 1;
  const IoResult result = single ? to.try_write(pieces_[next_]) : to.try_write_pieces(pieces(), More::no);
  state = result.state;
  if (result.state == IoState::done) drop_sent(result.bytes);
  return sent();
}

}  // namespace sallyport
