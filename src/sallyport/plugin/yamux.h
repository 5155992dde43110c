// SPDX-License-Identifier: Apache-2.0
// YamuxSession: many streams on one connection, by yamux.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "sallyport/base/result.h"
#include "sallyport/net/loop.h"
#include "sallyport/net/stream.h"
#include "sallyport/net/task.h"
#include "sallyport/plugin/yamux_frame.h"

namespace sallyport {

inline constexpr std::size_t kYamuxStreamsMax = 256;                       ///< more are reset
inline constexpr std::size_t kYamuxUnsentBytesMax = std::size_t{1} << 18;  ///< beyond, writers wait
/// What the other side makes us answer (pings, resets) may add this much, and then it is cut off.
inline constexpr std::size_t kYamuxAnswersBytesMax = std::size_t{1} << 16;

/// YamuxRole is an end: the client's streams have odd numbers.
enum class YamuxRole : std::uint8_t { client, server };
/// YamuxEnding is why a session ended.
enum class YamuxEnding : std::uint8_t {
  closed,    ///< the other side ended the connection, or it broke
  ours,      ///< close()
  protocol,  ///< the other side broke the rules, or made us answer without end
};

class YamuxStream;

/// YamuxSession is on its loop. Made by a shared_ptr, which its run() and its streams share. It sends no
/// pings and answers those that come.
class YamuxSession : public std::enable_shared_from_this<YamuxSession> {
 public:
  using OnStream = std::function<void(std::unique_ptr<Stream>)>;
  /// `on_stream` gets each stream that the other side opens; it may call open() and close().
  static std::shared_ptr<YamuxSession> make(Loop& loop, std::unique_ptr<Stream> carrier, YamuxRole role,
                                            OnStream on_stream);
  YamuxSession(const YamuxSession&) = delete;
  YamuxSession& operator=(const YamuxSession&) = delete;
  ~YamuxSession();

  /// run reads until the session ends; then every stream reads and writes `failed`.
  static Task<YamuxEnding> run(std::shared_ptr<YamuxSession> session);
  /// open begins a stream; nothing is waited for. Errors: unavailable (the session is over or going away),
  /// exhausted (kYamuxStreamsMax).
  Result<std::unique_ptr<Stream>> open();
  /// close ends the session, with a word to the other side where there is room for it.
  void close();
  [[nodiscard]] bool over() const noexcept { return life_ != Life::open; }
  [[nodiscard]] std::size_t streams() const noexcept { return streams_.size(); }

 private:
  friend class YamuxStream;
  enum class Life : std::uint8_t { open, ending };
  /// Entry is a stream's number while either side may still use it. `stream` null: ours has been closed.
  struct Entry {
    YamuxStream* stream = nullptr;
  };
  YamuxSession(Loop& loop, std::unique_ptr<Stream> carrier, YamuxRole role, OnStream on_stream);
  std::unique_ptr<Stream> add(std::uint32_t id);
  bool take(std::string_view bytes);
  bool take_header(const YamuxHeader& header);
  bool take_stream_frame(const YamuxHeader& header);
  bool accept(std::uint32_t id);
  void take_payload(std::string_view bytes);
  void send(const YamuxHeader& header, std::string_view payload = {});
  void flush();
  void wake_writers();
  [[nodiscard]] std::size_t room() const noexcept;
  void end(YamuxEnding why);
  void drop_streams();
  static Task<void> write_out(YamuxSession& self);

  Loop& loop_;
  std::unique_ptr<Stream> carrier_;
  YamuxRole role_;
  OnStream on_stream_;
  std::map<std::uint32_t, Entry> streams_;
  std::uint32_t next_id_;
  std::uint32_t last_peer_id_ = 0;
  std::string header_room_;         ///< a header that has come in part
  std::uint32_t payload_left_ = 0;  ///< of the data frame that is coming in
  std::uint32_t payload_stream_ = 0;
  bool fin_follows_ = false;  ///< once that frame is whole
  std::string unsent_;
  std::size_t sent_ = 0;  ///< of unsent_
  Signal more_;
  bool writing_ = false;
  enum class Peer : std::uint8_t { open, going_away } peer_ = Peer::open;
  Life life_ = Life::open;
  YamuxEnding ending_ = YamuxEnding::closed;
};

}  // namespace sallyport
