// SPDX-License-Identifier: Apache-2.0
// gRPC's message framing, time-outs, status messages, metadata and reflection requests.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "sallyport/rpc/framing.h"
#include "sallyport/rpc/metadata.h"
#include "sallyport/rpc/reflection.h"
#include "sallyport/rpc/timeout.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sallyport;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  constexpr std::size_t bytes_max = 100'000;
  RpcUnframer unframer(bytes_max);
  unframer.set_encoding((data[0] & 1) != 0 ? RpcEncoding::gzip : RpcEncoding::identity);
  const std::size_t step = (data[0] >> 1) + 1U;
  for (std::size_t at = 0; at < text.size(); at += step) {
    if (!unframer.add(text.substr(at, step))) break;
  }
  while (unframer.has_next()) {
    const auto message = unframer.next();
    if (!message.has_value()) break;
    if (message->size() > bytes_max) std::abort();
  }
  if (const auto timeout = grpc_timeout_parse(text)) {
    const auto again = grpc_timeout_parse(grpc_timeout_format(*timeout));
    if (!again.has_value() || (*again < *timeout && timeout->count() < INT64_MAX / 2)) std::abort();
  }
  if (grpc_message_decode(grpc_message_encode(text)) != text) std::abort();
  static_cast<void>(grpc_message_decode(text));
  if (metadata_decode(metadata_encode(text)) != text) std::abort();
  static_cast<void>(metadata_decode(text));
  RpcReflection reflection;
  static_cast<void>(reflection.add_file(text).has_value());
  static_cast<void>(reflection.answer(text));
  return 0;
}
