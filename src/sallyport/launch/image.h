// SPDX-License-Identifier: Apache-2.0
// ProgramImage: an executable's content, checked and then run as it was checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "sallyport/base/digest.h"
#include "sallyport/base/result.h"
#include "sallyport/env/posix/descriptor.h"

namespace sallyport {

inline constexpr std::size_t kImageBytesMax = std::size_t{1} << 30;

/// ProgramImage is a copy of an executable in sealed memory. It promises that what runs is what was checked:
/// neither another file put in the place, nor a write into the same file, comes between. What it does not:
/// the libraries that a program loads and the interpreter of a script are not in it. The program finds its
/// own path to be a memory file. Any thread.
class ProgramImage {
 public:
  /// pinned copies the file at `path`, found by `search` (a list with ':') where it has no '/', and takes it
  /// only if its SHA-256 is `expected`: permission_denied otherwise, with the sum that it has. Errors
  /// besides: those of find_program, exhausted (more than kImageBytesMax), unavailable.
  static Result<ProgramImage> pinned(const std::string& path, std::string_view search,
                                     const Digest& expected);

  enum class Kind : std::uint8_t { binary, script };  ///< a script begins with "#!"
  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  [[nodiscard]] const Descriptor& descriptor() const noexcept { return memory_; }

 private:
  ProgramImage(Descriptor memory, Kind kind) : memory_(std::move(memory)), kind_(kind) {}
  Descriptor memory_;
  Kind kind_;
};

}  // namespace sallyport
