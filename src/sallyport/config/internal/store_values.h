// SPDX-License-Identifier: Apache-2.0
// How each kind of option parses and keeps one value: what the rows of the table point to.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/config/settings.h"
#include "sallyport/http/path_rule.h"

namespace sallyport::internal {

inline constexpr std::uint32_t kThreadsMax = 256;
inline constexpr std::uint32_t kTokenLengthMin = 16;
inline constexpr std::uint32_t kTokenLengthMax = 128;
inline constexpr std::size_t kSessionIdBytesMax = 63;
inline constexpr std::uint32_t kSessionsPerOwnerMax = 100'000;
inline constexpr std::uint32_t kTokensPerOwnerMax = 10'000;
inline constexpr std::uint32_t kListenersPerOwnerMax = 256;
inline constexpr std::size_t kTextBytesMax = 4096;

inline Error bad(std::string_view expected) {
  return fail(Code::invalid_argument, concat("expected ", expected));
}

inline bool is_plain(std::string_view text) noexcept {
  return !text.empty() && text.size() <= kTextBytesMax && std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
}

template <auto member>
Status store_text(Settings& settings, std::string_view value) {
  if (!is_plain(value)) return bad("text without control characters, not empty");
  settings.*member = value;
  return ok();
}

template <auto member>
Status store_flag(Settings& settings, std::string_view value) {
  const auto is_any = [value](std::initializer_list<std::string_view> words) {
    return std::any_of(words.begin(), words.end(),
                       [value](std::string_view word) { return iequals(word, value); });
  };
  if (is_any({"true", "yes", "on", "1"})) {
    settings.*member = Switch::on;
  } else if (is_any({"false", "no", "off", "0"})) {
    settings.*member = Switch::off;
  } else {
    return bad("true or false");
  }
  return ok();
}

template <auto member>
Status store_duration(Settings& settings, std::string_view value) {
  const auto duration = parse_duration(value);
  if (!duration || *duration == Duration::zero())
    return bad("a duration with its unit, such as 30s, 5m or 1h30m");
  settings.*member = *duration;
  return ok();
}

template <auto member, std::uint32_t minimum, std::uint32_t maximum>
Status store_count(Settings& settings, std::string_view value) {
  const auto count = parse_decimal<std::uint32_t>(value);
  if (!count || *count < minimum || *count > maximum)
    return bad(concat("a number from ", minimum, " to ", maximum));
  settings.*member = *count;
  return ok();
}

/// store_parsed keeps what Type::parse made of the value in a list.
template <auto member, class Type>
Status store_parsed(Settings& settings, std::string_view value, std::string_view expected) {
  auto parsed = Type::parse(value);
  if (!parsed) return bad(expected);
  (settings.*member).push_back(*std::move(parsed));
  return ok();
}

template <auto member>
Status store_cidr(Settings& settings, std::string_view value) {
  return store_parsed<member, Cidr>(settings, value,
                                    "a network such as 192.0.2.0/24 or 2001:db8::/32, without host bits");
}

template <auto member>
Status store_texts(Settings& settings, std::string_view value) {
  if (!is_plain(value)) return bad("text without control characters");
  (settings.*member).emplace_back(value);
  return ok();
}

/// store_id keeps a number that the kernel gives users and groups; its last one stands for nobody.
template <auto member>
Status store_id(Settings& settings, std::string_view value) {
  const auto id = parse_decimal<std::uint32_t>(value);
  if (!id || *id == UINT32_MAX) return bad("a numeric id, such as 1000");
  (settings.*member).push_back(*id);
  return ok();
}

inline Status store_lockout(Settings& settings, std::string_view value) {
  settings.lockout = LockoutLimits::parse(value);
  if (!settings.lockout && value != "off") return bad("failures and a time, such as 5/5m, or off");
  return ok();
}

inline Status store_rate(Settings& settings, std::string_view value) {
  return store_parsed<&Settings::rate_limits, RateRule>(
      settings, value, "a rule such as 100/m, client=100/m:200, user=600/m or /api/*=10/s:20");
}

inline Status store_client_user(Settings& settings, std::string_view value) {
  return store_parsed<&Settings::client_users, ClientUser>(
      settings, value,
      "NAME=USER, such as uri:spiffe://example.org/alice=alice, dns:ci.example.org=ci or cn:Bob=bob");
}

inline Status store_tailscale_user(Settings& settings, std::string_view value) {
  return store_parsed<&Settings::tailscale_users, TailnetUser>(
      settings, value, "LOGIN or LOGIN=USER, such as alice@example.com or alice@example.com=alice");
}

inline Status store_listen(Settings& settings, std::string_view value) {
  return store_parsed<&Settings::listen, ListenAddress>(settings, value,
                                                        "HOST:PORT, [V6]:PORT, unix:PATH or fd:N");
}

template <auto member>
Status store_address(Settings& settings, std::string_view value) {
  auto parsed = ListenAddress::parse(value);
  if (!parsed) return bad("HOST:PORT, [V6]:PORT, unix:PATH or fd:N");
  settings.*member = *std::move(parsed);
  return ok();
}

inline Status store_admin_url(Settings& settings, std::string_view value) {
  auto parsed = PublicUrl::parse(value);
  if (!parsed) return bad("https://NAME[:PORT], without path");
  settings.admin_url = *std::move(parsed);
  return ok();
}

inline Status store_domain(Settings& settings, std::string_view value) {
  const bool is_url = value.find("://") != std::string_view::npos;
  if (is_url ? !PublicUrl::parse(value) : !PublicUrl::parse(concat("https://", value)))
    return bad("a name such as tools.example.org, or https://tools.example.org:8443");
  settings.domain = value;
  return ok();
}

inline Status store_url(Settings& settings, std::string_view value) {
  return store_parsed<&Settings::public_urls, PublicUrl>(settings, value,
                                                         "https://NAME[:PORT], without path");
}

template <auto member>
Status store_secret(Settings& settings, std::string_view value) {
  auto ref = SecretRef::parse(value);
  if (!ref)
    return bad(
        "a secret that is not empty: file:PATH, env:NAME, fd:N, cred:NAME, exec:/PROGRAM or "
        "vault:MOUNT/PATH#FIELD");
  auto& secret = settings.*member;
  secret.text = ref->kind == SecretRef::Kind::inline_text ? SecretText(value) : SecretText();
  secret.ref = *std::move(ref);
  return ok();
}

inline Status store_token_secret(Settings& settings, std::string_view value) {
  if (value == "auto") return ok();  // made and kept in the state directory
  return store_secret<&Settings::session_token_secret>(settings, value);
}

inline Status store_name(Settings& settings, std::string_view value) {
  const bool plain = std::all_of(value.begin(), value.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
  if (value.empty() || value.size() > kSessionIdBytesMax || !plain || value.front() == '-' ||
      value.back() == '-') {
    return bad("1 to 63 of a-z, 0-9 and '-', with no '-' at either end");
  }
  settings.name = value;
  return ok();
}

inline Status store_ready(Settings& settings, std::string_view value) {
  if (!is_plain(value) || value.front() != '/' || value.starts_with("//"))
    return bad("a path that begins with one /");
  settings.ready = value;
  return ok();
}

inline Status store_public_path(Settings& settings, std::string_view value) {
  if (!PathRule::parse(value))
    return bad("a path such as /health, or /static/* for what is below: no query, no %");
  settings.public_paths.emplace_back(value);
  return ok();
}

inline bool is_variable(std::string_view name) noexcept {
  return !name.empty() && !(name.front() >= '0' && name.front() <= '9') &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '_';
         });
}

inline Status store_env(Settings& settings, std::string_view value) {
  const auto equals = value.find('=');
  const auto name = value.substr(0, equals);
  if (equals == std::string_view::npos || !is_variable(name) || value.find('\0') != std::string_view::npos) {
    return bad("NAME=VALUE");
  }
  const auto same = [name](const EnvValue& known) { return known.name == name; };
  if (std::any_of(settings.env.begin(), settings.env.end(), same)) return bad("each variable once");
  settings.env.push_back({std::string(name), std::string(value.substr(equals + 1))});
  return ok();
}

inline Status store_pass_env(Settings& settings, std::string_view value) {
  if (!is_variable(value)) return bad("the name of a variable");
  settings.pass_env.emplace_back(value);
  return ok();
}

/// The choices' texts stand once, in the order of the enumerators.
inline constexpr std::string_view kStores = "memory|sqlite";
inline constexpr std::string_view kOnStops = "end|keep";
inline constexpr std::string_view kTlsModes = "auto|off|self-signed|mkcert|tailscale";
inline constexpr std::string_view kAuthMethods = "auto|pam|password|token|mtls|tailscale";
inline constexpr std::string_view kRestartModes = "no|on-failure|always";
inline constexpr std::string_view kSandboxLevels = "none|basic|strict";
inline constexpr std::string_view kAuditFailures = "carry-on|refuse";

template <class Enum>
Result<Enum> choose(std::string_view choices, std::string_view value) {
  const auto words = split(choices, '|');
  const auto found = std::find(words.begin(), words.end(), value);
  if (found == words.end()) return bad(concat("one of ", choices));
  return static_cast<Enum>(found - words.begin());
}

template <auto member, const std::string_view& choices>
Status store_choice(Settings& settings, std::string_view value) {
  SALLYPORT_TRY(chosen, choose<std::remove_reference_t<decltype(settings.*member)>>(choices, value));
  settings.*member = chosen;
  return ok();
}

inline Status store_auth(Settings& settings, std::string_view value) {
  SALLYPORT_TRY(method, choose<AuthMethod>(kAuthMethods, value));
  settings.auth.push_back(method);
  return ok();
}

}  // namespace sallyport::internal
