// SPDX-License-Identifier: Apache-2.0
// The Prometheus text of a gateway: what the security of it did, in numbers.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sallyport/audit/counting_log.h"
#include "sallyport/gateway/admin_api.h"

namespace sallyport {

inline constexpr std::string_view kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

/// write_metrics makes the page. `counts` may be null: then what it holds is left out.
std::string write_metrics(const GatewayReport& report, const AuditCounts* counts,
                          const std::vector<std::shared_ptr<const SessionView>>& sessions);

}  // namespace sallyport
