// SPDX-License-Identifier: Apache-2.0
// How to trust an authority: the words for browsers and systems.
#pragma once

#include <string>

#include "sallyport/pki/certificate.h"

namespace sallyport {

/// trust_words says it for `authority`, whose certificate lies in `file`.
std::string trust_words(const Certificate& authority, const std::string& file);

}  // namespace sallyport
