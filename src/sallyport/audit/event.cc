// SPDX-License-Identifier: Apache-2.0
#include "sallyport/audit/event.h"

#include <array>
#include <cstdio>
#include <ctime>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

constexpr std::array<std::string_view, 4> kDoors{"http", "websocket", "admin", "library"};
constexpr std::array<std::string_view, 14> kKinds{
    "request",        "login",      "logout",       "credential_minted", "credential_revoked",
    "connection_cut", "session",    "lockout",      "setting_weakened",  "service",
    "audit_lost",     "audit_torn", "audit_broken", "certificate"};
constexpr std::array<std::string_view, 3> kOutcomes{"denied", "allowed", "failed"};
static_assert(kKinds.size() == static_cast<std::size_t>(AuditKind::certificate) + 1);
static_assert(kDoors.size() == static_cast<std::size_t>(Door::library) + 1);
static_assert(kOutcomes.size() == static_cast<std::size_t>(Outcome::failed) + 1);

constexpr std::size_t kPrefixBytes = 4;  // "sps_"
constexpr std::size_t kSecretLookBytesMin =
    16;  // base64url characters that make a secret of what follows a prefix

constexpr bool is_base64url(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/// secret_size returns how many bytes at the start of `text` look like a credential of ours, 0 where none do.
/// Prefixes are judged by shape ("sp", a letter, "_"), so that a kind that is added later is scrubbed from
/// its first day.
std::size_t secret_size(std::string_view text) noexcept {
  if (text.size() < kPrefixBytes + kSecretLookBytesMin || !text.starts_with("sp") || text[3] != '_') return 0;
  if (text[2] < 'a' || text[2] > 'z') return 0;
  std::size_t end = kPrefixBytes;
  while (end < text.size() && is_base64url(text[end])) ++end;
  return end - kPrefixBytes >= kSecretLookBytesMin ? end : 0;
}

void append_escaped(std::string& out, char c) {
  constexpr char kHex[] = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  if (byte < 0x20 || byte >= 0x7f) {
    out += "\\u00";
    out.push_back(kHex[byte >> 4]);
    out.push_back(kHex[byte & 15]);
    return;
  }
  if (c == '"' || c == '\\') out.push_back('\\');
  out.push_back(c);
}

void append_text(std::string& out, std::string_view text) {
  out.push_back('"');
  std::size_t written = 0;
  for (std::size_t at = 0; at < text.size(); ++at, ++written) {
    if (written == kAuditTextBytesMax) {
      out += "...";
      break;
    }
    if (const std::size_t secret = secret_size(text.substr(at)); secret != 0) {
      out.append(text.substr(at, kPrefixBytes)).append("[cut]");
      at += secret - 1;
    } else {
      append_escaped(out, text[at]);
    }
  }
  out.push_back('"');
}

void add_key(std::string& out, std::string_view key) { out.append(",\"").append(key).append("\":"); }

/// add_word adds a word of ours, which needs no escape.
void add_word(std::string& out, std::string_view key, std::string_view word) {
  add_key(out, key);
  out.push_back('"');
  out.append(word).push_back('"');
}

void add_text(std::string& out, std::string_view key, std::string_view text) {
  if (text.empty()) return;
  add_key(out, key);
  append_text(out, text);
}

void add_number(std::string& out, std::string_view key, std::uint32_t number) {
  add_key(out, key);
  out += concat(number);
}

}  // namespace

std::string_view name_of(Door door) noexcept { return kDoors[static_cast<std::size_t>(door)]; }
std::string_view name_of(AuditKind kind) noexcept { return kKinds[static_cast<std::size_t>(kind)]; }
std::string_view name_of(Outcome outcome) noexcept { return kOutcomes[static_cast<std::size_t>(outcome)]; }

void append_utc(std::string& out, WallTime at) {
  constexpr std::int64_t kNanosPerSecond = 1'000'000'000;
  const std::int64_t nanos = at.time_since_epoch().count();
  std::int64_t unix_seconds = nanos / kNanosPerSecond;
  std::int64_t rest = nanos % kNanosPerSecond;
  if (rest < 0) {  // before 1970; std::chrono::floor would overflow at the far end
    --unix_seconds;
    rest += kNanosPerSecond;
  }
  const std::int64_t millis = rest / 1'000'000;
  std::tm parts{};
  gmtime_r(&unix_seconds, &parts);
  std::array<char, 40> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  out.append(text.data(), size);
  const auto digit = [](std::int64_t value) { return static_cast<char>('0' + value % 10); };
  out += {'.', digit(millis / 100), digit(millis / 10), digit(millis), 'Z'};
}

void append_json_line(std::string& out, WallTime at, const AuditEvent& event,
                      const Fingerprinter& fingerprinter) {
  out += "{\"time\":\"";
  append_utc(out, at);
  out.push_back('"');
  add_word(out, "event", name_of(event.kind));
  add_word(out, "outcome", name_of(event.outcome));
  if (event.door) add_word(out, "door", name_of(*event.door));
  add_text(out, "who", event.who);
  if (event.who_kind) add_word(out, "who_kind", name_of(*event.who_kind));
  if (event.how != CredentialKind::none) add_word(out, "how", name_of(event.how));
  if (event.credential) add_word(out, "credential", fingerprinter.fingerprint(*event.credential));
  add_text(out, "session", event.session);
  if (event.denial) add_word(out, "denial", name_of(*event.denial));
  add_text(out, "step", event.step);
  if (event.status != 0) add_number(out, "status", event.status);
  add_text(out, "method", event.method);
  add_text(out, "path", event.path.substr(0, event.path.find('?')));
  if (event.peer != nullptr) add_text(out, "peer", event.peer->str());
  if (event.peer_uid) add_number(out, "peer_uid", *event.peer_uid);
  add_text(out, "request_id", event.request_id);
  add_text(out, "detail", event.detail);
  out += "}\n";
}

}  // namespace sallyport
