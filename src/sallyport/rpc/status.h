// SPDX-License-Identifier: Apache-2.0
// RpcStatus: how a call ended, in gRPC's words, and how these travel in HTTP/2.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "sallyport/base/result.h"
#include "sallyport/net/http2.h"

namespace sallyport {

/// RpcCode is a status code of gRPC, with its number on the wire.
enum class RpcCode : std::uint8_t {
  ok = 0,
  cancelled = 1,
  unknown = 2,
  invalid_argument = 3,
  deadline_exceeded = 4,
  not_found = 5,
  already_exists = 6,
  permission_denied = 7,
  resource_exhausted = 8,
  failed_precondition = 9,
  aborted = 10,
  out_of_range = 11,
  unimplemented = 12,
  internal = 13,
  unavailable = 14,
  data_loss = 15,
  unauthenticated = 16,
};

/// name_of returns gRPC's spelling, such as "NOT_FOUND".
std::string_view name_of(RpcCode code) noexcept;
/// rpc_code_of reads a number; one that gRPC does not know is `unknown`.
RpcCode rpc_code_of(std::uint32_t number) noexcept;
/// rpc_code_of maps an Error's code to the one that the other side may see.
RpcCode rpc_code_of(Code code) noexcept;

/// RpcStatus is how a call ended. A value. The default is a failure, so that what nobody decided is no
/// success.
struct [[nodiscard]] RpcStatus {
  RpcCode code = RpcCode::unknown;
  std::string message;  ///< UTF-8, for people; the other side sees it
  std::string details;  ///< a serialised google.rpc.Status, or empty (grpc-status-details-bin)

  RpcStatus() = default;
  RpcStatus(RpcCode which, std::string_view text) : code(which), message(text) {}
  RpcStatus(RpcCode which, std::string_view text, std::string_view more)
      : code(which), message(text), details(more) {}
  [[nodiscard]] bool is_ok() const noexcept { return code == RpcCode::ok; }
  friend bool operator==(const RpcStatus&, const RpcStatus&) = default;
};

inline RpcStatus rpc_ok() { return {RpcCode::ok, {}}; }

/// grpc_message_encode percent-encodes what is not printable ASCII, and '%'.
std::string grpc_message_encode(std::string_view text);
/// grpc_message_decode never fails: what is no valid escape stays as it is.
std::string grpc_message_decode(std::string_view text);

/// rpc_status_of_http is what an HTTP status without grpc-status means.
RpcStatus rpc_status_of_http(std::string_view status);
/// rpc_status_of_reset is what RST_STREAM with `code` means to a client.
RpcStatus rpc_status_of_reset(Http2Code code);
/// rpc_status_of_trailers reads grpc-status, grpc-message and grpc-status-details-bin; none where there is
/// no grpc-status. A grpc-status that is no number is `unknown`.
std::optional<RpcStatus> rpc_status_of_trailers(const Http2Fields& fields);

}  // namespace sallyport
