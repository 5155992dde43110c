// SPDX-License-Identifier: Apache-2.0
// What the gateway and a shepherd say to each other. They begin as the same binary; a shepherd that outlived
// its gateway may meet a newer one, which reads the version of its Greeting before anything else.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/base/result.h"

namespace sallyport::shepherd_wire {

/// Descriptors that a shepherd starts with, besides 0 (null), 1 and 2 (the tool's output) and 3 (the
/// credential, or null).
inline constexpr int kControlDescriptor = 4;
inline constexpr int kPlanDescriptor = 5;
inline constexpr int kImageDescriptor = 6;
inline constexpr int kOutputReaders[] = {7, 8};  ///< the other ends of 1 and 2, for the next gateway
inline constexpr std::size_t kPlanBytesMax = std::size_t{8} << 20;

enum class EventKind : std::uint8_t {
  started,      ///< value: pid of the tool
  not_started,  ///< value: errno of execve and what led to it
  exited,       ///< value: wait status; everything else below the shepherd is being killed
};
struct Event {
  EventKind kind;
  std::int32_t value;
};

enum class Command : std::uint8_t { interrupt, terminate, kill };

/// RunsFrom is what is executed: the file at `program`, or what kImageDescriptor holds. A script's
/// interpreter opens that descriptor anew, so it stays open.
enum class RunsFrom : std::uint8_t { path = 0, image = 1, script_image = 2 };

/// kVersion counts changes of Greeting, Event and Command.
inline constexpr std::uint32_t kVersion = 1;
/// Greeting is the first message to a gateway that comes through the door; the readers of the tool's output
/// come with it (SCM_RIGHTS).
struct Greeting {
  std::uint32_t version;
  std::int32_t tool;               ///< its pid
  std::uint64_t shepherd_started;  ///< field 22 of our own /proc/PID/stat
  std::uint16_t port;              ///< as in the plan
};

/// PlanText is a launch as one text of NUL-ended fields: argc, envc, credential (0 or 1), RunsFrom,
/// door, seconds to survive the gateway, port, directory, program, argv…, envp….
struct PlanView {
  bool has_credential = false;
  RunsFrom from = RunsFrom::path;
  const char* door = nullptr;  ///< path of the socket where the next gateway finds us; empty: none
  std::uint32_t survive_s = 0;
  std::uint16_t port = 0;           ///< for the next gateway to know
  const char* directory = nullptr;  ///< empty: stay
  const char* program = nullptr;
  std::vector<char*> argv;  ///< ends with nullptr, as execve wants it
  std::vector<char*> envp;
};

/// read_plan finds the fields in `text`, which must outlive the view; invalid_argument where they do not add
/// up.
Result<PlanView> read_plan(std::span<char> text);

}  // namespace sallyport::shepherd_wire
