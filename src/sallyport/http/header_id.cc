// SPDX-License-Identifier: Apache-2.0
#include "sallyport/http/header_id.h"

#include <algorithm>
#include <array>
#include <bit>

#include "sallyport/http/fold.h"
#include "sallyport/http/internal/name_table.h"

namespace sallyport {
namespace {

constexpr std::uint8_t kHop = static_cast<std::uint8_t>(FieldFlag::hop_by_hop);
constexpr std::uint8_t kStrip = static_cast<std::uint8_t>(FieldFlag::identity);
constexpr std::uint8_t kMark = static_cast<std::uint8_t>(FieldFlag::forwarded);
constexpr std::uint8_t kPublicFlags = 15;
constexpr std::uint8_t kGuarded = 128;  // only this spelling goes through: odd ones are taken out

constexpr std::uint8_t kInRequest = 1;
constexpr std::uint8_t kInResponse = 2;
constexpr std::uint8_t kInBoth = 3;

struct KnownName {
  HeaderId id;
  std::string_view text;
  std::uint8_t flags;
  std::uint8_t singleton;
};

/// In the order of HeaderId, `other` left out, so that an id is its place here + 1; then names without an id
/// of their own.
constexpr KnownName kNames[] = {
    {HeaderId::accept, "Accept", 0, 0},
    {HeaderId::accept_encoding, "Accept-Encoding", 0, 0},
    {HeaderId::accept_language, "Accept-Language", 0, 0},
    {HeaderId::access_control_request_headers, "Access-Control-Request-Headers", 0, 0},
    {HeaderId::access_control_request_method, "Access-Control-Request-Method", 0, kInRequest},
    {HeaderId::age, "Age", 0, kInResponse},
    {HeaderId::authorization, "Authorization", kStrip, kInRequest},
    {HeaderId::cache_control, "Cache-Control", 0, 0},
    {HeaderId::connection, "Connection", kHop, 0},
    {HeaderId::content_encoding, "Content-Encoding", 0, 0},
    {HeaderId::content_length, "Content-Length", kGuarded, kInBoth},
    {HeaderId::content_type, "Content-Type", 0, kInRequest},
    {HeaderId::cookie, "Cookie", kGuarded, 0},
    {HeaderId::date, "Date", 0, 0},
    {HeaderId::etag, "ETag", 0, kInResponse},
    {HeaderId::expect, "Expect", kGuarded, kInRequest},
    {HeaderId::forwarded, "Forwarded", kMark, 0},
    {HeaderId::host, "Host", kGuarded, kInRequest},
    {HeaderId::http2_settings, "HTTP2-Settings", kHop, 0},
    {HeaderId::if_match, "If-Match", 0, 0},
    {HeaderId::if_modified_since, "If-Modified-Since", 0, 0},
    {HeaderId::if_none_match, "If-None-Match", 0, 0},
    {HeaderId::if_range, "If-Range", 0, 0},
    {HeaderId::if_unmodified_since, "If-Unmodified-Since", 0, 0},
    {HeaderId::keep_alive, "Keep-Alive", kHop, 0},
    {HeaderId::last_modified, "Last-Modified", 0, 0},
    {HeaderId::location, "Location", 0, kInResponse},
    {HeaderId::origin, "Origin", kGuarded, kInRequest},
    {HeaderId::pragma, "Pragma", 0, 0},
    {HeaderId::proxy, "Proxy", kStrip, 0},
    {HeaderId::proxy_authenticate, "Proxy-Authenticate", kHop, 0},
    {HeaderId::proxy_authorization, "Proxy-Authorization", kHop, kInRequest},
    {HeaderId::proxy_connection, "Proxy-Connection", kHop, 0},
    {HeaderId::range, "Range", 0, 0},
    {HeaderId::referer, "Referer", kGuarded, kInRequest},
    {HeaderId::retry_after, "Retry-After", 0, 0},
    {HeaderId::sec_fetch_dest, "Sec-Fetch-Dest", kGuarded, kInRequest},
    {HeaderId::sec_fetch_mode, "Sec-Fetch-Mode", kGuarded, kInRequest},
    {HeaderId::sec_fetch_site, "Sec-Fetch-Site", kGuarded, kInRequest},
    {HeaderId::sec_fetch_user, "Sec-Fetch-User", kGuarded, kInRequest},
    {HeaderId::sec_websocket_accept, "Sec-WebSocket-Accept", kGuarded, kInResponse},
    {HeaderId::sec_websocket_extensions, "Sec-WebSocket-Extensions", 0, 0},
    {HeaderId::sec_websocket_key, "Sec-WebSocket-Key", kGuarded, kInRequest},
    {HeaderId::sec_websocket_protocol, "Sec-WebSocket-Protocol", kGuarded, 0},
    {HeaderId::sec_websocket_version, "Sec-WebSocket-Version", kGuarded, kInRequest},
    {HeaderId::server, "Server", 0, 0},
    {HeaderId::set_cookie, "Set-Cookie", 0, 0},
    {HeaderId::te, "TE", kHop, 0},
    {HeaderId::traceparent, "Traceparent", 0, 0},
    {HeaderId::tracestate, "Tracestate", 0, 0},
    {HeaderId::trailer, "Trailer", kHop, 0},
    {HeaderId::transfer_encoding, "Transfer-Encoding", kHop, kInBoth},
    {HeaderId::upgrade, "Upgrade", kHop, kInBoth},
    {HeaderId::upgrade_insecure_requests, "Upgrade-Insecure-Requests", 0, 0},
    {HeaderId::user_agent, "User-Agent", 0, 0},
    {HeaderId::vary, "Vary", 0, 0},
    {HeaderId::via, "Via", kMark, 0},
    {HeaderId::www_authenticate, "WWW-Authenticate", 0, 0},
    {HeaderId::x_forwarded_for, "X-Forwarded-For", kMark, 0},
    {HeaderId::x_forwarded_groups, "X-Forwarded-Groups", kStrip, 0},
    {HeaderId::x_forwarded_host, "X-Forwarded-Host", kMark, 0},
    {HeaderId::x_forwarded_method, "X-Forwarded-Method", kMark, 0},
    {HeaderId::x_forwarded_port, "X-Forwarded-Port", kMark, 0},
    {HeaderId::x_forwarded_proto, "X-Forwarded-Proto", kMark, 0},
    {HeaderId::x_forwarded_uri, "X-Forwarded-Uri", kMark, 0},
    {HeaderId::x_forwarded_user, "X-Forwarded-User", kStrip, 0},
    {HeaderId::x_original_method, "X-Original-Method", kMark, 0},
    {HeaderId::x_original_url, "X-Original-URL", kMark, 0},
    {HeaderId::x_real_ip, "X-Real-IP", kMark, 0},
    {HeaderId::x_request_id, "X-Request-ID", kGuarded, 0},
    {HeaderId::x_requested_with, "X-Requested-With", 0, kInRequest},
    {HeaderId::x_session_id, "X-Session-ID", kStrip, kInRequest},
    {HeaderId::x_session_token, "X-Session-Token", kStrip, kInRequest},
    {HeaderId::other, "Remote-User", kStrip, 0},
    {HeaderId::other, "Remote-Name", kStrip, 0},
    {HeaderId::other, "Remote-Email", kStrip, 0},
    {HeaderId::other, "Remote-Groups", kStrip, 0},
    {HeaderId::other, "Remote-Sub", kStrip, 0},
    {HeaderId::other, "Remote-Addr", kStrip, 0},
    {HeaderId::other, "X-Remote-User", kStrip, 0},
    {HeaderId::other, "X-Authenticated-User", kStrip, 0},
    {HeaderId::other, "X-WebAuth-User", kStrip, 0},
    {HeaderId::other, "X-Forwarded-Email", kStrip, 0},
    {HeaderId::other, "X-Forwarded-Access-Token", kStrip, 0},
    {HeaderId::other, "X-Forwarded-Preferred-Username", kStrip, 0},
    {HeaderId::other, "X-Client-IP", kMark, 0},
    {HeaderId::other, "X-Cluster-Client-IP", kMark, 0},
    {HeaderId::other, "X-Rewrite-URL", kMark, 0},
    {HeaderId::other, "X-ProxyContextPath", kMark, 0},
    {HeaderId::other, "True-Client-IP", kMark, 0},
    {HeaderId::other, "Fly-Client-IP", kMark, 0},
    {HeaderId::other, "Fastly-Client-IP", kMark, 0},
    {HeaderId::other, "CDN-Loop", kMark, 0},
};
constexpr std::size_t kNameCount = std::size(kNames);

using NameWords = std::array<std::uint64_t, 4>;

constexpr FoldedName folded_of(std::string_view text) {
  FoldedName folded{};
  for (std::size_t i = 0; i < text.size(); ++i) folded[i] = ascii_lower(text[i]);
  return folded;
}

/// KnownFamily is every name that starts with `prefix` (16 bytes at most), whatever follows: two words under
/// two masks.
struct KnownFamily {
  constexpr KnownFamily(std::string_view prefix, int bits)
      : start(std::bit_cast<NameWords>(folded_of(prefix))), flags(static_cast<std::uint8_t>(bits)) {
    FoldedName ones{};
    for (std::size_t i = 0; i < prefix.size(); ++i) ones[i] = static_cast<char>(0xff);
    mask = std::bit_cast<NameWords>(ones);
  }
  [[nodiscard]] constexpr bool holds(const NameWords& name) const noexcept {
    return (((name[0] ^ start[0]) & mask[0]) | ((name[1] ^ start[1]) & mask[1])) == 0;
  }
  NameWords start;
  NameWords mask{};
  std::uint8_t flags;
};
constexpr KnownFamily kFamilies[] = {
    {"x-forwarded-", kMark}, {"x-auth-request-", kStrip}, {"x-sallyport-", kStrip},
    {"x-session-", kStrip},  {"x-pomerium-", kStrip},     {"x-vouch-", kStrip},
    {"x-original-", kMark},  {"x-envoy-", kMark},         {"tailscale-", kStrip | kMark},
    {"cf-", kMark},          {"x-ssl-", kStrip},          {"ssl-client-", kStrip},
    {"client-cert", kStrip}, {"x-client-cert", kStrip},   {"x-tls-client", kStrip},
};

/// The hash mixes the whole padded name; kHashFactor was searched for so that no two names collide, and the
/// assertion below says when a new name needs a new one.
constexpr std::size_t kSlotCount = 1024;
constexpr std::uint64_t kHashFactor = 0x587fd2803bab6c39U;
constexpr std::size_t slot_of(const NameWords& words) noexcept {
  const std::uint64_t mixed =
      words[0] ^ std::rotl(words[1], 13) ^ std::rotl(words[2], 29) ^ std::rotl(words[3], 43);
  return static_cast<std::size_t>((mixed * kHashFactor) >> 54U);
}

struct NameTable {
  std::array<std::uint8_t, kSlotCount>
      slots{};  // index into `folded`; 0 is the empty name, which matches no field
  std::array<NameWords, kNameCount + 1> folded{};
  bool collided = false;
};
constexpr NameTable make_name_table() {
  NameTable table;
  for (std::size_t i = 0; i < kNameCount; ++i) {
    table.folded[i + 1] = std::bit_cast<NameWords>(folded_of(kNames[i].text));
    std::uint8_t& slot = table.slots[slot_of(table.folded[i + 1])];
    if (slot != 0) table.collided = true;
    slot = static_cast<std::uint8_t>(i + 1);
  }
  return table;
}
constexpr NameTable kTable = make_name_table();
static_assert(!kTable.collided, "two names share a slot: choose another odd kHashFactor");

constexpr bool names_follow_the_ids() {
  for (std::size_t i = 0; i < kNameCount; ++i) {
    const bool has_id = i + 1 < kHeaderIdCount;
    if (kNames[i].id != (has_id ? static_cast<HeaderId>(i + 1) : HeaderId::other)) return false;
    if (kNames[i].text.size() > kFoldedNameBytes) return false;
  }
  return kNameCount + 1 >= kHeaderIdCount;
}
static_assert(names_follow_the_ids());

/// find_words compares all 32 bytes at once: no branch depends on where two names differ.
inline const KnownName* find_words(const NameWords& words) noexcept {
  const std::size_t place = kTable.slots[slot_of(words)];
  const NameWords& known = kTable.folded[place];
  const std::uint64_t difference =
      (known[0] ^ words[0]) | (known[1] ^ words[1]) | (known[2] ^ words[2]) | (known[3] ^ words[3]);
  return difference == 0 && place != 0 ? &kNames[place - 1] : nullptr;
}

std::uint8_t family_flags(const NameWords& words) noexcept {
  for (const KnownFamily& family : kFamilies) {
    if (family.holds(words)) return family.flags;
  }
  return 0;
}

}  // namespace

FieldClass classify_folded(const FoldedName& folded) noexcept {
  const auto words = std::bit_cast<NameWords>(folded);
  const KnownName* known = find_words(words);
  if (known != nullptr) return {known->id, static_cast<std::uint8_t>(known->flags & kPublicFlags)};
  return {HeaderId::other, family_flags(words)};
}

FieldClass classify_odd_name(std::string_view name) noexcept {
  FoldedName folded{};
  const std::size_t kept = std::min(name.size(), kFoldedNameBytes);
  for (std::size_t i = 0; i < kept; ++i) folded[i] = fold_byte(name[i]);
  const auto words = std::bit_cast<NameWords>(folded);
  const KnownName* known = name.size() <= kFoldedNameBytes ? find_words(words) : nullptr;
  if (known == nullptr) return {HeaderId::other, family_flags(words)};
  if (iequals(name, known->text)) return {known->id, static_cast<std::uint8_t>(known->flags & kPublicFlags)};
  const bool guarded = known->flags != 0;
  return {HeaderId::other, static_cast<std::uint8_t>((known->flags & kMark) | (guarded ? kStrip : 0))};
}

FieldClass classify_name(std::string_view name) noexcept {
  FoldedName folded{};
  const std::size_t plain = scan_name_plain(name.data(), name.data() + name.size(), folded);
  return plain == name.size() ? classify_folded(folded) : classify_odd_name(name);
}

std::string_view canonical_name_of(HeaderId id) noexcept {
  const auto index = static_cast<std::size_t>(id);
  return index == 0 || index >= kHeaderIdCount ? std::string_view{} : kNames[index - 1].text;
}

bool is_singleton(HeaderId id, Direction direction) noexcept {
  const auto index = static_cast<std::size_t>(id);
  if (index == 0 || index >= kHeaderIdCount) return false;
  return (kNames[index - 1].singleton & static_cast<unsigned>(direction)) != 0;
}
bool is_singleton_in_request(HeaderId id) noexcept { return is_singleton(id, Direction::request); }
bool is_singleton_in_response(HeaderId id) noexcept { return is_singleton(id, Direction::response); }

}  // namespace sallyport
