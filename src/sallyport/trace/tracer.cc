// SPDX-License-Identifier: Apache-2.0
#include "sallyport/trace/tracer.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace sallyport {
namespace {

/// context_of reads the one traceparent of a request; two are as good as none.
std::optional<TraceContext> context_of(const HeaderFields& fields) {
  const HeaderField* found = nullptr;
  for (const HeaderField& field : fields) {
    if (field.id() != HeaderId::traceparent) continue;
    if (found != nullptr) return std::nullopt;
    found = &field;
  }
  return found == nullptr ? std::nullopt : parse_traceparent(found->value());
}

}  // namespace

TraceStep Tracer::begin(const RequestHead& head) const {
  std::array<std::byte, 25> drawn{};
  powers_.entropy.fill(drawn);
  const std::span all(drawn);
  TraceStep step;
  TraceContext& context = step.span.context;
  if (const auto parent = context_of(head.fields)) {
    context = *parent;
    step.span.parent = parent->span_id;
    step.tracestate = TraceStep::Tracestate::keep;
  } else {
    std::ranges::copy(all.first<16>(), context.trace_id.begin());
    const unsigned lot = std::to_integer<unsigned>(drawn.back()) * 100 / 256;
    context.sampled = lot < percent_ ? TraceContext::Sampled::yes : TraceContext::Sampled::no;
  }
  std::ranges::copy(all.subspan<16, 8>(), context.span_id.begin());
  step.span.begin = powers_.clock.now();
  step.span.method = head.method == Method::other ? std::string_view("_OTHER") : head.method_text;
  step.traceparent = write_traceparent(context);
  return step;
}

void Tracer::end(TraceStep step) const {
  if (step.span.context.sampled == TraceContext::Sampled::no) return;
  step.span.end = std::max(powers_.clock.now(), step.span.begin);
  exporter_.give(std::move(step.span));
}

}  // namespace sallyport
