// SPDX-License-Identifier: Apache-2.0
// What the http fuzz targets share: a check that stops the program in every build type.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

/// CHECK names the broken promise and aborts, so that the fuzzer keeps the input.
#define CHECK(promise)                                                           \
  do {                                                                           \
    if (!(promise)) {                                                            \
      std::fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #promise); \
      std::abort();                                                              \
    }                                                                            \
  } while (false)

namespace sallyport {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// kPrefixesMax bounds the quadratic part: each prefix of a short input is parsed as well.
inline constexpr std::size_t kPrefixesMax = 600;

}  // namespace sallyport
