// SPDX-License-Identifier: Apache-2.0
// Messages for the differential test: put together from pieces that parsers have disagreed about, then
// damaged a little.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>

namespace sallyport {

/// Generator makes the same messages for the same seed.
class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}
  std::string request();
  std::string response();

 private:
  std::size_t below(std::size_t count) { return random_() % count; }
  template <std::size_t N>
  std::string_view one_of(const std::string_view (&choices)[N]) {
    return choices[below(N)];
  }
  std::string fields_and_body(std::string_view first);
  std::string body_of(std::string_view fields);
  std::string chunked_body();
  std::string damaged(std::string text);
  std::mt19937_64 random_;
};

}  // namespace sallyport
