// SPDX-License-Identifier: Apache-2.0
// What the gate and the admin API say in JSON: problem documents (RFC 9457), sessions, tokens' metadata.
#pragma once

#include <string>
#include <string_view>

#include "sallyport/base/result.h"
#include "sallyport/base/time.h"
#include "sallyport/credential/session_tokens.h"
#include "sallyport/gateway/session_directory.h"
#include "sallyport/http/message.h"
#include "sallyport/net/http1_types.h"
#include "sallyport/session/session.h"
#include "sallyport/tls/report.h"

namespace sallyport {

/// has_media_type compares the request's Content-Type, its parameters aside and without regard to case.
bool has_media_type(const RequestHead& head, std::string_view type);

/// problem is an RFC 9457 document; `detail` says what to do and holds nothing secret.
Response problem(int status, std::string_view title, std::string_view detail);
/// problem_of answers with an Error's own words and the status of its code. For the admin door only.
Response problem_of(const Error& error);

/// json_session describes a session: id, url, state, endings, exposure, history, and whose it is.
std::string json_session(const SessionView& view, std::string_view url, const SessionEntry* entry = nullptr);

/// json_tls describes a listener's certificate, or the one that would be served.
std::string json_tls(const TlsReport& report);

/// json_text quotes `text` as a JSON string; bytes that are no UTF-8 become U+FFFD.
std::string json_text(std::string_view text);
/// json_time writes a quoted UTC time.
std::string json_time(WallTime at);

}  // namespace sallyport
