// SPDX-License-Identifier: Apache-2.0
#include "sallyport/durable/internal/store_files.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "sallyport/base/text.h"
#include "sallyport/credential/kept_secret.h"
#include "sallyport/crypto/digest.h"

namespace sallyport::internal {
namespace {

constexpr std::string_view kKeyName = "/seal.key";
constexpr std::string_view kKeyPurpose = "sallyport seal key 1";
constexpr std::size_t kKeyTextBytesMin = 32;
constexpr off_t kPageBytes = 4096;  // SQLite's, since 3.12
constexpr int kLockLookMs = 20;

/// derived: the file's text is a secret of any form; what seals is 256 bits of it.
SealKey derived(std::string_view text) {
  Digest digest = hmac_sha256(std::as_bytes(std::span(text)), kKeyPurpose);
  SealKey key(std::span<const std::byte, 32>(digest.bytes));
  wipe(digest.bytes);
  return key;
}

Result<LoadedKey> usable(const SecretText& text, std::string from) {
  std::string_view line = text.expose();
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  if (line.size() >= kKeyTextBytesMin) return LoadedKey{derived(line), std::move(from)};
  return fail(Code::invalid_argument, concat(from, " holds fewer than ", kKeyTextBytesMin,
                                             " bytes, which is no seal key; put the right one there"));
}

/// seek_seal_key: not_found where there is no key anywhere, which is the only case in which one may be made.
Result<LoadedKey> seek_seal_key(const StorePlace& place, Files& files) {
  if (!place.credentials_directory.empty()) {
    const std::string given_path = concat(place.credentials_directory, kKeyName);
    // systemd guards the folder; the file's own mode shows its access list and says nothing.
    const auto given = files.read_secret(given_path, FilePrivacy::any);
    if (given) return usable(*given, given_path);
    if (given.error().code != Code::not_found) return given.error();
  }
  const std::string path = concat(place.state_directory, kKeyName);
  const auto kept = files.read_secret(path, FilePrivacy::owner_only);
  if (!kept) return kept.error();
  return usable(*kept, path);
}

}  // namespace

std::string database_path(const StorePlace& place) { return place.state_directory + "/store.db"; }

Result<Presence> look_for_database(const std::string& path) {
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) != 0) {
    if (errno == ENOENT) return Presence::absent;
    return fail(Code::permission_denied, concat("cannot look at ", path, ": ", std::strerror(errno)));
  }
  if (!S_ISREG(facts.st_mode))
    return fail(Code::permission_denied, concat(path, " is no regular file; move it away"));
  if (facts.st_uid != ::geteuid())
    return fail(Code::permission_denied, concat(path, " belongs to another user; it must belong to you"));
  if ((facts.st_mode & 077) != 0) {
    return fail(Code::permission_denied,
                concat(path, " can be read or written by others; run: chmod 600 ", path));
  }
  struct stat log {};
  const bool has_log = ::lstat((path + "-wal").c_str(), &log) == 0 && log.st_size > 0;  // mends a torn page
  if (facts.st_size > 0 && (facts.st_size % kPageBytes == 0 || has_log)) return Presence::present;
  return fail(Code::invalid_argument,
              concat(path, " was truncated; put a backup in its place, or remove it to begin anew"));
}

Result<Descriptor> lock_store(const StorePlace& place) {
  const std::string path = place.state_directory + "/store.lock";
  Descriptor lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) return fail(Code::permission_denied, concat("cannot open ", path, ": ", std::strerror(errno)));
  const auto patience = std::chrono::steady_clock::now() + place.gateway_wait;
  while (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (std::chrono::steady_clock::now() >= patience) {
      return fail(Code::already_exists, concat("another gateway serves from ", place.state_directory,
                                               "; stop that one, or choose another --state-dir"));
    }
    ::poll(nullptr, 0, kLockLookMs);
  }
  return lock;
}

Result<LoadedKey> find_seal_key(const StorePlace& place, Files& files) {
  auto found = seek_seal_key(place, files);
  if (found || found.error().code != Code::not_found) return found;
  return fail(Code::permission_denied,
              concat("there is no ", place.state_directory, kKeyName, ", with which ", database_path(place),
                     " was sealed; put it back from a backup, or move the database away to begin anew"));
}

Result<LoadedKey> make_seal_key(const StorePlace& place, Files& files, Entropy& entropy) {
  auto found = seek_seal_key(place, files);
  if (found || found.error().code != Code::not_found) return found;
  const std::string path = concat(place.state_directory, kKeyName);
  SALLYPORT_TRY(made, ensure_token_secret(files, entropy, path));
  return usable(made.text, path);
}

}  // namespace sallyport::internal
