// SPDX-License-Identifier: Apache-2.0
#include "sallyport/gateway/route.h"

#include <algorithm>
#include <utility>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

/// can_stand_in_a_field: visible ASCII and blanks inside. A name with anything else is not sent at all: half
/// a name could be somebody else's.
bool can_stand_in_a_field(std::string_view value) {
  return !value.empty() && value == trimmed(value) &&
         std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

void add_line(std::string& lines, std::string_view name, std::string_view value) {
  if (can_stand_in_a_field(value)) lines += concat(name, ": ", value, "\r\n");
}

std::string joined(const std::vector<std::string>& roles) {
  std::string out;
  for (const auto& role : roles) {
    if (role.find(',') != std::string::npos) continue;
    if (!out.empty()) out.push_back(',');
    out += role;
  }
  return out;
}

}  // namespace

void SessionRoute::adopt(View view) {
  view_ = std::move(view);
  kept_.clear();
}

std::shared_ptr<const SecretText> SessionRoute::lines_for(const std::shared_ptr<const Principal>& principal) {
  if (const auto found = kept_.find(principal.get()); found != kept_.end()) return found->second.lines;
  std::string open;
  add_line(open, "X-Session-ID", view_->id.view());
  if (principal != nullptr) {
    add_line(open, "X-Forwarded-User", principal->id);
    add_line(open, "X-Forwarded-Groups", joined(principal->roles));
  }
  const std::string_view secret =
      view_->credential ? view_->credential->header_lines().expose() : std::string_view();
  auto lines = std::make_shared<const SecretText>(
      SecretText::filled_by(secret.size() + open.size(), [&](std::span<char> out) {
        std::copy(open.begin(), open.end(), std::copy(secret.begin(), secret.end(), out.begin()));
      }));
  if (kept_.size() >= kKeptLinesMax) kept_.clear();
  kept_.emplace(principal.get(), Kept{principal, lines});
  return lines;
}

}  // namespace sallyport
