// SPDX-License-Identifier: Apache-2.0
#include "sallyport/audit/stream_sink.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "sallyport/audit/verify.h"
#include "sallyport/base/text.h"
#include "sallyport/env/posix/system.h"
#include "sallyport/env/testing/fakes.h"

namespace sallyport {
namespace {

namespace fs = std::filesystem;

const AuditKey kKey = AuditKey::filled_by([](std::span<std::byte> out) { out[0] = std::byte{1}; });
const ManualClock kClock;
SystemFiles files;

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "sallyport-sink-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path_); }
  [[nodiscard]] std::string file(const char* name) const { return path_ / name; }

 private:
  fs::path path_;
};

void put(AuditSink& sink, std::string_view who) {
  std::size_t taken = 0;
  const std::string line = concat("{\"event\":\"request\",\"who\":\"", who, "\"}\n");
  EXPECT_TRUE(sink.append(line, taken));
  EXPECT_EQ(taken, line.size());
}

void write_text(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

bool verified(const std::string& path) {
  AuditWish wish;
  wish.files = {path};
  const auto verdict = verify_audit(kKey, wish);
  return verdict && verdict->good;
}

/// Daemon is the receiving end of a system log.
class Daemon {
 public:
  explicit Daemon(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  std::string next() {
    std::string text(65536, '\0');
    const auto got = ::recv(socket_.get(), text.data(), text.size(), 0);
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(0, got)));
    return text;
  }

 private:
  Descriptor socket_;
};

TEST(SocketSink, SG_10_syslog_gets_rfc_5424_and_the_collected_lines_verify) {
  const Folder folder;
  auto daemon = std::make_unique<Daemon>(folder.file("log"));
  auto sink = open_audit_sink("syslog:" + folder.file("log"), AuditSinkOptions{kKey, kClock, files});
  ASSERT_TRUE(sink);
  std::string collected;
  const auto take = [&] {
    const std::string message = daemon->next();
    EXPECT_TRUE(message.starts_with("<85>1 ")) << message;
    EXPECT_NE(message.find(" - sallyport "), std::string::npos);
    collected += message.substr(message.find('{')) + "\n";
  };
  put(**sink, "one");
  take();
  fs::remove(folder.file("log"));
  daemon = std::make_unique<Daemon>(folder.file("log"));
  put(**sink, "two");  // to the daemon that was started again
  take();
  write_text(folder.file("copy"), collected);
  EXPECT_TRUE(verified(folder.file("copy")));
  daemon.reset();
  std::size_t taken = 0;
  EXPECT_FALSE((*sink)->append("{\"event\":\"x\"}\n", taken)) << "never silence";
  EXPECT_EQ(taken, 0U);
}

TEST(SocketSink, SG_10_journald_gets_its_native_fields) {
  const Folder folder;
  Daemon daemon(folder.file("j"));
  auto sink = open_audit_sink("journald:" + folder.file("j"), AuditSinkOptions{kKey, kClock, files});
  ASSERT_TRUE(sink);
  put(**sink, "one");
  const std::string message = daemon.next();
  EXPECT_TRUE(message.starts_with("MESSAGE={\"event\":\"request\",\"who\":\"one\",\"seq\":1,")) << message;
  EXPECT_NE(message.find("\nSYSLOG_IDENTIFIER=sallyport\n"), std::string::npos);
  const auto away = open_audit_sink("journald:" + folder.file("none"), AuditSinkOptions{kKey, kClock, files});
  ASSERT_FALSE(away);
  EXPECT_NE(away.error().what.find("--audit FILE"), std::string::npos);
}

}  // namespace
}  // namespace sallyport
