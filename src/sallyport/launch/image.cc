// SPDX-License-Identifier: Apache-2.0
#include "sallyport/launch/image.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <span>

#include "sallyport/base/text.h"
#include "sallyport/crypto/digest.h"
#include "sallyport/launch/process.h"

namespace sallyport {
namespace {

constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

Error system_error(std::string_view what, const std::string& path) {
  return fail(Code::unavailable, concat("cannot ", what, " ", escaped(path), ": ", std::strerror(errno)));
}

/// copied gives a sealed memory file with what `file` holds: from then on nobody changes it.
Result<Descriptor> copied(const Descriptor& file, std::size_t size, const std::string& path) {
  Descriptor memory(::memfd_create("sallyport-program", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory) return system_error("make a memory file for", path);
  std::size_t left = size;
  while (left > 0) {
    const auto moved = ::sendfile(memory.get(), file.get(), nullptr, left);
    if (moved < 0 && errno == EINTR) continue;
    if (moved < 0) return system_error("read", path);
    if (moved == 0) break;  // it shrank meanwhile; the sum will tell
    left -= static_cast<std::size_t>(moved);
  }
  if (::fcntl(memory.get(), F_ADD_SEALS, kSeals) != 0) return system_error("seal the copy of", path);
  return memory;
}

/// Mapped is a memory file's content, as long as it lives.
class Mapped {
 public:
  Mapped(const Descriptor& memory, std::size_t size)
      : size_(size), at_(::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, memory.get(), 0)) {}
  Mapped(const Mapped&) = delete;
  Mapped& operator=(const Mapped&) = delete;
  ~Mapped() {
    if (at_ != MAP_FAILED) ::munmap(at_, size_);
  }
  explicit operator bool() const noexcept { return at_ != MAP_FAILED; }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
    return {static_cast<const std::byte*>(at_), size_};
  }

 private:
  std::size_t size_;
  void* at_;
};

std::size_t size_of(const Descriptor& memory) {
  struct stat facts {};
  return ::fstat(memory.get(), &facts) == 0 ? static_cast<std::size_t>(facts.st_size) : 0;
}

}  // namespace

Result<ProgramImage> ProgramImage::pinned(const std::string& path, std::string_view search,
                                          const Digest& expected) {
  SALLYPORT_TRY(program, find_program(path, search));
  const Descriptor file(::open(program.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  struct stat facts {};
  if (!file || ::fstat(file.get(), &facts) != 0) return system_error("open", program);
  if (!S_ISREG(facts.st_mode) || facts.st_size <= 0)
    return fail(Code::invalid_argument, concat(escaped(program), " is no file, or is empty"));
  const auto size = static_cast<std::size_t>(facts.st_size);
  if (size > kImageBytesMax) {
    return fail(Code::exhausted, concat(escaped(program), " is larger than the ", kImageBytesMax,
                                        " bytes of which a checksum can be pinned"));
  }
  SALLYPORT_TRY(memory, copied(file, size, program));
  const Mapped content(memory, size_of(memory));
  if (!content) return system_error("map the copy of", program);
  const auto sum = sha256(content.bytes());
  if (!sum.matches(expected)) {
    return fail(Code::permission_denied,
                concat("the SHA-256 of ", escaped(program), " is ", to_hex(sum.bytes),
                       ", not the one that was pinned: another build, or tampered with"));
  }
  const auto bytes = content.bytes();
  const bool script = bytes.size() > 2 && bytes[0] == std::byte{'#'} && bytes[1] == std::byte{'!'};
  return ProgramImage(std::move(memory), script ? Kind::script : Kind::binary);
}

}  // namespace sallyport
