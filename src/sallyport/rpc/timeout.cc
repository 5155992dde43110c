// SPDX-License-Identifier: Apache-2.0
#include "sallyport/rpc/timeout.h"

#include <array>
#include <cstdint>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

struct TimeoutUnit {
  char letter;
  std::int64_t nanoseconds;
};
constexpr std::array<TimeoutUnit, 6> kUnits{{{'n', 1},
                                             {'u', 1'000},
                                             {'m', 1'000'000},
                                             {'S', 1'000'000'000},
                                             {'M', 60'000'000'000},
                                             {'H', 3'600'000'000'000}}};
constexpr std::size_t kDigitsMax = 8;
constexpr std::int64_t kNumberMax = 99'999'999;

}  // namespace

std::optional<Duration> grpc_timeout_parse(std::string_view text) noexcept {
  if (text.size() < 2 || text.size() > kDigitsMax + 1) return std::nullopt;
  const auto number = parse_decimal<std::uint32_t>(text.substr(0, text.size() - 1));
  if (!number.has_value()) return std::nullopt;
  for (const TimeoutUnit& unit : kUnits) {
    if (unit.letter != text.back()) continue;
    if (std::int64_t{*number} > INT64_MAX / unit.nanoseconds) return Duration::max();
    return Duration(std::int64_t{*number} * unit.nanoseconds);
  }
  return std::nullopt;
}

std::string grpc_timeout_format(Duration left) {
  if (left.count() <= 0) return "1n";
  for (const TimeoutUnit& unit : kUnits) {
    const std::int64_t number =
        left.count() / unit.nanoseconds + (left.count() % unit.nanoseconds != 0 ? 1 : 0);
    if (number <= kNumberMax) return concat(number, unit.letter);
  }
  return concat(kNumberMax, 'H');
}

}  // namespace sallyport
