// SPDX-License-Identifier: Apache-2.0
#include "sallyport/config/values.h"

#include <algorithm>
#include <array>

#include "sallyport/base/text.h"
#include "sallyport/http/host.h"

namespace sallyport {
namespace {

/// is_user_name: of a user of ours, or of a login elsewhere that one stands for.
bool is_user_name(std::string_view text) {
  constexpr std::size_t kBytesMax = 64;
  constexpr std::string_view kCharacters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@+-";
  return !text.empty() && text.size() <= kBytesMax &&
         text.find_first_not_of(kCharacters) == std::string_view::npos;
}

struct DurationUnit {
  std::string_view name;
  Duration length;
};
constexpr std::array<DurationUnit, 5> kUnits{{{"d", std::chrono::hours(24)},
                                              {"h", std::chrono::hours(1)},
                                              {"m", std::chrono::minutes(1)},
                                              {"s", std::chrono::seconds(1)},
                                              {"ms", std::chrono::milliseconds(1)}}};

struct SizeUnit {
  std::string_view name;
  unsigned shift;
};
constexpr std::array<SizeUnit, 7> kSizes{
    {{"", 0}, {"k", 10}, {"m", 20}, {"g", 30}, {"kib", 10}, {"mib", 20}, {"gib", 30}}};

constexpr int kInheritedDescriptorMin = 3;  // below are standard input, output and error
constexpr std::uint32_t kDescriptorMax = 1 << 20;
constexpr std::size_t kNumberDigitsMax = 12;

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_letter(char c) noexcept { return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z'; }

/// take_while cuts the longest start of `text` whose characters all hold.
template <class Holds>
std::string_view take_while(std::string_view& text, Holds holds) noexcept {
  const auto end = std::find_if_not(text.begin(), text.end(), holds);
  const auto taken = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(taken.size());
  return taken;
}

std::optional<std::uint64_t> take_number(std::string_view& text) noexcept {
  const auto digits = take_while(text, is_digit);
  if (digits.size() > kNumberDigitsMax) return std::nullopt;
  return parse_decimal<std::uint64_t>(digits);
}

std::optional<int> parse_descriptor(std::string_view text) noexcept {
  const auto number = parse_decimal<std::uint32_t>(text);
  if (!number || *number < kInheritedDescriptorMin || *number > kDescriptorMax) return std::nullopt;
  return static_cast<int>(*number);
}

std::uint16_t port_of(PublicUrl::Scheme scheme) noexcept {
  return scheme == PublicUrl::Scheme::https ? 443 : 80;
}

bool is_variable_name(std::string_view text) noexcept {
  return !text.empty() && !is_digit(text.front()) && std::all_of(text.begin(), text.end(), [](char c) {
    return is_digit(c) || is_letter(c) || c == '_';
  });
}

bool is_one_line(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c != 0x7f; });
}

/// is_file_name keeps a name inside its directory.
bool is_file_name(std::string_view name) noexcept {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos &&
         is_one_line(name);
}

/// is_vault_path: a mount and at least one more segment, none of which leads elsewhere or needs escaping.
bool is_vault_path(std::string_view path) noexcept {
  const auto segments = split(path, '/');
  return segments.size() >= 2 && std::all_of(segments.begin(), segments.end(), [](std::string_view segment) {
           return is_file_name(segment) && std::all_of(segment.begin(), segment.end(), [](char c) {
                    return is_digit(c) || is_letter(c) || c == '-' || c == '_' || c == '.' || c == '~';
                  });
         });
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) noexcept {
  if (text.empty()) return std::nullopt;
  Duration sum{};
  const auto* next = kUnits.begin();  // units fall: each may come once
  while (!text.empty()) {
    const auto number = take_number(text);
    const auto name = take_while(text, is_letter);
    const auto* unit =
        std::find_if(next, kUnits.end(), [&](const DurationUnit& u) { return u.name == name; });
    if (!number || unit == kUnits.end()) return std::nullopt;
    if (*number > static_cast<std::uint64_t>(kDurationMax / unit->length)) return std::nullopt;
    sum += unit->length * static_cast<Duration::rep>(*number);
    if (sum > kDurationMax) return std::nullopt;
    next = unit + 1;
  }
  return sum;
}

std::string format_duration(Duration duration) {
  if (duration <= Duration::zero()) return "0s";
  std::string out;
  for (const auto& unit : kUnits) {
    const auto count = duration / unit.length;
    if (count != 0) out += concat(count, unit.name);
    duration -= unit.length * count;
  }
  return out;
}

std::optional<ByteCount> parse_size(std::string_view text) noexcept {
  const auto number = take_number(text);
  if (!number) return std::nullopt;
  for (const auto& unit : kSizes) {
    if (!iequals(unit.name, text)) continue;
    if (*number > (UINT64_MAX >> unit.shift)) return std::nullopt;
    return static_cast<ByteCount>(*number << unit.shift);
  }
  return std::nullopt;
}

std::optional<ListenAddress> ListenAddress::parse(std::string_view text) {
  ListenAddress listen;
  if (text.starts_with("fd:")) {
    const auto descriptor = parse_descriptor(text.substr(3));
    if (!descriptor) return std::nullopt;
    listen.descriptor = *descriptor;
    return listen;
  }
  auto address = SocketAddress::parse(text);
  if (!address) return std::nullopt;
  listen.address = *std::move(address);
  return listen;
}

std::string ListenAddress::str() const { return is_inherited() ? concat("fd:", descriptor) : address.str(); }

std::optional<ClientUser> ClientUser::parse(std::string_view text) {
  const auto cut = text.rfind('=');
  if (cut == std::string_view::npos) return std::nullopt;
  const std::string_view name = text.substr(0, cut);
  const std::string_view user = text.substr(cut + 1);
  const bool known = name.starts_with("uri:") || name.starts_with("dns:") || name.starts_with("cn:");
  if (!known || name.ends_with(':') || escaped(name, name.size()) != name) return std::nullopt;
  if (!is_user_name(user)) return std::nullopt;
  return ClientUser{std::string(name), std::string(user)};
}

std::optional<TailnetUser> TailnetUser::parse(std::string_view text) {
  const auto cut = text.rfind('=');
  const std::string_view login = text.substr(0, cut);
  const std::string_view user = cut == std::string_view::npos ? text : text.substr(cut + 1);
  if (!is_user_name(login) || !is_user_name(user)) return std::nullopt;
  return TailnetUser{std::string(login), std::string(user)};
}

std::optional<PublicUrl> PublicUrl::parse(std::string_view text) {
  PublicUrl url;
  if (text.starts_with("https://")) {
    text.remove_prefix(8);
  } else if (text.starts_with("http://")) {
    url.scheme = Scheme::http;
    text.remove_prefix(7);
  } else {
    return std::nullopt;
  }
  if (text.ends_with('/')) text.remove_suffix(1);
  auto place = HostPort::parse(text);
  if (!place) return std::nullopt;
  url.host = std::move(place->host);
  url.port = place->port.value_or(port_of(url.scheme));
  return url;
}

std::string PublicUrl::authority() const { return port == port_of(scheme) ? host : concat(host, ':', port); }

std::string PublicUrl::origin() const {
  return concat(scheme == Scheme::https ? "https://" : "http://", authority());
}

std::optional<SecretRef> SecretRef::parse(std::string_view text) {
  SecretRef ref;
  if (text.empty()) return std::nullopt;
  if (text.starts_with("file:")) {
    ref.kind = Kind::file;
    ref.where = text.substr(5);
    if (ref.where.empty() || ref.where.find('\0') != std::string::npos) return std::nullopt;
  } else if (text.starts_with("env:")) {
    ref.kind = Kind::environment;
    ref.where = text.substr(4);
    if (!is_variable_name(ref.where)) return std::nullopt;
  } else if (text.starts_with("fd:")) {
    const auto descriptor = parse_descriptor(text.substr(3));
    if (!descriptor) return std::nullopt;
    ref.kind = Kind::descriptor;
    ref.descriptor = *descriptor;
  } else if (text.starts_with("cred:")) {
    ref.kind = Kind::credential;
    ref.where = text.substr(5);
    if (!is_file_name(ref.where)) return std::nullopt;
  } else if (text.starts_with("exec:")) {
    ref.kind = Kind::command;
    ref.where = text.substr(5);
    if (!ref.where.starts_with('/') || !is_one_line(ref.where)) return std::nullopt;
  } else if (text.starts_with("vault:")) {
    ref.kind = Kind::vault;
    const auto hash = text.rfind('#');
    if (hash == std::string_view::npos) return std::nullopt;
    ref.where = text.substr(6, hash - 6);
    ref.field = text.substr(hash + 1);
    if (!is_vault_path(ref.where) || ref.field.empty() || !is_one_line(ref.field)) return std::nullopt;
  } else {
    ref.kind = Kind::inline_text;
  }
  return ref;
}

std::string SecretRef::str() const {
  switch (kind) {
    case Kind::file:
      return concat("file:", escaped(where));
    case Kind::environment:
      return concat("env:", where);
    case Kind::descriptor:
      return concat("fd:", descriptor);
    case Kind::credential:
      return concat("cred:", where);
    case Kind::command:
      return concat("exec:", escaped(std::string_view(where).substr(0, where.find(' '))));
    case Kind::vault:
      return concat("vault:", escaped(where), '#', escaped(field));
    case Kind::inline_text:
      return "********";
    case Kind::none:
      break;
  }
  return "";
}

}  // namespace sallyport
