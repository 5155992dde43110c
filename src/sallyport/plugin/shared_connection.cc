// SPDX-License-Identifier: Apache-2.0
#include "sallyport/plugin/shared_connection.h"

#include <utility>

namespace sallyport {

void SharedConnection::begin(Loop& loop, std::unique_ptr<Stream> carrier, YamuxRole role,
                             YamuxSession::OnStream on_stream, std::function<void(YamuxEnding)> on_end) {
  session_ = YamuxSession::make(loop, std::move(carrier), role, std::move(on_stream));
  loop.spawn(run(session_, std::move(on_end)));
}

Task<void> SharedConnection::run(std::shared_ptr<YamuxSession> session,
                                 std::function<void(YamuxEnding)> on_end) {
  const YamuxEnding ending = co_await YamuxSession::run(session);
  on_end(ending);
}

Result<std::unique_ptr<Stream>> SharedConnection::open() {
  if (!session_) return fail(Code::unavailable, "the other side has not connected yet");
  return session_->open();
}

void SharedConnection::close() {
  if (session_) session_->close();
}

}  // namespace sallyport
