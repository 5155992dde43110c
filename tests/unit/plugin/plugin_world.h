// SPDX-License-Identifier: Apache-2.0
// What the tests of the host share: the real powers, a launch of the child with many vices, and patience.
#pragma once

#include <gmock/gmock.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "sallyport/env/posix/system.h"
#include "sallyport/plugin/host.h"

namespace sallyport {

/// Gathered is what notices told, from whatever thread.
class Gathered {
 public:
  void add(std::string what) {
    const std::lock_guard lock(mutex_);
    all_.push_back(std::move(what));
    changed_.notify_all();
  }
  /// waits_for says whether `what` came; only a hang ends otherwise.
  [[nodiscard]] bool waits_for(std::string_view what) {
    std::unique_lock lock(mutex_);
    const auto there = [&] {
      for (const auto& one : all_) {
        if (one.find(what) != std::string::npos) return true;
      }
      return false;
    };
    return changed_.wait_for(lock, std::chrono::seconds(60), there);
  }
  [[nodiscard]] std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return all_.size();
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> all_;
};

class PluginWorld : public ::testing::Test {
 protected:
  [[nodiscard]] PluginPowers powers() const { return {monotonic_, clock_, entropy_}; }
  [[nodiscard]] static PluginLaunch launch(const std::string& mode, const std::string& argument = {}) {
    PluginLaunch made;
    made.command = {PLUGIN_CHILD, mode, argument};
    made.shepherd = PLUGIN_PARENT;
    made.tls = PluginTls::off();
    return made;
  }
  /// start gives a host, or fails the test with why not.
  std::unique_ptr<PluginHost> start(const PluginLaunch& what, PluginNotices notices = {}) {
    auto host = PluginHost::start(what, powers(), std::move(notices));
    EXPECT_TRUE(host.has_value()) << host.error().what;
    return host ? *std::move(host) : nullptr;
  }
  /// fault is why a launch is refused.
  Error fault(const PluginLaunch& what) {
    const auto host = PluginHost::start(what, powers());
    EXPECT_FALSE(host.has_value());
    return host ? Error{} : host.error();
  }
  static std::string call(PluginHost& host, std::string_view method, std::string_view request = {}) {
    const auto reply = host.channel()->call(method, request);
    EXPECT_TRUE(reply.status.is_ok()) << name_of(reply.status.code) << " " << reply.status.message;
    return reply.message;
  }

  SystemMonotonicClock monotonic_;
  SystemClock clock_;
  mutable SystemEntropy entropy_;
};

}  // namespace sallyport
