// SPDX-License-Identifier: Apache-2.0
// The two loops that a head's bytes go through, 16 bytes at a time where the processor can (SSE2 is part of
// x86-64). The plain versions are always there; a unit test holds the two against each other.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstring>

#include "sallyport/base/text.h"
#include "sallyport/http/internal/bytes.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace sallyport {

/// FoldedName is the start of a field name in lower case, padded with zeros, so that comparing is 32 bytes at
/// once.
inline constexpr std::size_t kFoldedNameBytes = 32;
using FoldedName = std::array<char, kFoldedNameBytes>;

/// is_plain_name_byte: letters, digits and '-': what nearly every field name is made of.
constexpr bool is_plain_name_byte(char c) noexcept {
  const char lower = static_cast<char>(c | 0x20);
  return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

/// scan_value_plain returns the first byte in [at, end) that cannot stand in a field value, or `end`.
inline const char* scan_value_plain(const char* at, const char* end) noexcept {
  while (at != end && byte_is(*at, kByteValue)) ++at;
  return at;
}

/// scan_name_plain returns how many plain name bytes [at, end) starts with, 32 at most, and leaves them in
/// `folded`.
inline std::size_t scan_name_plain(const char* at, const char* end, FoldedName& folded) noexcept {
  folded = {};
  std::size_t size = 0;
  while (size < kFoldedNameBytes && at + size != end && is_plain_name_byte(at[size])) {
    folded[size] = ascii_lower(at[size]);
    ++size;
  }
  return size;
}

#ifdef __SSE2__

inline const char* scan_value(const char* at, const char* end) noexcept {
  const __m128i last_control = _mm_set1_epi8(0x1f);
  const __m128i tab = _mm_set1_epi8('\t');
  const __m128i del = _mm_set1_epi8(0x7f);
  while (end - at >= 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, last_control), bytes);
    const __m128i bad =
        _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(bytes, tab), control), _mm_cmpeq_epi8(bytes, del));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(bad));
    if (mask != 0) return at + std::countr_zero(mask);
    at += 16;
  }
  return scan_value_plain(at, end);
}

/// not_plain_mask has one bit per byte that is no plain name byte.
inline unsigned not_plain_mask(__m128i bytes, __m128i lower) noexcept {
  auto within = [](__m128i value, char low, char count) {  // unsigned: value - low < count
    const __m128i shifted = _mm_sub_epi8(value, _mm_set1_epi8(low));
    return _mm_cmpeq_epi8(_mm_min_epu8(shifted, _mm_set1_epi8(static_cast<char>(count - 1))), shifted);
  };
  const __m128i plain = _mm_or_si128(_mm_or_si128(within(lower, 'a', 26), within(bytes, '0', 10)),
                                     _mm_cmpeq_epi8(bytes, _mm_set1_epi8('-')));
  return static_cast<unsigned>(_mm_movemask_epi8(plain)) ^ 0xffffU;
}

/// store_folded writes the first `size` <= 16 bytes and fills up with zeros.
inline void store_folded(__m128i lower, std::size_t size, char* out) noexcept {
  alignas(16) static constexpr std::array<unsigned char, 32> window = [] {
    std::array<unsigned char, 32> bytes{};
    for (std::size_t i = 0; i < 16; ++i) bytes[i] = 0xff;
    return bytes;
  }();
  const __m128i keep = _mm_loadu_si128(reinterpret_cast<const __m128i*>(window.data() + 16 - size));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm_and_si128(lower, keep));
}

inline std::size_t scan_name(const char* at, const char* end, FoldedName& folded) noexcept {
  if (end - at < static_cast<std::ptrdiff_t>(kFoldedNameBytes)) return scan_name_plain(at, end, folded);
  const __m128i space =
      _mm_set1_epi8(0x20);  // letters become lower case; digits and '-' have the bit already
  const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  const __m128i low_folded = _mm_or_si128(low, space);
  const auto low_size =
      static_cast<std::size_t>(std::countr_zero(not_plain_mask(low, low_folded) | 0x10000U));
  store_folded(low_folded, low_size, folded.data());
  if (low_size < 16) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(folded.data() + 16), _mm_setzero_si128());
    return low_size;
  }
  const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + 16));
  const __m128i high_folded = _mm_or_si128(high, space);
  const auto high_size =
      static_cast<std::size_t>(std::countr_zero(not_plain_mask(high, high_folded) | 0x10000U));
  store_folded(high_folded, high_size, folded.data() + 16);
  return 16 + high_size;
}

#else

inline const char* scan_value(const char* at, const char* end) noexcept { return scan_value_plain(at, end); }
inline std::size_t scan_name(const char* at, const char* end, FoldedName& folded) noexcept {
  return scan_name_plain(at, end, folded);
}

#endif

}  // namespace sallyport
