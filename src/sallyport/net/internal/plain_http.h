// SPDX-License-Identifier: Apache-2.0
// Plain HTTP where TLS is spoken: a person who typed http:// is told so, in the words that he speaks.
#pragma once

#include <memory>
#include <string_view>

#include "sallyport/net/loop.h"
#include "sallyport/net/stream.h"

namespace sallyport {

/// is_plain_http looks at the first bytes of a connection, which were no TLS: an HTTP method stands there, or
/// as much of one as came.
bool is_plain_http(std::string_view first) noexcept;

/// answer_plain_http says 400 and ends the connection. What still comes is read and thrown away, for a moment
/// and up to a bound, or the kernel would take the answer back. Of the request, nothing is repeated.
Task<void> answer_plain_http(Loop& loop, std::unique_ptr<Stream> stream);

}  // namespace sallyport
