// SPDX-License-Identifier: Apache-2.0
// Paths from a leaf to an anchor, by names and key ids alone: each is a guess that a signature check must
// confirm.
#pragma once

#include <functional>
#include <vector>

#include "sallyport/pki/certificate.h"

namespace sallyport::ossl {

inline constexpr std::size_t kPathCertificatesMax = 16;  ///< leaf and anchor included
inline constexpr std::size_t kPathStepsMax = 512;        ///< certificates looked for an issuer of

enum class Search : std::uint8_t { go_on, stop };

/// for_each_path calls `visit` with paths, leaf to anchor, those to an anchor first, until it says stop,
/// kPathsMax were visited or kPathStepsMax steps were gone.
void for_each_path(const Certificate& leaf, const std::vector<Certificate>& anchors,
                   const std::vector<Certificate>& intermediates,
                   const std::function<Search(const std::vector<Certificate>&)>& visit);

}  // namespace sallyport::ossl
