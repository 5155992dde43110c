// SPDX-License-Identifier: Apache-2.0
// A small HTTP server with the habits that the tests need.
#pragma once

/// serve_http takes words: an address (a port on 127.0.0.1, "any:PORT", or a socket's path), then any of
/// `token-file=PATH` (demand its content as bearer token, read anew for each request), `token-once=PATH`
/// (read at the start), `basic=USER` (demand HTTP Basic with the password in SECRET_PASSWORD), `status=N`,
/// `mute` (accept, never answer), `deaf` (never listen), `garbage`, `requests=N` (exit with status 4 after N
/// requests), `stubborn` (says that it ignores TERM and INT).
int serve_http(int argc, char** argv);
