// SPDX-License-Identifier: Apache-2.0
// A socket before a stream that has none: TLS takes sockets, and a stream of a shared connection is none.
#pragma once

#include <memory>

#include "sallyport/base/result.h"
#include "sallyport/net/loop.h"
#include "sallyport/net/stream.h"

namespace sallyport {

/// socket_before gives a socket stream with `inner`'s facts; what is written to one comes out of the other,
/// by a task of `loop` that ends when both have. Errors: exhausted.
Result<std::unique_ptr<Stream>> socket_before(Loop& loop, std::unique_ptr<Stream> inner);

}  // namespace sallyport
