// SPDX-License-Identifier: Apache-2.0
#include "sallyport/launch/internal/shepherd_wire.h"

#include <cstring>
#include <optional>

#include "sallyport/base/text.h"

namespace sallyport::shepherd_wire {
namespace {

class Fields {
 public:
  explicit Fields(std::span<char> text) : text_(text) {}
  /// next returns the next field, nullptr behind the last one.
  char* next() {
    const auto rest = text_.subspan(at_);
    if (rest.empty()) return nullptr;
    const auto* end = static_cast<const char*>(std::memchr(rest.data(), '\0', rest.size()));
    if (end == nullptr) return nullptr;
    at_ += static_cast<std::size_t>(end - rest.data()) + 1;
    return rest.data();
  }
  std::optional<std::uint32_t> next_number() {
    const char* field = next();
    return field == nullptr ? std::nullopt : parse_decimal<std::uint32_t>(field);
  }
  bool take(std::uint32_t count, std::vector<char*>& out) {
    for (std::uint32_t i = 0; i < count; ++i) {
      out.push_back(next());
      if (out.back() == nullptr) return false;
    }
    out.push_back(nullptr);
    return true;
  }
  [[nodiscard]] bool ended() const noexcept { return at_ == text_.size(); }

 private:
  std::span<char> text_;
  std::size_t at_ = 0;
};

}  // namespace

Result<PlanView> read_plan(std::span<char> text) {
  const auto malformed = [] { return fail(Code::invalid_argument, "malformed launch plan"); };
  Fields fields(text);
  const auto argc = fields.next_number();
  const auto envc = fields.next_number();
  const auto credential = fields.next_number();
  const auto from = fields.next_number();
  PlanView plan;
  plan.door = fields.next();
  const auto survive = fields.next_number();
  const auto port = fields.next_number();
  if (!survive || !port || *port > UINT16_MAX) return malformed();
  plan.survive_s = *survive;
  plan.port = static_cast<std::uint16_t>(*port);
  plan.directory = fields.next();
  plan.program = fields.next();
  if (!argc || *argc == 0 || !envc || !credential || *credential > 1 || !from || *from > 2 ||
      plan.program == nullptr)
    return malformed();
  plan.has_credential = *credential == 1;
  plan.from = static_cast<RunsFrom>(*from);
  if (!fields.take(*argc, plan.argv) || !fields.take(*envc, plan.envp) || !fields.ended()) return malformed();
  return plan;
}

}  // namespace sallyport::shepherd_wire
