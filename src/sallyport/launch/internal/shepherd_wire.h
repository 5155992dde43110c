// SPDX-License-Identifier: Apache-2.0
// What the gateway and a shepherd say to each other. Both are always the same binary, so the form may change
// at will.
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

/// PlanText is a launch as one text of NUL-ended fields: argc, envc, credential (0 or 1), RunsFrom,
/// directory, program, argv…, envp….
struct PlanView {
  bool has_credential = false;
  RunsFrom from = RunsFrom::path;
  const char* directory = nullptr;  ///< empty: stay
  const char* program = nullptr;
  std::vector<char*> argv;  ///< ends with nullptr, as execve wants it
  std::vector<char*> envp;
};

/// read_plan finds the fields in `text`, which must outlive the view; invalid_argument where they do not add
/// up.
Result<PlanView> read_plan(std::span<char> text);

}  // namespace sallyport::shepherd_wire
