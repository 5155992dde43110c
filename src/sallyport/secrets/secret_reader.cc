// SPDX-License-Identifier: Apache-2.0
#include "sallyport/secrets/secret_reader.h"

#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/config/secrets.h"
#include "sallyport/secrets/helper_program.h"

namespace sallyport {
namespace {

constexpr Duration kProgramPatience = std::chrono::seconds(10);

/// without_line_end: what people and programs write ends with a line end that is no part of the secret.
Result<SecretText> without_line_end(const SecretText& whole, const SecretRef& ref) {
  std::string_view text = whole.expose();
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (text.empty()) return fail(Code::invalid_argument, concat("the secret at ", ref.str(), " is empty"));
  return SecretText(text);
}

}  // namespace

SecretReader::SecretReader(Files& files, const Environment& environment, const MonotonicClock& clock,
                           std::optional<VaultOptions> vault)
    : files_(files), environment_(environment), clock_(clock) {
  if (vault) vault_ = std::make_unique<VaultClient>(clock, *std::move(vault));
}

Result<SecretText> SecretReader::read(const SecretRef& ref) {
  if (ref.kind == SecretRef::Kind::command) {
    SALLYPORT_TRY(printed,
                  read_from_program(ref.where, environment_, clock_, clock_.now() + kProgramPatience));
    return without_line_end(printed, ref);
  }
  if (ref.kind == SecretRef::Kind::vault) {
    if (vault_ == nullptr) {
      return fail(
          Code::invalid_argument,
          concat(ref.str(), " needs --vault-addr, and --vault-token, --vault-role-id or --vault-cert"));
    }
    SALLYPORT_TRY(value, vault_->read(ref.where, ref.field));
    return without_line_end(value, ref);
  }
  SecretSetting setting;
  setting.ref = ref;
  return resolve_secret(setting, files_, environment_);
}

FreshSecret::FreshSecret(SecretReader& reader, SecretRef ref, const MonotonicClock& clock,
                         SecretFreshness freshness, Alarm alarm)
    : reader_(reader), ref_(std::move(ref)), clock_(clock), freshness_(freshness), alarm_(std::move(alarm)) {}

Result<SecretText> FreshSecret::get() {
  const std::lock_guard lock(mutex_);
  const MonotonicTime now = clock_.now();
  if (now >= fetch_again_) return fetch(now);
  if (!last_error_) return last_good_.duplicate();
  if (!last_good_.empty() && now < good_at_ + freshness_.grace) return last_good_.duplicate();
  last_good_ = SecretText();
  return *last_error_;
}

Result<SecretText> FreshSecret::fetch(MonotonicTime now) {
  auto read = reader_.read(ref_);
  if (read) {
    const bool recovered = std::exchange(last_error_, std::nullopt).has_value();
    if (recovered && alarm_) alarm_(concat("the secret at ", ref_.str(), " can be read again"));
    last_good_ = *std::move(read);
    good_at_ = now;
    fetch_again_ = now + freshness_.refresh;
    return last_good_.duplicate();
  }
  const bool first = !last_error_.has_value();
  last_error_ = std::move(read).error();
  fetch_again_ = now + freshness_.retry;
  if (last_error_->code == Code::not_found || now >= good_at_ + freshness_.grace) last_good_ = SecretText();
  if (first && alarm_) {
    alarm_(concat("the secret at ", ref_.str(), " cannot be read: ", last_error_->what,
                  last_good_.empty() ? "; who needs it is turned away"
                                     : concat("; the last good one counts for at most ",
                                              format_duration(freshness_.grace))));
  }
  if (last_good_.empty()) return *last_error_;
  return last_good_.duplicate();
}

}  // namespace sallyport
