// SPDX-License-Identifier: Apache-2.0
// AuditChain: each line of the audit log carries its number and a MAC over the line and the MAC before it, so
// that no line can be changed, cut, moved or repeated without its key. Pure; docs/formats/audit.md has the
// bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sallyport/base/digest.h"
#include "sallyport/base/result.h"
#include "sallyport/base/secret.h"
#include "sallyport/base/time.h"
#include "sallyport/env/clock.h"
#include "sallyport/env/files.h"

namespace sallyport {

/// AuditKey is what STATE/audit.key holds. Keys of single purposes are derived from it.
using AuditKey = Secret<struct AuditKeyTag, 32>;

/// ensure_audit_key reads the key, or makes it, of mode 0600 from its first byte. Errors: those of Files, and
/// invalid_argument for a file that is no key.
Result<AuditKey> ensure_audit_key(Files& files, Entropy& entropy, const std::string& path);
/// read_audit_key only reads it; not_found where there is none.
Result<AuditKey> read_audit_key(Files& files, const std::string& path);

/// ChainPoint is a place in a chain: so many events, the last of which has this MAC. {} is the beginning.
struct ChainPoint {
  std::uint64_t seq = 0;
  Digest mac;
};

/// ChainedLine is a line that has the form of ours; nothing is verified yet. Borrows the text it was read
/// from.
struct ChainedLine {
  std::string_view covered;  ///< what the MAC covers: all before `,"mac":`
  std::uint64_t seq = 0;
  std::optional<Digest> previous;  ///< the MAC before it, which the first line of a file names
  Digest mac;
};

/// read_chained_line takes a line without its '\n'. Only the one canonical spelling is read.
std::optional<ChainedLine> read_chained_line(std::string_view line);

/// NamesPrevious says whether a line names the MAC before it.
enum class NamesPrevious : std::uint8_t { no, yes };

/// AuditChain makes and judges lines from one point on. One thread at a time. It promises that who lacks the
/// key cannot change, cut, move or repeat a line unseen, but for lines at the end that no checkpoint covers.
/// It promises nothing against who has the key.
class AuditChain {
 public:
  explicit AuditChain(const AuditKey& key, ChainPoint at = {});

  /// append adds `line`, one JSON object and '\n', with its number and MAC, to `out`, and moves on.
  void append(std::string& out, std::string_view line, NamesPrevious names_previous);
  /// extends judges whether the line is the next one from `from`. The `previous` that it may name is not
  /// looked at.
  [[nodiscard]] bool extends(const ChainPoint& from, const ChainedLine& line) const;

  [[nodiscard]] const ChainPoint& at() const noexcept { return at_; }
  void move_to(const ChainPoint& at) noexcept { at_ = at; }

 private:
  [[nodiscard]] Digest mac_of(const Digest& previous, std::string_view covered) const;
  Secret<struct ChainKeyTag, 32> key_;
  ChainPoint at_;
  mutable std::string scratch_;  // keeps its room between lines
};

/// write_checkpoint makes the one line of a checkpoint file: how far the log had come, signed.
std::string write_checkpoint(const AuditKey& key, const ChainPoint& at, WallTime now);
/// read_checkpoint returns the point where the signature holds. Error: invalid_argument.
Result<ChainPoint> read_checkpoint(const AuditKey& key, std::string_view text);
/// checkpoint_path is where the checkpoint of a log stands.
std::string checkpoint_path(const std::string& log_path);

}  // namespace sallyport
