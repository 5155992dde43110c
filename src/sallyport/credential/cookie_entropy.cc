// SPDX-License-Identifier: Apache-2.0
// How guessable a given magic cookie looks. A character counts in full unless it continues what stands before
// it: a sequence, a repeat, a common word. The thresholds are such that random text of 32 bytes or more is as
// good as never refused.
#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "sallyport/base/text.h"
#include "sallyport/credential/magic_cookie.h"

namespace sallyport {
namespace {

constexpr double kBitsUsual = 128;
constexpr double kBitsStrict = 256;
constexpr std::size_t kRunMin = 7;     // so many neighbours in sequence are no accident
constexpr std::size_t kRepeatMin = 8;  // nor is a repeat of so many
constexpr double kDistinctMin =
    0.6;                            // of the different characters that random text of this length would show
constexpr double kShareMin = 0.25;  // what part of the text must be predictable before it is called so

constexpr std::array<std::string_view, 40> kCommon{
    "password",  "passwd",    "passphrase", "secret",  "cookie",  "magic",   "token",    "plugin",
    "admin",     "default",   "changeme",   "letmein", "welcome", "example", "develop",  "testing",
    "local",     "localhost", "handshake",  "server",  "client",  "value",   "hello",    "world",
    "monkey",    "dragon",    "master",     "qwerty",  "qwertz",  "azerty",  "asdfgh",   "zxcvbn",
    "sallyport", "pyvider",   "hashicorp",  "golang",  "python",  "process", "insecure", "dummy"};

/// Marks says for each character whether it is predictable.
using Marks = std::vector<bool>;

double share(const Marks& marks) {
  return static_cast<double>(std::ranges::count(marks, true)) / static_cast<double>(marks.size());
}

/// mark_sequences marks runs like "abcdefg" or "7654321", each but for its first two characters.
Marks mark_sequences(std::string_view text) {
  Marks marks(text.size());
  std::size_t start = 0;
  int run_step = 0;
  for (std::size_t i = 1; i <= text.size(); ++i) {
    const int step = i < text.size() ? text[i] - text[i - 1] : 0;
    if (run_step != 0 && step == run_step) continue;
    for (std::size_t at = start + 2; i - start >= kRunMin && at < i; ++at) marks[at] = true;
    start = i - 1;
    run_step = step == 1 || step == -1 ? step : 0;
  }
  return marks;
}

/// mark_repeats marks what stands earlier in the text already; an overlap counts, so that "aaaaaaaa" repeats
/// itself.
Marks mark_repeats(std::string_view text) {
  Marks marks(text.size());
  for (std::size_t i = 1; i + kRepeatMin <= text.size(); ++i) {
    const std::size_t earlier = text.substr(0, i + kRepeatMin - 1).find(text.substr(i, kRepeatMin));
    if (earlier == std::string_view::npos) continue;
    std::fill_n(marks.begin() + static_cast<std::ptrdiff_t>(i), kRepeatMin, true);
  }
  return marks;
}

/// mark_words marks common words, each but for its first two characters.
Marks mark_words(std::string_view text) {
  Marks marks(text.size());
  const std::string lower = to_lower(text);
  for (const std::string_view word : kCommon) {
    for (std::size_t at = lower.find(word); at != std::string::npos; at = lower.find(word, at + 1)) {
      std::fill_n(marks.begin() + static_cast<std::ptrdiff_t>(at) + 2, word.size() - 2, true);
    }
  }
  return marks;
}

/// alphabet_size is that of the smallest usual alphabet that the text is from. Mixed case counts as base64
/// even where its digits happen to be missing.
double alphabet_size(std::string_view text) {
  const auto in = [](char c, char first, char last) { return c >= first && c <= last; };
  const auto has = [text](auto test) { return std::ranges::any_of(text, test); };
  const bool digits = has([&](char c) { return in(c, '0', '9'); });
  const bool lower = has([&](char c) { return in(c, 'a', 'z'); });
  const bool upper = has([&](char c) { return in(c, 'A', 'Z'); });
  const bool beyond_hex = has([&](char c) { return in(c, 'g', 'z') || in(c, 'G', 'Z'); });
  const bool beyond_base64 = has([&](char c) {
    return !in(c, '0', '9') && !in(c, 'a', 'z') && !in(c, 'A', 'Z') && c != '-' && c != '_' && c != '+' &&
           c != '/' && c != '=';
  });
  if (beyond_base64) return 94;
  if (lower && upper) return 64;
  if (!lower && !upper) return 10;
  if (!beyond_hex) return 16;
  return digits ? 36 : 26;
}

std::size_t distinct(std::string_view text) {
  std::array<bool, 256> seen{};
  for (const char c : text) seen[static_cast<unsigned char>(c)] = true;
  return static_cast<std::size_t>(std::ranges::count(seen, true));
}

/// bits_per_character: of the alphabet, unless far fewer different characters occur than a random choice
/// would show.
double bits_per_character(std::string_view text) {
  const double alphabet = alphabet_size(text);
  const double expected = alphabet * (1 - std::pow(1 - 1 / alphabet, static_cast<double>(text.size())));
  const auto seen = static_cast<double>(distinct(text));
  return std::log2(seen < kDistinctMin * expected ? seen : alphabet);
}

CookieWeakness judge_form(std::string_view text) {
  if (text.size() < kCookieTextMin) return CookieWeakness::too_short;
  if (text.size() > kCookieTextMax) return CookieWeakness::too_long;
  const bool visible = std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
  return visible ? CookieWeakness::none : CookieWeakness::forbidden_character;
}

}  // namespace

std::string_view name_of(CookieWeakness weakness) noexcept {
  constexpr std::array<std::string_view, 8> names{"no weakness found",
                                                  "too short",
                                                  "too long",
                                                  "blank, control or non-ASCII characters",
                                                  "repeats itself",
                                                  "a sequence",
                                                  "made of common words",
                                                  "too little entropy by estimate"};
  return names[static_cast<std::size_t>(weakness)];
}

CookieJudgement judge_cookie(std::string_view text, CookieStrictness strictness) {
  if (const CookieWeakness weakness = judge_form(text); weakness != CookieWeakness::none)
    return {weakness, 0};
  const Marks sequences = mark_sequences(text);
  const Marks repeats = mark_repeats(text);
  const Marks words = mark_words(text);
  const bool words_count = share(words) >= kShareMin;
  std::size_t surprising = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!sequences[i] && !repeats[i] && !(words_count && words[i])) ++surprising;
  }
  const double bits = bits_per_character(text) * static_cast<double>(surprising);
  CookieWeakness weakness = CookieWeakness::none;
  if (bits < (strictness == CookieStrictness::strict ? kBitsStrict : kBitsUsual))
    weakness = CookieWeakness::low_entropy;
  if (share(repeats) >= kShareMin)
    weakness = CookieWeakness::repeated;
  else if (share(sequences) >= kShareMin)
    weakness = CookieWeakness::sequential;
  else if (words_count)
    weakness = CookieWeakness::dictionary;
  return {weakness, bits};
}

}  // namespace sallyport
