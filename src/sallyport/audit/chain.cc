// SPDX-License-Identifier: Apache-2.0
#include "sallyport/audit/chain.h"

#include <algorithm>

#include "sallyport/audit/event.h"
#include "sallyport/base/text.h"
#include "sallyport/crypto/digest.h"

namespace sallyport {
namespace {

constexpr std::size_t kHexBytes = 64;  // a MAC as text
constexpr std::string_view kMacKey = ",\"mac\":\"";
constexpr std::string_view kPreviousKey = ",\"prev\":\"";
constexpr std::string_view kSeqKey = ",\"seq\":";
constexpr std::string_view kSigKey = ",\"sig\":\"";
constexpr std::string_view kLineEnd = "\"}";
constexpr std::string_view kChainLabel = "sallyport audit chain 1";
constexpr std::string_view kCheckpointLabel = "sallyport audit checkpoint 1";

std::optional<unsigned> nibble(char c) noexcept {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  return std::nullopt;
}

bool from_hex(std::string_view text, std::span<std::byte> out) noexcept {
  if (text.size() != out.size() * 2) return false;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto high = nibble(text[2 * i]);
    const auto low = nibble(text[2 * i + 1]);
    if (!high || !low) return false;
    out[i] = static_cast<std::byte>(*high << 4 | *low);
  }
  return true;
}

/// take_hex_behind cuts `key` and the digest behind it from the end of `text`; `text` ends before the quote.
std::optional<Digest> take_hex_behind(std::string_view& text, std::string_view key) noexcept {
  if (text.size() < key.size() + kHexBytes) return std::nullopt;
  const auto start = text.size() - kHexBytes;
  Digest digest;
  if (text.substr(start - key.size(), key.size()) != key || !from_hex(text.substr(start), digest.bytes))
    return std::nullopt;
  text.remove_suffix(key.size() + kHexBytes);
  return digest;
}

/// take_number_behind cuts `key` and the number behind it, in its one spelling, from the end of `text`.
std::optional<std::uint64_t> take_number_behind(std::string_view& text, std::string_view key) noexcept {
  auto digits = text.size();
  while (digits > 0 && text[digits - 1] >= '0' && text[digits - 1] <= '9') --digits;
  const auto number = text.substr(digits);
  const auto value = parse_decimal<std::uint64_t>(number);
  const bool canonical = value && (number.front() != '0' || number.size() == 1);
  if (!canonical || !text.substr(0, digits).ends_with(key)) return std::nullopt;
  text.remove_suffix(number.size() + key.size());
  return value;
}

template <class Tag>
Secret<Tag, 32> derived(const AuditKey& key, std::string_view label) {
  Digest made = hmac_sha256(key.expose(), label);
  auto secret = Secret<Tag, 32>::filled_by(
      [&](std::span<std::byte, 32> out) { std::ranges::copy(made.bytes, out.begin()); });
  wipe(made.bytes);
  return secret;
}

Digest signature_of(const AuditKey& key, std::string_view covered) {
  const auto signing = derived<struct CheckpointKeyTag>(key, kCheckpointLabel);
  return hmac_sha256(signing.expose(), covered);
}

}  // namespace

Result<AuditKey> read_audit_key(Files& files, const std::string& path) {
  SALLYPORT_TRY(text, files.read_secret(path, FilePrivacy::owner_only));
  bool good = text.size() == kHexBytes + 1 && text.expose().back() == '\n';
  auto key = AuditKey::filled_by([&](std::span<std::byte, 32> out) {
    good = good && from_hex(text.expose().substr(0, kHexBytes), out);
  });
  if (!good) {
    return fail(Code::invalid_argument,
                concat(path,
                       " holds no audit key (64 hexadecimal digits and a newline); put the right one back, "
                       "or move it and the log away to begin anew"));
  }
  return key;
}

Result<AuditKey> ensure_audit_key(Files& files, Entropy& entropy, const std::string& path) {
  auto there = read_audit_key(files, path);
  if (there || there.error().code != Code::not_found) return there;
  std::array<std::byte, 32> random{};
  entropy.fill(random);
  std::string text = to_hex(random) + '\n';
  const auto made = files.create_private(path, text);
  wipe(random);
  wipe(std::as_writable_bytes(std::span(text)));
  if (!made && made.error().code != Code::already_exists) return made.error();
  return read_audit_key(files, path);  // of two that start at once, one key wins
}

std::optional<ChainedLine> read_chained_line(std::string_view line) {
  if (!line.starts_with("{\"") || !line.ends_with(kLineEnd)) return std::nullopt;
  line.remove_suffix(kLineEnd.size());
  ChainedLine read;
  const auto mac = take_hex_behind(line, kMacKey);
  if (!mac) return std::nullopt;
  read.mac = *mac;
  read.covered = line;
  if (line.ends_with('"')) {
    line.remove_suffix(1);
    read.previous = take_hex_behind(line, kPreviousKey);
    if (!read.previous) return std::nullopt;
  }
  const auto seq = take_number_behind(line, kSeqKey);
  if (!seq || *seq == 0) return std::nullopt;
  read.seq = *seq;
  return read;
}

AuditChain::AuditChain(const AuditKey& key, ChainPoint at)
    : key_(derived<struct ChainKeyTag>(key, kChainLabel)), at_(at) {}

Digest AuditChain::mac_of(const Digest& previous, std::string_view covered) const {
  scratch_.assign(reinterpret_cast<const char*>(previous.bytes.data()), previous.bytes.size());
  scratch_ += covered;
  return hmac_sha256(key_.expose(), scratch_);
}

void AuditChain::append(std::string& out, std::string_view line, NamesPrevious names_previous) {
  const auto start = out.size();
  line.remove_suffix(std::min<std::size_t>(line.size(), 2));  // "}\n"
  out.append(line).append(kSeqKey).append(concat(at_.seq + 1));
  if (names_previous == NamesPrevious::yes)
    out.append(kPreviousKey).append(to_hex(at_.mac.bytes)).push_back('"');
  at_.mac = mac_of(at_.mac, std::string_view(out).substr(start));
  ++at_.seq;
  out.append(kMacKey).append(to_hex(at_.mac.bytes)).append(kLineEnd).push_back('\n');
}

bool AuditChain::extends(const ChainPoint& from, const ChainedLine& line) const {
  return line.seq == from.seq + 1 && line.mac.matches(mac_of(from.mac, line.covered));
}

std::string write_checkpoint(const AuditKey& key, const ChainPoint& at, WallTime now) {
  std::string text = "{\"checkpoint\":1,\"time\":\"";
  append_utc(text, now);
  text.append("\"").append(kSeqKey).append(concat(at.seq));
  text.append(kMacKey).append(to_hex(at.mac.bytes)).append("\"");
  const Digest signature = signature_of(key, text);
  return text.append(kSigKey).append(to_hex(signature.bytes)).append("\"}\n");
}

Result<ChainPoint> read_checkpoint(const AuditKey& key, std::string_view text) {
  const auto bad = fail(Code::invalid_argument, "it is no checkpoint that this key has signed");
  if (!text.starts_with("{\"checkpoint\":1,") || !text.ends_with("\"}\n")) return bad;
  text.remove_suffix(3);
  const auto signature = take_hex_behind(text, kSigKey);
  if (!signature || !signature->matches(signature_of(key, text)) || !text.ends_with('"')) return bad;
  text.remove_suffix(1);
  ChainPoint point;
  const auto mac = take_hex_behind(text, kMacKey);
  if (!mac) return bad;
  const auto seq = take_number_behind(text, kSeqKey);
  if (!seq) return bad;
  point.mac = *mac;
  point.seq = *seq;
  return point;
}

std::string checkpoint_path(const std::string& log_path) { return log_path + ".checkpoint"; }

}  // namespace sallyport
