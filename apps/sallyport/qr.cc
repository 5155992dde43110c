// SPDX-License-Identifier: Apache-2.0
#include "qr.h"

#include <qrencode.h>

#include <memory>

namespace sallyport {

std::string qr_text(std::string_view text) {
  constexpr int kQuiet = 2;
  const std::string zero_ended(text);
  const std::unique_ptr<QRcode, decltype(&QRcode_free)> code(
      QRcode_encodeString(zero_ended.c_str(), 0, QR_ECLEVEL_L, QR_MODE_8, 1), &QRcode_free);
  if (!code) return {};
  const int width = code->width;
  auto dark = [&](int x, int y) {
    return x >= 0 && y >= 0 && x < width && y < width && (code->data[y * width + x] & 1) != 0;
  };
  std::string out;
  for (int y = -kQuiet; y < width + kQuiet; y += 2) {
    out += "\x1b[38;5;16;48;5;231m";  // black on white, whatever the terminal's colours
    for (int x = -kQuiet; x < width + kQuiet; ++x) {
      const bool upper = dark(x, y);
      const bool lower = dark(x, y + 1);
      out += upper ? (lower ? "\u2588" : "\u2580") : (lower ? "\u2584" : " ");
    }
    out += "\x1b[0m\n";
  }
  return out;
}

}  // namespace sallyport
