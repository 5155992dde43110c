// SPDX-License-Identifier: Apache-2.0
// The two message encodings that are spoken here: identity and gzip.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sallyport/base/result.h"

namespace sallyport {

enum class RpcEncoding : std::uint8_t { identity, gzip };

std::string_view name_of(RpcEncoding encoding) noexcept;
/// rpc_encoding_of reads a grpc-encoding field; none for an encoding that is not spoken here.
std::optional<RpcEncoding> rpc_encoding_of(std::string_view name) noexcept;
/// accepts_gzip looks through a grpc-accept-encoding list.
bool accepts_gzip(std::string_view list) noexcept;

/// gzip_compress never makes an error of input. Error: internal (no memory).
Result<std::string> gzip_compress(std::string_view bytes);
/// gzip_expand gives up at `bytes_max`, so that a small message cannot become a large one. Errors: exhausted
/// (larger than that), invalid_argument (no gzip, damaged, cut short, or something after its end).
Result<std::string> gzip_expand(std::string_view bytes, std::size_t bytes_max);

}  // namespace sallyport
