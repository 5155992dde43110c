// SPDX-License-Identifier: Apache-2.0
// Listening: sockets that are opened with care, and the loop that accepts from them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sallyport/base/address.h"
#include "sallyport/base/result.h"
#include "sallyport/env/posix/descriptor.h"
#include "sallyport/net/limiter.h"
#include "sallyport/net/loop.h"
#include "sallyport/net/relaxed_count.h"
#include "sallyport/net/stream.h"
#include "sallyport/net/task.h"

namespace sallyport {

inline constexpr int kListenBacklog = 4096;
/// After this many accepted in a row the loop's other work gets its turn.
inline constexpr std::size_t kAcceptsInRowMax = 64;
inline constexpr Duration kAcceptBackOff = std::chrono::milliseconds(100);

/// SocketFile removes a Unix socket's file when it dies, if the file is still the one that was bound. It
/// holds that file open (O_PATH), so that no other can have its inode number meanwhile.
class SocketFile {
 public:
  SocketFile(std::string path, Descriptor bound) : path_(std::move(path)), bound_(std::move(bound)) {}
  SocketFile(const SocketFile&) = delete;
  SocketFile& operator=(const SocketFile&) = delete;
  ~SocketFile();

 private:
  std::string path_;
  Descriptor bound_;
};

/// OpenedDoor is where connections arrive: one listening socket per loop, for one address. A resource that
/// moves.
struct OpenedDoor {
  std::vector<Descriptor> sockets;
  SocketAddress address;  ///< as bound: port 0 has become the real one
  std::unique_ptr<SocketFile> file;
};

/// open_door binds and listens, with one socket for each of `loops` loops.
/// TCP: exclusive, so that another program's listener on the port is an error; with several loops the sockets
/// share the port among themselves (SO_REUSEPORT) after the port has proved free. Unix: the socket's
/// directory must be ours and closed to everybody else (mode 0700); the socket has mode 0600 from its first
/// moment. What lies at the path is replaced only if it is a socket of ours that nobody serves any more.
/// Errors, with the remedy: already_exists (address in use, live socket, other file there), permission_denied
/// (directory open to others or not ours, foreign socket, low port), invalid_argument (path too long),
/// not_found (no such directory or address), exhausted.
Result<OpenedDoor> open_door(const SocketAddress& address, std::size_t loops);
/// inherit_door takes over a listening socket that this process was started with ("fd:N"): invalid_argument
/// where `fd` is none. For several loops it is duplicated.
Result<OpenedDoor> inherit_door(int fd, std::size_t loops);

/// AcceptCounters are for tests and metrics: counted on the loop's thread, read on any.
struct AcceptCounters {
  RelaxedCount accepted;
  RelaxedCount refused_total;     ///< the total cap was reached
  RelaxedCount refused_per_peer;  ///< that peer's cap was reached
  RelaxedCount out_of_descriptors;
  RelaxedCount failed;  ///< anything else; the listener goes on
};

/// Listener accepts on one loop until it is closed or destroyed. When descriptors run out it gives up a spare
/// one to accept and close whoever waits, so that they see an end instead of a silence, counts it, and backs
/// off.
class Listener {
 public:
  using OnConnection = std::function<void(std::unique_ptr<Stream>)>;
  /// `socket` is one of an OpenedDoor's; `on_connection` gets each connection, on the loop; `limiter`
  /// outlives every stream.
  Listener(Loop& loop, Descriptor socket, SocketAddress address, ConnectionLimiter& limiter,
           OnConnection on_connection);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener();

  /// start begins to accept. Fails with exhausted where the kernel refuses to watch the socket.
  Status start();
  /// close stops accepting; connections live on. Those that wait in the backlog are reset by the kernel.
  void close() noexcept;
  [[nodiscard]] const SocketAddress& address() const noexcept { return address_; }
  [[nodiscard]] const AcceptCounters& counters() const noexcept;

 private:
  struct Work;
  static Task<void> accept_all(std::shared_ptr<Work> work);
  static void accept_one(Work& work);
  static void on_accept_error(Work& work, int error);
  SocketAddress address_;
  std::shared_ptr<Work> work_;  ///< shared with the accepting task, which outlives this by a turn
};

}  // namespace sallyport
