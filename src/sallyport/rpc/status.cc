// SPDX-License-Identifier: Apache-2.0
#include "sallyport/rpc/status.h"

#include <array>

#include "sallyport/base/text.h"
#include "sallyport/rpc/metadata.h"

namespace sallyport {
namespace {

constexpr std::array<std::string_view, 17> kNames{
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

int digit_of(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = ascii_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

std::string_view name_of(RpcCode code) noexcept { return kNames[static_cast<std::size_t>(code)]; }

RpcCode rpc_code_of(std::uint32_t number) noexcept {
  return number < kNames.size() ? static_cast<RpcCode>(number) : RpcCode::unknown;
}

RpcCode rpc_code_of(Code code) noexcept {
  switch (code) {
    case Code::invalid_argument:
      return RpcCode::invalid_argument;
    case Code::unauthenticated:
      return RpcCode::unauthenticated;
    case Code::permission_denied:
      return RpcCode::permission_denied;
    case Code::not_found:
      return RpcCode::not_found;
    case Code::already_exists:
      return RpcCode::already_exists;
    case Code::exhausted:
      return RpcCode::resource_exhausted;
    case Code::unavailable:
      return RpcCode::unavailable;
    case Code::deadline_exceeded:
      return RpcCode::deadline_exceeded;
    case Code::cancelled:
      return RpcCode::cancelled;
    case Code::internal:
      break;
  }
  return RpcCode::internal;
}

std::string grpc_message_encode(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte <= 0x7E && c != '%') {
      out.push_back(c);
      continue;
    }
    out.push_back('%');
    out.push_back(digits[byte >> 4]);
    out.push_back(digits[byte & 15]);
  }
  return out;
}

std::string grpc_message_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? digit_of(text[i + 1]) : -1;
    const int low = high >= 0 ? digit_of(text[i + 2]) : -1;
    if (low < 0) {
      out.push_back(text[i]);
      continue;
    }
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return out;
}

RpcStatus rpc_status_of_http(std::string_view status) {
  RpcCode code = RpcCode::unknown;
  if (status == "400" || status == "431") code = RpcCode::internal;
  if (status == "401") code = RpcCode::unauthenticated;
  if (status == "403") code = RpcCode::permission_denied;
  if (status == "404") code = RpcCode::unimplemented;
  if (status == "429" || status == "502" || status == "503" || status == "504") code = RpcCode::unavailable;
  return {code, concat("the server answered HTTP ", escaped(status, 8), " without a grpc-status")};
}

RpcStatus rpc_status_of_reset(Http2Code code) {
  RpcCode meaning = RpcCode::internal;
  if (code == Http2Code::refused_stream) meaning = RpcCode::unavailable;
  if (code == Http2Code::cancel) meaning = RpcCode::cancelled;
  if (code == Http2Code::enhance_your_calm) meaning = RpcCode::resource_exhausted;
  if (code == Http2Code::inadequate_security) meaning = RpcCode::permission_denied;
  return {meaning, concat("the server reset the stream: ", name_of(code))};
}

std::optional<RpcStatus> rpc_status_of_trailers(const Http2Fields& fields) {
  const auto number = fields.find("grpc-status");
  if (!number.has_value()) return std::nullopt;
  const auto code = parse_decimal<std::uint32_t>(*number);
  RpcStatus status(code.has_value() ? rpc_code_of(*code) : RpcCode::unknown,
                   grpc_message_decode(fields.find("grpc-message").value_or("")));
  if (!code.has_value()) status.message = "the server sent a grpc-status that is no number";
  const auto details = fields.find("grpc-status-details-bin");
  if (details.has_value()) status.details = metadata_decode(*details).value_or("");
  return status;
}

}  // namespace sallyport
