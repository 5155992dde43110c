// SPDX-License-Identifier: Apache-2.0
// Magic cookies: free-form strings that a host hands to the plugin it starts, and that the plugin must show.
// A launch courtesy more than a lock: whatever can read the plugin's environment can read a cookie that
// travels there.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "sallyport/base/digest.h"
#include "sallyport/base/result.h"
#include "sallyport/base/secret.h"
#include "sallyport/base/time.h"
#include "sallyport/credential/variables.h"
#include "sallyport/env/clock.h"

namespace sallyport {

inline constexpr std::size_t kCookieBytes = 32;
inline constexpr std::size_t kCookieBytesMin = 16;
inline constexpr std::size_t kCookieBytesMax = 1024;
inline constexpr std::size_t kCookieTextMin = 16;
inline constexpr std::size_t kCookieTextMax = 2048;
inline constexpr std::string_view kCookieVariable = "PLUGIN_MAGIC_COOKIE";
inline constexpr Duration kCookieLife = std::chrono::seconds(300);
inline constexpr Duration kCookieLifeDevelopment = std::chrono::seconds(3600);

/// CookieFault is what can be wrong; each has a message, a hint and a Code of its own.
enum class CookieFault : std::uint8_t {
  missing,                ///< Code::not_found: no cookie where one is needed
  malformed,              ///< Code::invalid_argument: wrong form, or too easily guessed
  authentication_failed,  ///< Code::unauthenticated: not the cookie that is expected
  timed_out,              ///< Code::deadline_exceeded: presented after its lifetime
};

/// CookieAdvice is what a person is told. None of it depends on the cookie's value.
struct CookieAdvice {
  std::string_view name;  ///< e.g. "magic_cookie_malformed"
  std::string_view message;
  std::string_view hint;
  Code code = Code::internal;
};
const CookieAdvice& advice_for(CookieFault fault) noexcept;

/// cookie_error makes the Error of a fault: its code, message, `detail` where given, and hint.
Error cookie_error(CookieFault fault, std::string_view detail = {});
/// cookie_fault_of tells which fault an Error of this header stands for; nullopt for other codes.
std::optional<CookieFault> cookie_fault_of(const Error& error) noexcept;

/// CookieWeakness is the first thing found wrong with a given string.
enum class CookieWeakness : std::uint8_t {
  none,
  too_short,
  too_long,
  forbidden_character,
  repeated,
  sequential,
  dictionary,
  low_entropy,
};
std::string_view name_of(CookieWeakness weakness) noexcept;

/// CookieStrictness: `usual` wants an estimate of 128 bits, `strict` of 256.
enum class CookieStrictness : std::uint8_t { usual, strict };

/// CookieJudgement is an estimate: it finds strings that people make up, and proves nothing about randomness.
struct CookieJudgement {
  CookieWeakness weakness = CookieWeakness::none;
  double bits_estimated = 0;
};

/// judge_cookie screens a string. Pure; time depends on the string, so judge what you were given, not what
/// you expect.
CookieJudgement judge_cookie(std::string_view text, CookieStrictness strictness);

/// MagicCookie holds one cookie. It cannot be copied, printed or compared but by matches().
class MagicCookie {
 public:
  /// generate draws `bytes` random bytes (kCookieBytesMin to kCookieBytesMax; malformed otherwise), as
  /// base64url text.
  static Result<MagicCookie> generate(Entropy& entropy, std::size_t bytes = kCookieBytes);
  /// from_string takes a given string: malformed, with the weakness and never the value, where judge_cookie
  /// finds one.
  static Result<MagicCookie> from_string(std::string_view text,
                                         CookieStrictness strictness = CookieStrictness::usual);
  /// from_env reads a variable: missing where it is unset or empty, else as from_string.
  static Result<MagicCookie> from_env(const VariableLookup& lookup, std::string_view name = kCookieVariable,
                                      CookieStrictness strictness = CookieStrictness::usual);

  /// Absence is what from_config does without a value: only the host may mint, since a plugin that mints its
  /// own cookie would let anybody in.
  enum class Absence : std::uint8_t { refuse, generate_as_host };
  /// from_config takes a configured value; an absent one as `absence` says, an empty one is missing always.
  static Result<MagicCookie> from_config(std::optional<std::string_view> value, Absence absence,
                                         Entropy& entropy,
                                         CookieStrictness strictness = CookieStrictness::usual);

  /// matches compares digests in constant time; an empty or overlong text matches nothing.
  [[nodiscard]] bool matches(std::string_view presented) const noexcept;
  [[nodiscard]] const Digest& digest() const noexcept { return digest_; }
  /// text is for handing the cookie to the plugin.
  [[nodiscard]] const SecretText& text() const& noexcept { return text_; }

 private:
  explicit MagicCookie(SecretText text) noexcept;
  SecretText text_;
  Digest digest_;
};

/// cookie_variable_for is the name of one plugin's own variable: "data-processor" gives
/// PLUGIN_DATA_PROCESSOR_MAGIC_COOKIE. Error: malformed for a name that is empty, longer than 64, or not of
/// letters, digits, '-', '_', '.'.
Result<std::string> cookie_variable_for(std::string_view plugin);

/// CookieGuard is the server's side: one expected cookie, presentable for `life` from `issued`. What it
/// admitted in time stays admitted. It keeps the digest alone. Immutable; any thread.
class CookieGuard {
 public:
  CookieGuard(const MagicCookie& cookie, MonotonicTime issued, Duration life = kCookieLife) noexcept
      : digest_(cookie.digest()), expires_(after(issued, life)) {}
  /// admit: missing (nothing or nothing but emptiness presented), authentication_failed, timed_out (the right
  /// cookie, too late: strictly before the deadline counts).
  [[nodiscard]] Status admit(std::optional<std::string_view> presented, MonotonicTime now) const;

 private:
  Digest digest_;
  MonotonicTime expires_;
};

}  // namespace sallyport
