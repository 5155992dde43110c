// SPDX-License-Identifier: Apache-2.0
#include "sallyport/http/date.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace sallyport {

std::array<char, 29> http_date(WallTime now) noexcept {
  constexpr std::string_view days = "SunMonTueWedThuFriSat";
  constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const auto day = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(now - day));

  std::array<char, 29> out{};
  char* at = out.data();
  auto put = [&at](std::string_view text) { at = std::copy(text.begin(), text.end(), at); };
  auto put_two = [&at](unsigned value) {
    *at++ = static_cast<char>('0' + value / 10 % 10);
    *at++ = static_cast<char>('0' + value % 10);
  };
  const auto year = static_cast<unsigned>(std::clamp(static_cast<int>(date.year()), 0, 9999));
  put(days.substr(std::size_t{std::chrono::weekday(day).c_encoding()} * 3, 3));
  put(", ");
  put_two(static_cast<unsigned>(date.day()));
  put(" ");
  put(months.substr((std::size_t{static_cast<unsigned>(date.month())} - 1) * 3, 3));
  put(" ");
  put_two(year / 100);
  put_two(year % 100);
  put(" ");
  put_two(static_cast<unsigned>(time.hours().count()));
  put(":");
  put_two(static_cast<unsigned>(time.minutes().count()));
  put(":");
  put_two(static_cast<unsigned>(time.seconds().count()));
  put(" GMT");
  return out;
}

}  // namespace sallyport
