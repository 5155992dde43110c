// SPDX-License-Identifier: Apache-2.0
// ClientCertificates: who is let in by a certificate. Authorities, revocation lists, a deny list, and the
// exact names that stand for users.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/digest.h"
#include "sallyport/config/values.h"
#include "sallyport/env/clock.h"
#include "sallyport/env/files.h"
#include "sallyport/identity/facts.h"
#include "sallyport/identity/principal.h"
#include "sallyport/net/tls.h"
#include "sallyport/pki/certificate.h"
#include "sallyport/pki/verify.h"

namespace sallyport {

inline constexpr std::size_t kClientDenyLinesMax = 20'000;
/// Certificates that a client may show, its own included: it is judged on an event loop.
inline constexpr std::size_t kClientChainMax = 10;

/// ClientDenyList refuses certificates by what stands in them or in one of their issuers, whatever their
/// authority says.
class ClientDenyList {
 public:
  /// parse takes one name a line, "sha256:HEX" (of the certificate), "serial:HEX", "uri:URI" or "dns:NAME";
  /// empty lines and those that begin with '#' are passed over. invalid_argument names the first bad line.
  static Result<ClientDenyList> parse(std::string_view text);
  [[nodiscard]] bool names(const Certificate& certificate) const;

 private:
  std::vector<std::string> entries_;  ///< canonical, sorted
};

/// certificate_identities are the names that may stand for somebody: "uri:..." and "dns:..." in their
/// canonical form. Addresses, wildcards and the CN are no identities.
std::vector<std::string> certificate_identities(const Certificate& certificate);

/// principal_of says who a certificate stands for. With `users`: the one user that its names, or its CN where
/// a rule says "cn:", exactly lead to. Without: its only URI, else its only DNS name, with "uri:" or "dns:"
/// before it, so that nobody becomes a user of that name by himself. Error: not_found (nobody, or several).
Result<Principal> principal_of(const Certificate& certificate, const std::vector<ClientUser>& users);

/// ClientRules is what the settings say.
struct ClientRules {
  std::string ca_file;
  std::vector<std::string> list_files;
  std::string deny_file;  ///< empty: none
  std::vector<ClientUser> users;
};

/// ClientCertificates promises: nobody is let in whose certificate is not for clients, in time, on a good
/// path to one of the authorities, on no list, and of somebody known; where revocation lists were given, an
/// issuer without a current one lets nobody in. A change of the files ends what they no longer admit. Any
/// thread.
class ClientCertificates final : public ClientJudge {
 public:
  struct Powers {
    Files& files;
    const Clock& clock;
    const MonotonicClock& monotonic;
  };
  /// Refused is told of each refusal, on the loop's thread.
  using Refused = std::function<void(const ConnectionFacts&, Denial, std::string_view detail)>;
  /// open reads the files. Errors: invalid_argument (a file or a name that cannot be read), those of Files.
  static Result<std::unique_ptr<ClientCertificates>> open(ClientRules rules, Powers powers, Refused refused);

  std::shared_ptr<const CertifiedPeer> judge(std::span<const std::string> chain_der,
                                             const ConnectionFacts& facts) override;
  /// refresh reads anew what has changed, and gives the fingerprints of those on open connections that are no
  /// longer admitted; they are marked as ended. Errors as open; what was in force stays. Blocks; one thread.
  Result<std::vector<Digest>> refresh();
  [[nodiscard]] std::string authorities_pem() const;

 private:
  struct InForce {
    std::vector<Certificate> anchors;
    std::string anchors_pem;
    std::vector<RevocationList> lists;
    ClientDenyList denied;
  };
  struct Shown {
    Certificate leaf;
    std::vector<Certificate> intermediates;
  };
  struct Live {
    std::weak_ptr<const CertifiedPeer> peer;
    Shown shown;
  };
  struct Judged {
    std::optional<Denial> denial;
    std::string detail;
    Duration left{};  ///< where there is no denial: until the first of its chain expires
  };
  ClientCertificates(ClientRules rules, Powers powers, Refused refused)
      : rules_(std::move(rules)), powers_(powers), refused_(std::move(refused)) {}
  Result<std::shared_ptr<const InForce>> read();
  [[nodiscard]] std::vector<std::string> watched() const;
  [[nodiscard]] Judged judge_shown(const Shown& shown, const InForce& rules) const;
  std::shared_ptr<const CertifiedPeer> admit(Shown shown, std::shared_ptr<const InForce> judged_by,
                                             const ConnectionFacts& facts);
  void prune();

  ClientRules rules_;
  Powers powers_;
  Refused refused_;
  std::string marks_;  ///< of whoever calls refresh()
  mutable std::mutex mutex_;
  std::shared_ptr<const InForce> in_force_;  ///< guarded by mutex_
  std::vector<Live> live_;                   ///< guarded by mutex_
  std::size_t prune_at_ = 64;                ///< guarded by mutex_
};

}  // namespace sallyport
