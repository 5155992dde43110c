// SPDX-License-Identifier: Apache-2.0
// The request head that a backend gets: the client's, re-serialised without what is ours or this hop's, and
// then our lines.
#pragma once

#include <span>
#include <string_view>

#include "sallyport/base/result.h"
#include "sallyport/http/message.h"
#include "sallyport/identity/facts.h"
#include "sallyport/proxy/head_writer.h"
#include "sallyport/proxy/plan.h"

namespace sallyport {

/// UpgradeForward says whether the head asks the backend for a WebSocket.
enum class UpgradeForward : std::uint8_t { no, websocket };

/// write_request_head writes the head in one pass. What is dropped goes first: fields of this hop or named in
/// the client's Connection field, every spelling of identity, session and forwarding fields, Proxy, Expect,
/// our cookies, tickets; only then our own lines are added, so that no client field can remove or shadow one
/// (R4). False where `out` is too small. RFC 9110 section 7.6.1, RFC 9112 section 3.
[[nodiscard]] bool write_request_head(const RequestHead& head, const ForwardPlan& plan,
                                      const ConnectionFacts& facts, std::string_view request_id,
                                      UpgradeForward upgrade, HeadWriter& out);

/// write_target writes the request target of the backend: prefix, cut path, query without tickets.
void write_target(const Target& target, const ForwardPlan& plan, UpgradeForward upgrade, HeadWriter& out);

}  // namespace sallyport
