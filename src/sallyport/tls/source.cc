// SPDX-License-Identifier: Apache-2.0
#include "sallyport/tls/source.h"

#include <array>
#include <filesystem>

namespace sallyport {

std::string_view name_of(TlsTier tier) noexcept {
  constexpr std::array<std::string_view, 4> kNames{"given files", "tailscale", "mkcert", "local authority"};
  return kNames[static_cast<std::size_t>(tier)];
}

std::string followed(const std::string& path) {
  std::error_code failed;
  const auto target = std::filesystem::canonical(path, failed);
  return failed ? path : target.string();
}

}  // namespace sallyport
