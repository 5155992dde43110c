// SPDX-License-Identifier: Apache-2.0
// OwnPages: what the gate itself answers below /.sallyport/ on a guarded origin: login, links, sign-ins,
// status, tickets.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "sallyport/authn/evidence.h"
#include "sallyport/authn/login.h"
#include "sallyport/credential/tickets.h"
#include "sallyport/env/clock.h"
#include "sallyport/gateway/pages.h"
#include "sallyport/gateway/tailnet_judge.h"
#include "sallyport/http/form.h"
#include "sallyport/net/blocking.h"
#include "sallyport/net/http1_exchange.h"

namespace sallyport {

inline constexpr std::string_view kLoginPath = "/.sallyport/login";
inline constexpr std::string_view kLinkPrefix = "/.sallyport/link/";
inline constexpr std::size_t kOwnBodyBytesMax = 8192;

/// OwnPages is shared by all loops; any thread. Everything it refers to outlives it.
class OwnPages {
 public:
  struct Parts {
    LoginService& logins;
    TicketDesk& tickets;
    BlockingPool& pool;
    const MonotonicClock& monotonic;
    const Clock& clock;
    PageFrame frame;
    std::string theme;  ///< a style sheet that is served after ours; empty: none
    LoginPage::UserField user_field = LoginPage::UserField::hidden;
    /// whether somebody may use a session that is not this origin's; none: nobody may
    std::function<bool(const Principal&, const SessionId&)> may_use;
    TailnetJudge* tailnet = nullptr;  ///< none: nobody signs in by Tailscale's word
  };
  explicit OwnPages(Parts parts) : parts_(std::move(parts)) {}

  /// Caller is who asks, and at whose origin; empty: the gateway's own.
  struct Caller {
    const Verdict& verdict;
    const SessionId& session;
  };
  /// handle answers a request below /.sallyport/ that the gate let through.
  Task<void> handle(Exchange& exchange, const Caller& caller);

  /// frame is the gateway's own.
  [[nodiscard]] const PageFrame& frame() const noexcept { return parts_.frame; }

 private:
  Task<void> handle_login(Exchange& exchange, const Caller& caller);
  Task<void> post_login(Exchange& exchange, const Caller& caller);
  Task<void> post_tailnet_login(Exchange& exchange, const Caller& caller, const FormFields& form);
  Task<void> handle_link(Exchange& exchange, const Caller& caller);
  Task<void> handle_sign_ins(Exchange& exchange, const Caller& caller);
  Task<void> handle_logout(Exchange& exchange, const Caller& caller);
  Task<void> mint_ticket(Exchange& exchange, const Caller& caller);
  [[nodiscard]] PageFrame frame_for(const Caller& caller) const;
  [[nodiscard]] Result<SessionId> ticket_session(const Caller& caller, std::string_view named) const;
  [[nodiscard]] Response ticket_for(const Exchange& exchange, const Caller& caller, const SessionId& session,
                                    std::string path) const;
  [[nodiscard]] Response login_form(const Exchange& exchange, const Caller& caller, std::string_view next,
                                    std::string_view notice, int status) const;
  [[nodiscard]] Response sign_ins(const Caller& caller, std::string_view notice, int status) const;
  [[nodiscard]] Response status_of_caller(const Caller& caller) const;
  [[nodiscard]] Response reply(const Exchange& exchange, const Caller& caller, const LoginReply& reply,
                               std::string_view next) const;
  Parts parts_;
};

/// page_response is an HTML page with the headers that all of our pages carry.
Response page_response(int status, std::string html);

}  // namespace sallyport
