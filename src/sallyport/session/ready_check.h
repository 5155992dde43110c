// SPDX-License-Identifier: Apache-2.0
// ReadyCheck: asks a starting tool again and again until it answers, and proves first that it is the tool
// that would answer.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "sallyport/session/backend_credential.h"
#include "sallyport/session/probe.h"
#include "sallyport/session/recipe.h"

namespace sallyport {

inline constexpr Duration kProbeInterval = std::chrono::milliseconds(100);

/// ReadyTarget is where a tool is expected to listen.
struct ReadyTarget {
  EndpointKind kind = EndpointKind::port;
  std::uint16_t port = 0;
  std::string socket;
  std::string path;
  pid_t root = 0;  ///< the listener is at or below this process
};

/// ReadyDemand is what counts: any answer below 500, or one that also accepts the credential (neither 401 nor
/// 403).
enum class ReadyDemand : std::uint8_t { any_answer, accepted };

/// ReadyCheck is one start, or one rotation, of one tool. A resource; one thread.
class ReadyCheck {
 public:
  ReadyCheck(ReadyTarget target, std::shared_ptr<const BackendCredential> credential, ReadyDemand demand)
      : target_(std::move(target)), credential_(std::move(credential)), demand_(demand) {}

  enum class Verdict : std::uint8_t { pending, ready, squatted };
  /// step does what can be done now; call it when the descriptor is ready or the deadline has come.
  Verdict step(MonotonicTime now);

  [[nodiscard]] int descriptor() const noexcept { return probe_ ? probe_->descriptor() : -1; }
  [[nodiscard]] short poll_events() const noexcept { return probe_ ? probe_->poll_events() : short{0}; }
  [[nodiscard]] MonotonicTime deadline() const noexcept { return probe_ ? probe_->deadline() : next_try_; }

  /// With `ready`: where to connect, and what keeps others from doing the same.
  [[nodiscard]] const SocketAddress& endpoint() const noexcept { return endpoint_; }
  [[nodiscard]] InnerDoor inner_door() const noexcept { return inner_door_; }
  /// note is one line for people: why it is not ready yet, who squats, or what is odd about the answer.
  [[nodiscard]] const std::string& note() const noexcept { return note_; }

 private:
  enum class Stage : std::uint8_t { asking, knocking };
  Verdict begin(MonotonicTime now);
  Verdict answered(int status, MonotonicTime now);
  Verdict knocked(const Probe::Outcome& outcome);
  bool locate();
  Verdict again(std::string why, MonotonicTime now);

  ReadyTarget target_;
  std::shared_ptr<const BackendCredential> credential_;
  ReadyDemand demand_;
  Stage stage_ = Stage::asking;
  std::optional<Probe> probe_;
  MonotonicTime next_try_{};
  SocketAddress endpoint_;
  InnerDoor inner_door_ = InnerDoor::open;
  std::string note_ = "nothing listens there";
  bool squatted_ = false;
};

}  // namespace sallyport
