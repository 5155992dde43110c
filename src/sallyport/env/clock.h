// SPDX-License-Identifier: Apache-2.0
// The powers to read time and to draw randomness, as narrow interfaces. Only apps/ makes the real ones.
#pragma once

#include <cstddef>
#include <span>

#include "sallyport/base/time.h"

namespace sallyport {

/// Clock tells the wall time. Any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual WallTime now() const = 0;
};

/// MonotonicClock tells boot time: it never jumps, and goes on while the machine sleeps. Any thread.
class MonotonicClock {
 public:
  virtual ~MonotonicClock() = default;
  [[nodiscard]] virtual MonotonicTime now() const = 0;
};

/// Entropy fills bytes from a cryptographically secure source, whole or not at all: where the source fails
/// the process aborts, since no caller could go on safely. Any thread.
class Entropy {
 public:
  virtual ~Entropy() = default;
  virtual void fill(std::span<std::byte> out) = 0;
};

}  // namespace sallyport
