// SPDX-License-Identifier: Apache-2.0
#include "sallyport/pki/revocation_list.h"

#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/pki/certificate.h"
#include "sallyport/pki/internal/data.h"

namespace sallyport {
namespace {

struct ReasonRow {
  RevocationReason reason;
  long number;  // RFC 5280 section 5.3.1
  std::string_view name;
};
constexpr std::array kReasons{
    ReasonRow{RevocationReason::unspecified, CRL_REASON_UNSPECIFIED, "unspecified"},
    ReasonRow{RevocationReason::key_compromise, CRL_REASON_KEY_COMPROMISE, "keyCompromise"},
    ReasonRow{RevocationReason::affiliation_changed, CRL_REASON_AFFILIATION_CHANGED, "affiliationChanged"},
    ReasonRow{RevocationReason::superseded, CRL_REASON_SUPERSEDED, "superseded"},
    ReasonRow{RevocationReason::cessation_of_operation, CRL_REASON_CESSATION_OF_OPERATION,
              "cessationOfOperation"},
    ReasonRow{RevocationReason::privilege_withdrawn, CRL_REASON_PRIVILEGE_WITHDRAWN, "privilegeWithdrawn"}};

/// reason_of reads an entry's reason; what is no reason of ours, or unreadable, is unspecified: revoked
/// anyway.
RevocationReason reason_of(const X509_REVOKED& entry) {
  using Enumerated = std::unique_ptr<ASN1_ENUMERATED, ossl::Freed<ASN1_ENUMERATED_free>>;
  const Enumerated held(
      static_cast<ASN1_ENUMERATED*>(X509_REVOKED_get_ext_d2i(&entry, NID_crl_reason, nullptr, nullptr)));
  const long number = held != nullptr ? ASN1_ENUMERATED_get(held.get()) : CRL_REASON_UNSPECIFIED;
  const auto row = std::ranges::find(kReasons, number, &ReasonRow::number);
  return row != kReasons.end() ? row->reason : RevocationReason::unspecified;
}

std::optional<std::uint64_t> number_of(const X509_CRL& list) {
  const ossl::Integer held(
      static_cast<ASN1_INTEGER*>(X509_CRL_get_ext_d2i(&list, NID_crl_number, nullptr, nullptr)));
  std::uint64_t number = 0;
  if (held == nullptr || ASN1_INTEGER_get_uint64(&number, held.get()) != 1) return std::nullopt;
  return number;
}

Result<std::vector<Revocation>> entries_of(X509_CRL& list) {
  std::vector<Revocation> entries;
  const STACK_OF(X509_REVOKED)* const held = X509_CRL_get_REVOKED(&list);
  const int count = held != nullptr ? sk_X509_REVOKED_num(held) : 0;
  if (count > static_cast<int>(kRevocationsMax))
    return fail(Code::exhausted,
                concat("a revocation list with more than ", kRevocationsMax, " entries is refused"));
  entries.reserve(static_cast<std::size_t>(std::max(count, 0)));
  for (int i = 0; i < count; ++i) {
    const X509_REVOKED& entry = *sk_X509_REVOKED_value(held, i);
    SALLYPORT_TRY(at, ossl::wall_time(X509_REVOKED_get0_revocationDate(&entry)));
    entries.push_back(
        Revocation{ossl::serial_text(X509_REVOKED_get0_serialNumber(&entry)), at, reason_of(entry)});
  }
  std::ranges::sort(entries, {}, &Revocation::serial);
  return entries;
}

Error too_large() {
  return fail(Code::exhausted,
              concat("a revocation list larger than ", kRevocationListBytesMax, " bytes is refused"));
}

}  // namespace

std::string_view name_of(RevocationReason reason) noexcept {
  return std::ranges::find(kReasons, reason, &ReasonRow::reason)->name;
}

std::optional<RevocationReason> parse_revocation_reason(std::string_view text) noexcept {
  const auto row =
      std::ranges::find_if(kReasons, [text](const ReasonRow& r) { return iequals(r.name, text); });
  if (row == kReasons.end()) return std::nullopt;
  return row->reason;
}

long ossl::reason_number(RevocationReason reason) noexcept {
  return std::ranges::find(kReasons, reason, &ReasonRow::reason)->number;
}

Result<RevocationList> ossl::RevocationListData::read(RevocationListHandle handle) {
  auto data = std::make_shared<RevocationListData>();
  SALLYPORT_TRY(first, wall_time(X509_CRL_get0_lastUpdate(handle.get())));
  data->this_update = first;
  if (const ASN1_TIME* next = X509_CRL_get0_nextUpdate(handle.get()); next != nullptr) {
    SALLYPORT_TRY(last, wall_time(next));
    data->next_update = last;
  }
  SALLYPORT_TRY(entries, entries_of(*handle));
  data->entries = std::move(entries);
  data->issuer = name_text_of(X509_CRL_get_issuer(handle.get()));
  data->number = number_of(*handle);
  data->handle = std::move(handle);
  ERR_clear_error();
  return RevocationList(std::shared_ptr<const RevocationListData>(std::move(data)));
}

Result<RevocationList> RevocationList::from_der(std::span<const std::byte> der) {
  if (der.size() > kRevocationListBytesMax) return too_large();
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const auto* const begin = at;
  ossl::RevocationListHandle handle(d2i_X509_CRL(nullptr, &at, static_cast<long>(der.size())));
  if (handle == nullptr) return ossl::error(Code::invalid_argument, "read a revocation list");
  if (static_cast<std::size_t>(at - begin) != der.size())
    return fail(Code::invalid_argument, "there are bytes behind the revocation list");
  return ossl::RevocationListData::read(std::move(handle));
}

Result<RevocationList> RevocationList::from_pem(std::string_view pem) {
  if (!pem.empty() && pem.front() == 0x30) return from_der(std::as_bytes(std::span(pem)));
  if (pem.size() > 2 * kRevocationListBytesMax) return too_large();
  const ossl::Memory memory = ossl::reading(pem);
  ossl::RevocationListHandle handle(
      memory != nullptr ? PEM_read_bio_X509_CRL(memory.get(), nullptr, ossl::no_password, nullptr) : nullptr);
  if (handle == nullptr) {
    return pem.find("-----BEGIN X509 CRL-----") == std::string_view::npos
               ? fail(Code::invalid_argument, "there is no revocation list in it (PEM, BEGIN X509 CRL)")
               : ossl::error(Code::invalid_argument, "read a revocation list");
  }
  return ossl::RevocationListData::read(std::move(handle));
}

const std::string& RevocationList::issuer() const noexcept { return data_->issuer; }
WallTime RevocationList::this_update() const noexcept { return data_->this_update; }
std::optional<WallTime> RevocationList::next_update() const noexcept { return data_->next_update; }
std::optional<std::uint64_t> RevocationList::number() const noexcept { return data_->number; }
const std::vector<Revocation>& RevocationList::entries() const noexcept { return data_->entries; }

const Revocation* RevocationList::find(const Certificate& certificate) const noexcept {
  const std::string& serial = certificate.facts().serial;
  const auto at = std::ranges::lower_bound(data_->entries, serial, {}, &Revocation::serial);
  return at != data_->entries.end() && at->serial == serial ? &*at : nullptr;
}

bool RevocationList::signed_by(const Certificate& issuer) const {
  X509* const certificate = ossl::object_of(issuer);
  const bool good =
      X509_NAME_cmp(X509_CRL_get_issuer(data_->handle.get()), X509_get_subject_name(certificate)) == 0 &&
      X509_get0_pubkey(certificate) != nullptr &&
      X509_CRL_verify(data_->handle.get(), X509_get0_pubkey(certificate)) == 1;
  ERR_clear_error();
  return good;
}

std::string RevocationList::to_pem() const {
  const ossl::Memory memory(BIO_new(BIO_s_mem()));
  if (memory == nullptr || PEM_write_bio_X509_CRL(memory.get(), data_->handle.get()) != 1) std::abort();
  return std::string(ossl::written(memory));
}

}  // namespace sallyport
