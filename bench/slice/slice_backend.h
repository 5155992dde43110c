// SPDX-License-Identifier: Apache-2.0
// The tool behind the slice: a child process on a free port, as `sallyport run` would start it.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "sallyport/base/address.h"
#include "sallyport/base/result.h"

namespace sallyport {

/// SliceBackend is a started child; it gets TERM when this object dies.
class SliceBackend {
 public:
  /// start runs `command` with {port} and {socket} filled in, and waits until it accepts connections.
  static Result<SliceBackend> start(std::vector<std::string> command, const std::string& state_folder);
  SliceBackend(SliceBackend&& other) noexcept : pid_(other.pid_), address_(std::move(other.address_)) {
    other.pid_ = -1;
  }
  SliceBackend& operator=(SliceBackend&&) = delete;
  ~SliceBackend();
  [[nodiscard]] const SocketAddress& address() const noexcept { return address_; }

 private:
  SliceBackend(pid_t pid, SocketAddress address) : pid_(pid), address_(std::move(address)) {}
  pid_t pid_;
  SocketAddress address_;
};

}  // namespace sallyport
