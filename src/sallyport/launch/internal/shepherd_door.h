// SPDX-License-Identifier: Apache-2.0
// The door of a shepherd: where the next gateway finds a tool that outlived the one before.
#pragma once

#include <string>

#include "sallyport/base/time.h"
#include "sallyport/env/posix/descriptor.h"
#include "sallyport/launch/internal/shepherd_wire.h"

namespace sallyport {

/// ShepherdDoor listens on a private Unix socket. One thread.
class ShepherdDoor {
 public:
  ShepherdDoor() = default;
  ShepherdDoor(const ShepherdDoor&) = delete;
  ShepherdDoor& operator=(const ShepherdDoor&) = delete;
  ~ShepherdDoor();

  /// open begins to listen; where that fails there is no door, and the tool ends with its gateway.
  void open(const char* path, std::uint32_t survive_s, std::uint16_t port);
  [[nodiscard]] bool is_open() const noexcept { return static_cast<bool>(socket_); }
  [[nodiscard]] int descriptor() const noexcept { return socket_.get(); }
  [[nodiscard]] Duration survive() const noexcept { return survive_; }
  /// welcome lets one gateway in and greets it; none where nobody came who may, or who still listens.
  [[nodiscard]] Descriptor welcome(pid_t tool) const;
  /// make_room throws the oldest output away before the tool would have to wait for somebody to read it.
  static void make_room();

 private:
  Descriptor socket_;
  std::string path_;
  Duration survive_{};
  std::uint16_t port_ = 0;
};

}  // namespace sallyport
