// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace sallyport {

/// qr_text draws `text` as a QR code of half blocks for a terminal, with its quiet zone; empty where it does
/// not fit.
std::string qr_text(std::string_view text);

}  // namespace sallyport
