// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "sallyport/net/testing/memory_network.h"
#include "sallyport/net/testing/test_loop.h"
#include "sallyport/plugin/yamux.h"

namespace {

using namespace sallyport;

Task<void> run(std::shared_ptr<YamuxSession> session) { co_await YamuxSession::run(std::move(session)); }

}  // namespace

// Whatever comes on the wire, the streams stay within their number, and all ends when the wire does. Every
// other stream that is accepted is read and written; the rest is closed at once.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  TestLoop loop;
  StreamPair pair = memory_pair(loop.loop, ConnectionFacts(), {});
  std::vector<std::unique_ptr<Stream>> kept;
  bool keep = false;
  const auto session = YamuxSession::make(loop.loop, std::move(pair.server), YamuxRole::server,
                                          [&](std::unique_ptr<Stream> stream) {
                                            keep = !keep;
                                            if (keep) kept.push_back(std::move(stream));
                                          });
  loop.loop.spawn(run(session));
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  std::vector<char> room(4096);
  while (!rest.empty()) {
    const IoResult put = pair.client->try_write(rest);
    if (put.state == IoState::failed) break;
    rest.remove_prefix(put.bytes);
    loop.loop.run_until_idle();
    while (pair.client->try_read(room).state == IoState::done) {
    }
    for (const auto& stream : kept) {
      stream->try_read(room);
      stream->try_write("answer");
    }
    if (session->streams() > kYamuxStreamsMax) std::abort();
  }
  pair.client.reset();
  loop.loop.run_until_idle();
  if (!session->over()) std::abort();
  kept.clear();
  return 0;
}
