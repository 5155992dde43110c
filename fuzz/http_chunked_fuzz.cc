// SPDX-License-Identifier: Apache-2.0
// A chunked body reads the same in any pieces, and what was read reads the same when encoded again. The first
// byte is the size of the pieces.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "http_fuzz_check.h"
#include "sallyport/base/text.h"
#include "sallyport/http/body.h"

namespace sallyport {
namespace {

struct Read {
  std::string data;
  BodyStep::State state = BodyStep::State::more;
  ParseFault fault = ParseFault::none;
  std::size_t consumed = 0;
};

Read read_in_pieces(std::string_view text, std::size_t piece) {
  ChunkScanner scanner;
  Read read;
  for (std::size_t end = 0; read.state == BodyStep::State::more && end < text.size();) {
    end = std::min(text.size(), end + piece);
    while (read.consumed < end && read.state == BodyStep::State::more) {
      const BodyStep step = scanner.next(text.substr(read.consumed, end - read.consumed));
      CHECK(step.consumed <= end - read.consumed);
      CHECK(step.state != BodyStep::State::more || step.consumed > 0);
      read.data += step.data;
      read.consumed += step.consumed;
      read.state = step.state;
      read.fault = step.fault;
    }
  }
  CHECK(scanner.ended() == (read.state == BodyStep::State::end));
  return read;
}

}  // namespace
}  // namespace sallyport

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sallyport;
  if (size == 0) return 0;
  const std::string_view text = text_of(data + 1, size - 1);
  const Read whole = read_in_pieces(text, std::max<std::size_t>(text.size(), 1));
  const Read pieces = read_in_pieces(text, std::size_t{data[0]} + 1);
  CHECK(whole.state == pieces.state && whole.fault == pieces.fault && whole.data == pieces.data);
  if (whole.state != BodyStep::State::end) return 0;
  CHECK(whole.consumed == pieces.consumed);
  std::string again;
  if (!whole.data.empty()) again = concat(ChunkHeader(whole.data.size()).text(), whole.data, kChunkEnd);
  again += kBodyEnd;
  const Read second = read_in_pieces(again, again.size());
  CHECK(second.state == BodyStep::State::end && second.consumed == again.size() && second.data == whole.data);
  return 0;
}
