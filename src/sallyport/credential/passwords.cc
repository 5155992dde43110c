// SPDX-License-Identifier: Apache-2.0
#include "sallyport/credential/passwords.h"

#include <algorithm>
#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/credential/kept_secret.h"

namespace sallyport {

std::string_view name_of(PasswordSource source) noexcept {
  switch (source) {
    case PasswordSource::environment:
      return "environment";
    case PasswordSource::file:
      return "file";
    case PasswordSource::generated:
      return "generated";
  }
  return "unknown";
}

PasswordBook::PasswordBook(Files& files, PasswordSource source, std::string path, std::string owner)
    : files_(files), source_(source), path_(std::move(path)), owner_(std::move(owner)) {}

Result<std::unique_ptr<PasswordBook>> PasswordBook::open(Files& files, Entropy& entropy,
                                                         const VariableLookup& lookup,
                                                         PasswordOptions options) {
  const auto book_of = [&](PasswordSource source, std::string path) {
    return std::unique_ptr<PasswordBook>(new PasswordBook(files, source, std::move(path), options.owner));
  };
  if (lookup(kPasswordVariable)) {
    SALLYPORT_TRY(password, secret_from_variable(lookup, kPasswordVariable));
    SALLYPORT_TRY(table, PasswordTable::of_owner(password, options.owner));
    auto book = book_of(PasswordSource::environment, {});
    book->table_ = std::make_shared<const PasswordTable>(std::move(table));
    return book;
  }
  if (options.file.empty()) {
    SALLYPORT_TRY(kept, ensure_password(files, entropy, options.generated_file));
    (void)kept;  // refresh reads what the file holds, like any other
  }
  auto book = options.file.empty() ? book_of(PasswordSource::generated, options.generated_file)
                                   : book_of(PasswordSource::file, options.file);
  book->refresh();
  if (const PasswordHealth health = book->health(); health.state == PasswordHealth::State::failing) {
    return fail(Code::invalid_argument, health.reason);
  }
  return book;
}

Result<std::shared_ptr<const PasswordTable>> PasswordBook::read() {
  SALLYPORT_TRY(content, files_.read_secret(path_, FilePrivacy::owner_only));
  const Digest digest = sha256(content.expose());
  {
    const std::lock_guard lock(mutex_);
    if (table_ != nullptr && digest.matches(content_)) return table_;
  }
  auto parsed = PasswordTable::parse(content.expose(), owner_);
  if (!parsed) return fail(parsed.error().code, concat(path_, ": ", parsed.error().what));
  auto table = std::make_shared<const PasswordTable>(*std::move(parsed));
  adopt(table, digest);
  return table;
}

void PasswordBook::adopt(std::shared_ptr<const PasswordTable> table, const Digest& content) {
  const std::lock_guard lock(mutex_);
  if (table_ != nullptr) {
    for (std::string& name : table->changed_since(*table_)) {
      if (std::ranges::find(changed_, name) == changed_.end()) changed_.push_back(std::move(name));
    }
  }
  table_ = std::move(table);
  content_ = content;
}

std::shared_ptr<const PasswordTable> PasswordBook::current() {
  if (source_ == PasswordSource::environment) return table_;
  auto table = read();
  const std::lock_guard lock(mutex_);
  health_ = table ? PasswordHealth{} : PasswordHealth{PasswordHealth::State::failing, table.error().what};
  return table ? *table : nullptr;
}

PasswordVerdict PasswordBook::check(std::string_view name, const SecretText& password) {
  const auto table = current();
  if (table == nullptr) return PasswordVerdict{Denial::store_unavailable, nullptr, nullptr};
  if (table->verify(name, password) != PasswordMatch::yes)
    return PasswordVerdict{Denial::wrong_password, nullptr, nullptr};
  const std::string id = name.empty() ? owner_ : std::string(name);
  return PasswordVerdict{
      std::nullopt, std::make_shared<const Principal>(Principal{id, PrincipalKind::user, "password", {}}),
      table};
}

bool PasswordBook::stands(const PasswordVerdict& verdict) const {
  if (verdict.denial || verdict.principal == nullptr || verdict.judged_by == nullptr) return false;
  const std::lock_guard lock(mutex_);
  return table_ != nullptr && table_->keeps(verdict.principal->id, *verdict.judged_by);
}

bool PasswordBook::knows(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  if (table_ == nullptr) return false;
  const auto names = table_->names();
  return std::ranges::find(names, name) != names.end();
}

void PasswordBook::refresh() { (void)current(); }

std::vector<std::string> PasswordBook::take_changed() {
  const std::lock_guard lock(mutex_);
  return std::exchange(changed_, {});
}

PasswordHealth PasswordBook::health() const {
  const std::lock_guard lock(mutex_);
  return health_;
}

}  // namespace sallyport
