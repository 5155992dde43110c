// SPDX-License-Identifier: Apache-2.0
#include "sallyport/crypto/password_hash.h"

#include <sodium.h>

#include <optional>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

constexpr std::size_t kHashBytes = 32;
constexpr std::string_view kOpening = "$argon2id$v=19$";
constexpr std::size_t kBytesPerKib = 1024;

/// start_sodium lets the library choose its fastest code for this machine; any number of calls, from any
/// thread.
bool start_sodium() noexcept { return sodium_init() >= 0; }

bool within_bounds(PasswordCost cost) noexcept {
  return cost.passes >= 1 && cost.passes <= kPasswordPassesMax && cost.memory_kib >= kPasswordMemoryKibMin &&
         cost.memory_kib <= kPasswordMemoryKibMax;
}

bool usable(const SecretText& password) noexcept {
  return !password.empty() && password.size() <= kPasswordBytesMax;
}

/// unpadded is the alphabet of the text form: standard base64 without '='.
std::string unpadded(std::span<const std::byte> bytes) {
  std::string text = base64_encode(bytes);
  while (text.ends_with('=')) text.pop_back();
  return text;
}

bool is_base64_of(std::string_view text, std::size_t bytes) {
  const std::size_t size = base64url_size(bytes);
  return text.size() == size && base64_decode(concat(text, std::string((4 - size % 4) % 4, '=')));
}

/// read_cost reads "m=19456,t=2,p=1", in this order, as libsodium writes it.
std::optional<PasswordCost> read_cost(std::string_view text) {
  const auto fields = split(text, ',');
  if (fields.size() != 3 || !fields[0].starts_with("m=") || !fields[1].starts_with("t=") ||
      fields[2] != "p=1") {
    return std::nullopt;
  }
  const auto memory = parse_decimal<std::uint32_t>(fields[0].substr(2));
  const auto passes = parse_decimal<std::uint32_t>(fields[1].substr(2));
  if (!memory || !passes) return std::nullopt;
  return PasswordCost{*passes, *memory};
}

}  // namespace

Result<std::string> hash_password(const SecretText& password, const PasswordSalt& salt, PasswordCost cost) {
  static_assert(PasswordSalt{}.size() == crypto_pwhash_argon2id_SALTBYTES);
  if (!usable(password)) {
    return fail(Code::invalid_argument, concat("a password has 1 to ", kPasswordBytesMax, " bytes"));
  }
  if (!within_bounds(cost)) return fail(Code::invalid_argument, "the password hash's cost is out of bounds");
  if (!start_sodium()) return fail(Code::internal, "libsodium does not start");
  std::array<unsigned char, kHashBytes> hash{};
  const int failed =
      crypto_pwhash_argon2id(hash.data(), hash.size(), password.expose().data(), password.size(),
                             reinterpret_cast<const unsigned char*>(salt.data()), cost.passes,
                             cost.memory_kib * kBytesPerKib, crypto_pwhash_argon2id_ALG_ARGON2ID13);
  if (failed != 0)
    return fail(Code::exhausted, "no memory for hashing a password; lower the load or raise the limit");
  return concat(kOpening, "m=", cost.memory_kib, ",t=", cost.passes, ",p=1$", unpadded(salt), '$',
                unpadded(std::as_bytes(std::span(hash))));
}

Status check_password_hash(std::string_view hash) {
  if (hash.size() > kPasswordHashTextMax || !hash.starts_with(kOpening)) {
    return fail(Code::invalid_argument,
                "only argon2id hashes are taken ($argon2id$v=19$...); make one with: sallyport user passwd");
  }
  const auto parts = split(hash.substr(kOpening.size()), '$');
  const auto cost = parts.size() == 3 ? read_cost(parts[0]) : std::nullopt;
  if (!cost || !is_base64_of(parts[1], PasswordSalt{}.size()) || !is_base64_of(parts[2], kHashBytes)) {
    return fail(Code::invalid_argument,
                "a malformed argon2id hash; make a new one with: sallyport user passwd");
  }
  if (!within_bounds(*cost)) {
    return fail(Code::invalid_argument, concat("an argon2id hash beyond our bounds (m <= ",
                                               kPasswordMemoryKibMax, ", t <= ", kPasswordPassesMax, ")"));
  }
  return ok();
}

PasswordMatch verify_password(const SecretText& password, const std::string& hash) noexcept {
  if (!start_sodium() || !usable(password) || !check_password_hash(hash)) return PasswordMatch::no;
  const int differs =
      crypto_pwhash_argon2id_str_verify(hash.c_str(), password.expose().data(), password.size());
  return differs == 0 ? PasswordMatch::yes : PasswordMatch::no;
}

}  // namespace sallyport
