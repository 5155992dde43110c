// SPDX-License-Identifier: Apache-2.0
#include "sallyport/pki/internal/openssl.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>

#include <array>
#include <ctime>

#include "sallyport/base/text.h"
#include "sallyport/crypto/digest.h"

namespace sallyport::ossl {
namespace {

constexpr std::size_t kNameTextMax = 512;

struct Curve {
  std::string_view group;
  std::string_view name;
};
constexpr std::array kCurves{Curve{"prime256v1", "P-256"}, Curve{"secp384r1", "P-384"},
                             Curve{"secp521r1", "P-521"}};

std::string describe_curve(const EVP_PKEY& key) {
  char group[64] = "";
  if (EVP_PKEY_get_group_name(&key, group, sizeof group, nullptr) != 1) return "EC of unnamed curve";
  for (const Curve& curve : kCurves) {
    if (curve.group == group || curve.name == group) return std::string(curve.name);
  }
  return concat("EC ", std::string_view(group));
}

}  // namespace

Error error(Code code, std::string_view step) {
  const unsigned long number = ERR_peek_error();
  const char* const reason = number == 0 ? nullptr : ERR_reason_error_string(number);
  ERR_clear_error();
  return fail(
      code, concat("cannot ", step, ": ", std::string_view(reason != nullptr ? reason : "no reason given")));
}

Memory reading(std::string_view text) {
  return Memory(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string_view written(const Memory& memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

int no_password(char*, int, int, void*) noexcept { return -1; }

std::string describe_key(const EVP_PKEY* key) {
  if (key == nullptr) return "unreadable key";
  const int type = EVP_PKEY_get_base_id(key);
  if (type == EVP_PKEY_EC) return describe_curve(*key);
  if (type == EVP_PKEY_RSA) return concat("RSA ", EVP_PKEY_get_bits(key));
  const char* const name = EVP_PKEY_get0_type_name(key);
  return name != nullptr ? std::string(name) : "unknown key";
}

Result<WallTime> wall_time(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1)
    return error(Code::invalid_argument, "read a certificate's time");
  // A certificate "without end" says the year 9999 (RFC 5280 section 4.1.2.5), which is beyond WallTime.
  const std::chrono::seconds seconds(timegm(&parts));
  if (seconds >= std::chrono::duration_cast<std::chrono::seconds>(WallTime::max().time_since_epoch()))
    return WallTime::max();
  if (seconds <= std::chrono::duration_cast<std::chrono::seconds>(WallTime::min().time_since_epoch()))
    return WallTime::min();
  return WallTime(seconds);
}

std::time_t seconds_of(WallTime time) noexcept {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

bool set_time(ASN1_TIME* to, WallTime time) noexcept {
  return ASN1_TIME_set(to, seconds_of(time)) != nullptr;
}

std::string serial_text(const ASN1_INTEGER* serial) {
  const Number number(serial != nullptr ? ASN1_INTEGER_to_BN(serial, nullptr) : nullptr);
  if (number == nullptr) return {};
  std::vector<std::byte> bytes(static_cast<std::size_t>(std::max(BN_num_bytes(number.get()), 1)));
  BN_bn2binpad(number.get(), reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  return concat(BN_is_negative(number.get()) == 1 ? "-" : "", to_hex(bytes));
}

std::string name_text_of(const X509_NAME* name) {
  const Memory memory(BIO_new(BIO_s_mem()));
  if (memory == nullptr || X509_NAME_print_ex(memory.get(), name, 0, XN_FLAG_RFC2253) < 0) return {};
  std::string text(written(memory).substr(0, kNameTextMax));
  for (char& c : text) {
    if (c < ' ' || c > '~') c = '?';
  }
  return text;
}

Digest pin_of(const X509& certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(&certificate), &der);
  if (size <= 0) return {};
  const Digest digest = sha256(std::as_bytes(std::span(der, static_cast<std::size_t>(size))));
  OPENSSL_free(der);
  return digest;
}

}  // namespace sallyport::ossl
