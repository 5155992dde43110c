// SPDX-License-Identifier: Apache-2.0
// A consumer of everything: reads settings, hashes a password and serves TLS with a certificate of its own.
// Its link needs all that the modules need in private.
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>

#include "sallyport/config/load.h"
#include "sallyport/crypto/password_hash.h"
#include "sallyport/env/posix/system.h"
#include "sallyport/gateway/guard.h"
#include "sallyport/net/tls.h"
#include "sallyport/pki/identity.h"

namespace {

using namespace sallyport;

bool reads_settings() {
  const FixedEnvironment environment;
  return configure({{"SALLYPORT_LISTEN", "127.0.0.1:0"}}, environment).has_value() &&
         !configure({{"SALLYPORT_LISTEN", "nowhere"}}, environment).has_value();
}

bool hashes_a_password() {
  const auto hash = hash_password(SecretText("correct horse"), PasswordSalt{},
                                  {.passes = 1, .memory_kib = kPasswordMemoryKibMin});
  return hash && verify_password(SecretText("correct horse"), *hash) == PasswordMatch::yes &&
         verify_password(SecretText("wrong horse"), *hash) == PasswordMatch::no;
}

bool makes_a_tls_server(const std::string& dir) {
  SystemFiles files;
  SystemEntropy entropy;
  const SystemMonotonicClock clock;
  const auto names = server_names({});
  if (!names || !files.ensure_private_directory(dir)) return false;
  const auto identity = ensure_local_identity(files, entropy, dir, *names, SystemClock().now());
  if (!identity) return false;
  const auto shown = TlsIdentity::from_pem(identity->chain_pem, identity->key_pem);
  return shown && TlsServer::make(clock, entropy, *shown).has_value();
}

}  // namespace

int main(int, char** argv) {
  const auto start = &Guard::start;  // linked, not called: it takes all modules with it
  const std::string dir = std::string(argv[0]) + ".tls";
  const bool held = start != nullptr && reads_settings() && hashes_a_password() && makes_a_tls_server(dir);
  std::filesystem::remove_all(dir);
  std::cout << "whole: " << (held ? "settings, password and TLS work" : "something does not work") << '\n';
  return held ? EXIT_SUCCESS : EXIT_FAILURE;
}
