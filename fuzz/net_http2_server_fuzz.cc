// SPDX-License-Identifier: Apache-2.0
// Frames into the server's end of HTTP/2. The first byte says how the rest is cut into reads, and whether the
// preface is put before it. Whatever comes: no crash, and what is kept stays within the windows.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "sallyport/net/http2_session.h"

namespace {

using namespace sallyport;

class Answerer final : public Http2Events {
 public:
  void on_fields(Http2StreamId stream, Http2Fields&& fields, Http2Part part, Http2End end) override {
    if (fields.bytes() > limits.fields_bytes_max) std::abort();
    if (part != Http2Part::head) return;
    const std::vector<Http2Field> answer{{":status", "200"}};
    session->respond(stream, answer, end);
  }
  void on_data(Http2StreamId stream, std::string_view bytes) override {
    held += bytes.size();
    if (held > limits.connection_window_bytes) std::abort();
    if (stream % 4 != 1) return;
    session->consume(stream, bytes.size());
    held -= bytes.size();
    session->send(stream, bytes);
  }
  void on_end(Http2StreamId stream) override { session->finish(stream, {}); }
  void on_sent(Http2StreamId, std::size_t) override {}
  void on_closed(Http2StreamId, Http2Code) override { held = 0; }
  void on_goaway(Http2StreamId, Http2Code, std::string_view) override {}
  Http2Limits limits;
  Http2Session* session = nullptr;
  std::size_t held = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  Answerer answerer;
  Http2Session session(Http2Role::server, answerer.limits, answerer);
  answerer.session = &session;
  MonotonicTime now{std::chrono::seconds(1)};
  std::string out;
  bool goes_on = true;
  if ((data[0] & 1) != 0) goes_on = session.receive("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", now);
  const std::size_t step = (data[0] >> 1) == 0 ? size : data[0] >> 1;
  for (std::size_t at = 1; goes_on && at < size; at += step) {
    const std::size_t count = step < size - at ? step : size - at;
    goes_on = session.receive({reinterpret_cast<const char*>(data) + at, count}, now);
    out.clear();
    session.collect(out, SIZE_MAX);
    now += std::chrono::milliseconds(1);
  }
  return 0;
}
