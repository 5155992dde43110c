// SPDX-License-Identifier: Apache-2.0
#include "sallyport/durable/internal/record_codec.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace sallyport::internal {
namespace {

constexpr std::uint64_t kSessionForm = 1;
constexpr std::uint64_t kAccessTokenForm = 2;
constexpr std::size_t kNumberBytes = 8;

/// Writer writes into `out` where that is given, and counts in any case, so that a secret is written once and
/// in its place.
class Writer {
 public:
  explicit Writer(char* out) noexcept : out_(out) {}
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  void number(std::uint64_t value) {
    char bytes[kNumberBytes];
    for (auto& byte : bytes) {
      byte = static_cast<char>(value & 0xff);
      value >>= 8;
    }
    put({bytes, sizeof bytes});
  }
  void text(std::string_view value) {
    number(value.size());
    put(value);
  }

 private:
  void put(std::string_view bytes) {
    if (out_ != nullptr) std::copy(bytes.begin(), bytes.end(), out_ + size_);
    size_ += bytes.size();
  }
  char* out_;
  std::size_t size_ = 0;
};

/// Reader turns bad at the first thing that does not fit, and gives zeros from there on.
class Reader {
 public:
  explicit Reader(std::string_view bytes) noexcept : rest_(bytes) {}
  [[nodiscard]] bool good() const noexcept { return good_; }
  /// complete: all was read, and fitted.
  [[nodiscard]] bool complete() const noexcept { return good_ && rest_.empty(); }
  void spoil() noexcept { good_ = false; }

  std::uint64_t number() {
    const auto bytes = take(kNumberBytes);
    std::uint64_t value = 0;
    for (auto at = bytes.rbegin(); at != bytes.rend(); ++at)
      value = value << 8 | static_cast<unsigned char>(*at);
    return value;
  }
  std::string_view text() { return take(number()); }

 private:
  std::string_view take(std::uint64_t count) {
    if (!good_ || count > rest_.size()) {
      good_ = false;
      return {};
    }
    const auto taken = rest_.substr(0, static_cast<std::size_t>(count));
    rest_.remove_prefix(taken.size());
    return taken;
  }
  std::string_view rest_;
  bool good_ = true;
};

// One pair for each type of field: put() writes, get() reads the same.
void put(Writer& to, const std::string& value) { to.text(value); }
void get(Reader& from, std::string& value) { value = from.text(); }
void put(Writer& to, const SecretText& value) { to.text(value.expose()); }
void get(Reader& from, SecretText& value) { value = SecretText(from.text()); }
void put(Writer& to, const SessionId& value) { to.text(value.view()); }
void get(Reader& from, SessionId& value) { value = SessionId(std::string(from.text())); }
void put(Writer& to, Duration value) { to.number(static_cast<std::uint64_t>(value.count())); }
void get(Reader& from, Duration& value) { value = Duration(static_cast<std::int64_t>(from.number())); }
void put(Writer& to, WallTime value) { put(to, value.time_since_epoch()); }
void put(Writer& to, MonotonicTime value) { put(to, value.time_since_epoch()); }
template <class Clock>
void get(Reader& from, std::chrono::time_point<Clock, Duration>& value) {
  Duration since{};
  get(from, since);
  value = std::chrono::time_point<Clock, Duration>(since);
}
template <class Number>
requires std::is_integral_v<Number>
void put(Writer& to, Number value) { to.number(static_cast<std::uint64_t>(value)); }
template <class Number>
requires std::is_integral_v<Number>
void get(Reader& from, Number& value) {
  const auto read = from.number();
  value = static_cast<Number>(read);
  if (static_cast<std::uint64_t>(value) != read) from.spoil();
}
template <class Choice>
requires std::is_enum_v<Choice>
void put(Writer& to, Choice value) { to.number(static_cast<std::uint64_t>(value)); }
/// All enumerations in records have two values.
template <class Choice>
requires std::is_enum_v<Choice>
void get(Reader& from, Choice& value) {
  const auto read = from.number();
  if (read > 1) return from.spoil();
  value = static_cast<Choice>(read);
}
void put(Writer& to, const Digest& value) {
  to.text({reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size()});
}
void get(Reader& from, Digest& value) {
  const auto bytes = from.text();
  if (bytes.size() != value.bytes.size()) return from.spoil();
  std::memcpy(value.bytes.data(), bytes.data(), bytes.size());
}
void put(Writer& to, const DurableTime& value) {
  put(to, value.wall);
  put(to, value.monotonic);
  put(to, value.boot_id);
}
void get(Reader& from, DurableTime& value) {
  get(from, value.wall);
  get(from, value.monotonic);
  get(from, value.boot_id);
}
void put(Writer& to, const ProcessIdentity& value) {
  put(to, value.pid);
  put(to, value.start_ticks);
  put(to, value.boot_id);
}
void get(Reader& from, ProcessIdentity& value) {
  get(from, value.pid);
  get(from, value.start_ticks);
  get(from, value.boot_id);
}
template <class Value>
void put(Writer& to, const std::optional<Value>& value) {
  to.number(value ? 1 : 0);
  if (value) put(to, *value);
}
template <class Value>
void get(Reader& from, std::optional<Value>& value) {
  const auto count = from.number();
  if (count > 1) return from.spoil();
  if (count == 1) get(from, value.emplace());
}
void put(Writer& to, const TokenRecord& value);
void get(Reader& from, TokenRecord& value);
template <class Value>
void put(Writer& to, const std::vector<Value>& values) {
  to.number(values.size());
  for (const auto& value : values) put(to, value);
}
template <class Value>
void get(Reader& from, std::vector<Value>& values) {
  for (auto left = from.number(); left > 0 && from.good(); --left) get(from, values.emplace_back());
}

/// for_each hands all fields of a record to `field`, in the order in which they stand in the bytes.
template <class Record, class Field>
requires std::is_same_v<std::remove_const_t<Record>, TokenRecord>
void for_each(Record& record, Field field) {
  field(record.digest);
  field(record.issued);
  field(record.expires);
  field(record.rotations);
  field(record.made_with);
}
void put(Writer& to, const TokenRecord& value) {
  for_each(value, [&to](const auto& field) { put(to, field); });
}
void get(Reader& from, TokenRecord& value) {
  for_each(value, [&from](auto& field) { get(from, field); });
}

template <class Record, class Field>
requires std::is_same_v<std::remove_const_t<Record>, SessionRecord>
void for_each(Record& record, Field field) {
  field(record.id);
  field(record.name);
  field(record.owner);
  field(record.shared);
  field(record.command);
  field(record.preset);
  field(record.environment);
  field(record.pass_environment);
  field(record.directory);
  field(record.ready_path);
  field(record.routing);
  field(record.limits.ready_timeout);
  field(record.limits.idle_timeout);
  field(record.limits.restart);
  field(record.limits.start);
  field(record.created);
  field(record.expires);
  field(record.tokens);
  field(record.backend_credential);
  field(record.shepherd);
  field(record.tool);
  field(record.endpoint);
  field(record.phase);
}

template <class Record, class Field>
requires std::is_same_v<std::remove_const_t<Record>, AccessTokenRecord>
void for_each(Record& record, Field field) {
  field(record.id);
  field(record.label);
  field(record.owner);
  field(record.roles);
  field(record.session);
  field(record.digest);
  field(record.made_with);
  field(record.created);
  field(record.expires);
}

template <class Record>
SecretText encode_as(std::uint64_t form, const Record& record) {
  const auto write = [&](Writer& to) {
    to.number(form);
    for_each(record, [&to](const auto& field) { put(to, field); });
  };
  Writer counted(nullptr);
  write(counted);
  return SecretText::filled_by(counted.size(), [&](std::span<char> out) {
    Writer to(out.data());
    write(to);
  });
}

template <class Record>
Result<Record> decode_as(std::uint64_t form, const SecretText& bytes) {
  Reader from(bytes.expose());
  Record record;
  if (from.number() != form) from.spoil();
  for_each(record, [&from](auto& field) { get(from, field); });
  if (!from.complete()) return fail(Code::invalid_argument, "it is no record of this version");
  return record;
}

}  // namespace

SecretText encode(const SessionRecord& record) { return encode_as(kSessionForm, record); }
SecretText encode(const AccessTokenRecord& record) { return encode_as(kAccessTokenForm, record); }

Result<SessionRecord> decode_session(const SecretText& bytes) {
  return decode_as<SessionRecord>(kSessionForm, bytes);
}
Result<AccessTokenRecord> decode_access_token(const SecretText& bytes) {
  return decode_as<AccessTokenRecord>(kAccessTokenForm, bytes);
}

}  // namespace sallyport::internal
