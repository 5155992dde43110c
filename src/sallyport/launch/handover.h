// SPDX-License-Identifier: Apache-2.0
// Handing a credential to a tool: a sealed memory file on descriptor 3, and a private file for tools that
// want a path.
#pragma once

#include <string>

#include "sallyport/base/result.h"
#include "sallyport/base/secret.h"
#include "sallyport/env/files.h"
#include "sallyport/env/posix/descriptor.h"
#include "sallyport/identity/principal.h"

namespace sallyport {

/// The descriptor on which a tool finds its credential; SALLYPORT_CREDENTIAL_FD names it.
inline constexpr int kCredentialDescriptor = 3;
inline constexpr std::size_t kUnixPathBytesMax = 107;

/// sealed_memory makes a memory file that holds `content`, stands at its beginning, and can be neither
/// written, grown nor shrunk by anyone who holds it. unavailable where the kernel refuses.
Result<Descriptor> sealed_memory(std::string_view content);

/// RunDirectory is STATE/run/<session>/, mode 0700: the token file and the Unix socket of one session. A
/// resource: it takes its content away when it goes. The credential in it is as safe as the user's own files:
/// other processes of the same user can read it, other users cannot.
class RunDirectory {
 public:
  /// make: permission_denied where a part of the path is open to others, invalid_argument where the socket's
  /// path would be longer than the kernel takes, unavailable otherwise. `files` must outlive the directory.
  static Result<RunDirectory> make(Files& files, const std::string& state_directory,
                                   const SessionId& session);
  RunDirectory(RunDirectory&& other) noexcept;
  RunDirectory& operator=(RunDirectory&&) = delete;
  ~RunDirectory();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::string token_file() const { return path_ + "/token"; }
  [[nodiscard]] std::string socket() const { return path_ + "/socket"; }
  /// door is where the next gateway finds the tool, see ProcessPlan::Survival.
  [[nodiscard]] std::string door() const { return path_ + "/door"; }
  /// leave lets everything in it stay, for the next gateway.
  void leave() noexcept { files_ = nullptr; }

  /// write_token replaces the token file in one step: a reader sees the old or the new credential, never a
  /// part.
  Status write_token(const SecretText& token);
  /// internal_file holds the credential with which the tool may call the gateway back; write_internal
  /// replaces it.
  [[nodiscard]] std::string internal_file() const { return path_ + "/internal"; }
  Status write_internal(const SecretText& credential);
  /// clear_socket removes what an earlier run left at the socket's path.
  void clear_socket() const noexcept;

 private:
  RunDirectory(Files& files, std::string path) : files_(&files), path_(std::move(path)) {}
  Files* files_;
  std::string path_;
};

}  // namespace sallyport
