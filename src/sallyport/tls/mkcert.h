// SPDX-License-Identifier: Apache-2.0
// Mkcert: certificates from the root that mkcert has made for this user, which his browsers trust already.
#pragma once

#include "sallyport/config/environment.h"
#include "sallyport/env/clock.h"
#include "sallyport/env/files.h"
#include "sallyport/pki/names.h"
#include "sallyport/tls/source.h"

namespace sallyport {

/// mkcert_root_dir is where mkcert keeps its root: CAROOT, else XDG_DATA_HOME/mkcert, else
/// HOME/.local/share/mkcert; empty where none of the three is set.
std::string mkcert_root_dir(const Environment& environment);

/// Mkcert signs in process where it may read the root's key, and asks the mkcert program where it may not.
/// What it promises: no root is made and none installed. The program makes one where it finds none, so it is
/// started only where there is one, and what it gave counts only if that very root signed it.
class Mkcert final : public TlsSource {
 public:
  /// `dir` is private: the certificate is kept there, as mkcert.pem.
  Mkcert(Files& files, Entropy& entropy, const MonotonicClock& monotonic, const Environment& environment,
         std::string dir, std::vector<SubjectName> names)
      : files_(files),
        entropy_(entropy),
        monotonic_(monotonic),
        environment_(environment),
        dir_(std::move(dir)),
        names_(std::move(names)) {}

  [[nodiscard]] TlsTier tier() const noexcept override { return TlsTier::mkcert; }
  Result<SourcedIdentity> obtain(WallTime now, MonotonicTime deadline) override;
  Result<SourceLook> look(WallTime now, MonotonicTime deadline) override;
  [[nodiscard]] Duration patience() const noexcept override { return std::chrono::seconds(10); }
  [[nodiscard]] std::vector<std::string> watched() const override;

 private:
  struct Root;
  Result<Root> read_root();
  Result<CertifiedKey> made_by_program(const Root& root, WallTime now, MonotonicTime deadline);
  Result<CertifiedKey> run_program(const Root& root, WallTime now, MonotonicTime deadline);
  [[nodiscard]] std::string program() const;

  Files& files_;
  Entropy& entropy_;
  const MonotonicClock& monotonic_;
  const Environment& environment_;
  std::string dir_;
  std::vector<SubjectName> names_;
};

}  // namespace sallyport
