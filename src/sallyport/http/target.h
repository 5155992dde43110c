// SPDX-License-Identifier: Apache-2.0
// Target: the request target, parsed once and decoded once. What is compared is `path`; what is forwarded is
// `raw`, and targets for which a backend might read something else than we compared are refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "sallyport/http/parse_fault.h"

namespace sallyport {

/// kTargetBytesMax is the default limit of a request target (RFC 9112 section 3 asks for 8000 at least).
inline constexpr std::size_t kTargetBytesMax = 8192;

/// EncodedSlash: whether "%2f" may stand in a path. `allow` is for presets of tools that need it; `path` then
/// keeps it as "%2F", so that a segment never gains a slash.
enum class EncodedSlash : std::uint8_t { refuse, allow };

enum class TargetForm : std::uint8_t { origin, absolute, asterisk };

/// Target holds views into the read buffer, except `path`, which is its own where the raw path has a percent
/// sign. Neither copied nor moved.
struct Target {
  TargetForm form = TargetForm::origin;
  std::string_view raw;  ///< the bytes that were judged, in origin-form (or "*"): what is sent to a backend
  std::string_view path_raw;   ///< raw up to '?'
  std::string_view path;       ///< decoded once; no dot segments, no controls, no backslash; valid UTF-8
  std::string_view query_raw;  ///< after '?', not decoded; see form.h
  bool has_query = false;      ///< "/a?" has an empty query, "/a" has none
  std::string_view scheme;     ///< absolute-form only
  std::string_view authority;  ///< absolute-form only; the parser has compared it with Host

  Target() = default;
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  std::string decoded;  ///< storage of `path`
};

/// parse_target fills `out` from a request target in origin- or absolute-form, or "*". Returns `none`
/// when it is in order, else target_byte, target_encoding, target_segments or target_form. The views live as
/// long as `text`.
[[nodiscard]] ParseFault parse_target(std::string_view text, EncodedSlash encoded_slash, Target& out);

/// path_is_within tells whether `path` is `subtree` or lies below it by whole segments: "/a/b" is within
/// "/a", "/ab" is not. `subtree` has no trailing slash; "/" holds everything, an empty one nothing.
bool path_is_within(std::string_view path, std::string_view subtree) noexcept;

/// is_own_path: the path belongs to the gateway itself: "/.sallyport" and what is below it.
bool is_own_path(std::string_view path) noexcept;

}  // namespace sallyport
