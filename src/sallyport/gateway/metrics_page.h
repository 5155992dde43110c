// SPDX-License-Identifier: Apache-2.0
// MetricsPage: the door of --metrics, where a collector of this machine reads the numbers and nothing else.
#pragma once

#include <functional>
#include <string>

#include "sallyport/authn/gate.h"
#include "sallyport/net/http1_server.h"

namespace sallyport {

inline constexpr std::string_view kMetricsPath = "/metrics";

/// MetricsPage answers GET /metrics for whoever its gate lets in, on one loop. The gate outlives it.
class MetricsPage final : public RequestHandler {
 public:
  /// `page` makes the text anew for each question.
  MetricsPage(const Gate& gate, ListenerTraits listener, std::function<std::string()> page)
      : gate_(gate), listener_(listener), page_(std::move(page)) {}

  Task<void> handle(Exchange& exchange) override;
  void on_refused(const ConnectionFacts& facts, Refusal refusal, ParseFault fault) noexcept override;

 private:
  const Gate& gate_;
  const ListenerTraits listener_;
  const std::function<std::string()> page_;
};

}  // namespace sallyport
