// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/internal/ticket_keys.h"

#include <openssl/core_names.h>

#include <algorithm>
#include <cstring>

#include "sallyport/net/tls.h"

namespace sallyport {
namespace {

constexpr std::size_t kIvBytes = 16;
constexpr int kRefused = -1;
constexpr int kUnknownKey = 0;  // the client does a full handshake
constexpr int kAccepted = 1;
constexpr int kAcceptedRenew = 2;  // and gets a ticket of the current key

const unsigned char* raw(std::span<const std::byte> bytes) noexcept {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

bool set_mac_key(EVP_MAC_CTX* mac, std::span<const std::byte> key) noexcept {
  char digest[] = "SHA256";
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, const_cast<std::byte*>(key.data()), key.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, params) == 1;
}

}  // namespace

void TicketKeys::forget() {
  const std::lock_guard lock(mutex_);
  keys_.clear();
}

bool TicketKeys::install(SSL_CTX* context, TicketKeys& keys) noexcept {
  return SSL_CTX_set_app_data(context, &keys) == 1 &&
         SSL_CTX_set_tlsext_ticket_key_evp_cb(context, &TicketKeys::on_ticket) == 1;
}

int TicketKeys::on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                          EVP_MAC_CTX* mac, int encrypting) {
  auto& keys = *static_cast<TicketKeys*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  return encrypting == 1 ? keys.encrypt(name, iv, cipher, mac) : keys.decrypt(name, iv, cipher, mac);
}

int TicketKeys::encrypt(unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac) {
  const std::shared_ptr<const Key> key = current();
  std::memcpy(name, key->name.data(), kNameBytes);
  entropy_.fill(std::as_writable_bytes(std::span(iv, kIvBytes)));
  const bool ready =
      EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, raw(key->cipher.expose()), iv) == 1 &&
      set_mac_key(mac, key->mac.expose());
  return ready ? kAccepted : kRefused;
}

int TicketKeys::decrypt(const unsigned char* name, const unsigned char* iv, EVP_CIPHER_CTX* cipher,
                        EVP_MAC_CTX* mac) {
  const std::shared_ptr<const Key> key = named(name);
  if (key == nullptr) return kUnknownKey;
  const bool ready =
      set_mac_key(mac, key->mac.expose()) &&
      EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, raw(key->cipher.expose()), iv) == 1;
  if (!ready) return kRefused;
  return clock_.now() - key->made >= kTicketKeyLife ? kAcceptedRenew : kAccepted;
}

std::shared_ptr<const TicketKeys::Key> TicketKeys::current() {
  const MonotonicTime now = clock_.now();
  const std::lock_guard lock(mutex_);
  if (keys_.empty() || now - keys_.front()->made >= kTicketKeyLife) {
    const auto draw = [this](std::span<std::byte> out) { entropy_.fill(out); };
    Key key{{}, decltype(Key::cipher)::filled_by(draw), decltype(Key::mac)::filled_by(draw), now};
    draw(key.name);
    keys_.insert(keys_.begin(), std::make_shared<const Key>(std::move(key)));
    if (keys_.size() > 2) keys_.pop_back();
  }
  return keys_.front();
}

std::shared_ptr<const TicketKeys::Key> TicketKeys::named(const unsigned char* name) {
  const MonotonicTime now = clock_.now();
  const std::lock_guard lock(mutex_);
  std::erase_if(keys_, [now](const auto& key) { return now - key->made >= 2 * kTicketKeyLife; });
  for (const auto& key : keys_) {
    if (std::memcmp(name, key->name.data(), kNameBytes) == 0) return key;  // a name is public
  }
  return nullptr;
}

}  // namespace sallyport
