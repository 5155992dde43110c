// SPDX-License-Identifier: Apache-2.0
// TicketKeys: what encrypts session tickets, so that the server keeps no session. Keys rotate by themselves.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "sallyport/base/secret.h"
#include "sallyport/env/clock.h"
#include "sallyport/net/internal/openssl.h"

namespace sallyport {

/// TicketKeys is for all loops; any thread.
class TicketKeys {
 public:
  TicketKeys(const MonotonicClock& clock, Entropy& entropy) noexcept : clock_(clock), entropy_(entropy) {}
  void forget();
  /// install makes `context` use `keys`, which must outlive it.
  static bool install(SSL_CTX* context, TicketKeys& keys) noexcept;

 private:
  static constexpr std::size_t kNameBytes = 16;
  struct Key {
    std::array<std::byte, kNameBytes> name;
    Secret<struct TicketCipherTag, 32> cipher;
    Secret<struct TicketMacTag, 32> mac;
    MonotonicTime made;
  };
  static int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                       EVP_MAC_CTX* mac, int encrypt);
  int encrypt(unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac);
  int decrypt(const unsigned char* name, const unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac);
  std::shared_ptr<const Key> current();
  std::shared_ptr<const Key> named(const unsigned char* name);

  const MonotonicClock& clock_;
  Entropy& entropy_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<const Key>> keys_;  ///< guarded by mutex_; newest first, at most two
};

}  // namespace sallyport
