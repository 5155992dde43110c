// SPDX-License-Identifier: Apache-2.0
// A small blocking client of the admin API on its Unix socket, for the commands that talk to a running
// gateway.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "sallyport/base/result.h"
#include "sallyport/config/environment.h"

namespace sallyport {

struct AdminAnswer {
  int status = 0;
  std::string body;
};

struct AdminRequest {
  std::string_view method;
  std::string target;
  std::string body;
};

/// admin_call sends one request to the gateway whose admin socket is `path`, and reads the whole answer.
/// Errors: unavailable (nobody listens there; says how to start), permission_denied (the socket's owner is
/// not us), internal.
Result<AdminAnswer> admin_call(const std::string& path, std::string_view method, std::string_view target,
                               std::string_view json_body);

/// admin_ask sends one request to the gateway that keeps its state in `state_dir`, or in the default place
/// where that is empty, and judges its answer: an error holds the gateway's own words.
Result<std::string> admin_ask(const std::string& state_dir, const Environment& environment,
                              std::string_view session, const AdminRequest& request);

/// admin_follow is a GET whose answer has no end: each piece goes to `sink` as it comes. Errors: as
/// admin_ask.
Status admin_follow(const std::string& path, std::string_view target,
                    const std::function<void(std::string_view)>& sink);

/// find_admin_socket returns where the gateway of `session` under `state_dir` listens, or the state
/// directory's own one.
std::string find_admin_socket(const std::string& state_dir, std::string_view session);

}  // namespace sallyport
