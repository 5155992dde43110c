// SPDX-License-Identifier: Apache-2.0
// PolicyStep: a policy as the gate's permission step.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "sallyport/authn/gate.h"
#include "sallyport/policy/policy.h"

namespace sallyport {

/// SessionOwner tells whose a session is; empty: nobody's. Any thread.
using SessionOwner = std::function<std::string(const SessionId&)>;

/// PolicyStep asks the policy about each request of somebody who is known: method and the tool's decoded
/// path, without what of it names the session; an upgrade as WEBSOCKET. Our own pages below /.sallyport/ are
/// not asked about: whoever is logged in may see who he is, and log out. The admin door asks for named
/// permissions by may(). Any thread.
class PolicyStep final : public PermissionRule {
 public:
  /// `also`, where there is one, has to permit as well; it outlives this.
  PolicyStep(std::shared_ptr<const Policy> policy, SessionOwner owner_of, PermissionRule* also = nullptr);
  [[nodiscard]] bool permits(const Principal& principal, const Evidence& evidence) override;
  [[nodiscard]] std::string explain(const Principal& principal, const Evidence& evidence) override;

  /// may asks for a named permission, see policy/permissions.h.
  [[nodiscard]] bool may(const Principal& principal, std::string_view permission,
                         const SessionId& session) const;
  /// adopt puts another policy in force for whoever asks from now on. Streams that are open stay.
  void adopt(std::shared_ptr<const Policy> policy);

 private:
  std::atomic<std::shared_ptr<const Policy>> policy_;
  const SessionOwner owner_of_;
  PermissionRule* const also_;
};

}  // namespace sallyport
