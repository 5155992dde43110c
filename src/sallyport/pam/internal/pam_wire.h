// SPDX-License-Identifier: Apache-2.0
// What a PamPool and its helper say to each other: one datagram each way for an attempt. Both are the same
// binary, so the form may change at will.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sallyport/pam/pam_pool.h"

namespace sallyport::pam_wire {

inline constexpr int kSocketDescriptor = 3;

/// An attempt is Sizes, the name, the password. The answer is one byte, a PamAnswer.
struct Sizes {
  std::uint16_t name_bytes = 0;
  std::uint16_t password_bytes = 0;
};
inline constexpr std::size_t kAttemptBytesMax = sizeof(Sizes) + kPamNameBytesMax + kPamPasswordBytesMax;

/// A helper's arguments after argv[0]: service, configuration directory, group, users.
inline constexpr int kServiceArgument = 1;
inline constexpr int kDirectoryArgument = 2;
inline constexpr int kGroupArgument = 3;
inline constexpr int kFirstUserArgument = 4;

}  // namespace sallyport::pam_wire
