// SPDX-License-Identifier: Apache-2.0
// The response head that a client gets: the backend's, re-serialised without this hop's fields, and framed by
// us.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "sallyport/http/message.h"
#include "sallyport/proxy/head_writer.h"
#include "sallyport/proxy/plan.h"

namespace sallyport {

/// OutFraming is how a body goes out: as it is, or wrapped in chunks of ours.
enum class OutFraming : std::uint8_t { raw, chunked };

/// AfterAnswer says what becomes of the client's connection.
enum class AfterAnswer : std::uint8_t { keep, close };

/// AnswerShape is what the client gets of one response.
struct AnswerShape {
  OutFraming framing = OutFraming::raw;
  AfterAnswer after = AfterAnswer::close;
};

/// shape_answer decides framing and persistence. An answer without a known length goes out chunked, or, to an
/// HTTP/1.0 client, until close (RFC 9112 sections 6.3 and 7.1).
AnswerShape shape_answer(const ResponseHead& response, Version client, AfterAnswer wanted) noexcept;

/// write_response_head writes a final head. Dropped: fields of the backend's hop or named in its Connection
/// field, its framing, Trailer, and a Set-Cookie for one of `own_cookies`, which a backend must not plant.
/// False where `out` is too small.
[[nodiscard]] bool write_response_head(const ResponseHead& response, AnswerShape shape, Version client,
                                       std::span<const std::string_view> own_cookies, HeadWriter& out,
                                       const AnswerRewrite& rewrite = {});

/// write_interim_head writes a 1xx; write_switch_head a 101 for a WebSocket, whose accept value the caller
/// has checked.
[[nodiscard]] bool write_interim_head(const ResponseHead& response, HeadWriter& out);
[[nodiscard]] bool write_switch_head(const ResponseHead& response,
                                     std::span<const std::string_view> own_cookies, HeadWriter& out);

}  // namespace sallyport
