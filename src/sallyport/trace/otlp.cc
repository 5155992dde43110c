// SPDX-License-Identifier: Apache-2.0
#include "sallyport/trace/otlp.h"

#include <nlohmann/json.hpp>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

using Json = nlohmann::json;

constexpr int kServerSpan = 2;
constexpr int kErrorStatus = 2;

Json text_attribute(std::string_view key, std::string_view value) {
  return {{"key", key}, {"value", {{"stringValue", value}}}};
}

/// nanos: 64-bit numbers are text in protobuf's JSON.
std::string nanos(WallTime at) {
  return concat(std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count());
}

Json span_json(const Span& span) {
  Json attributes = Json::array();
  attributes.push_back(text_attribute("http.request.method", span.method));
  if (!span.path.empty()) attributes.push_back(text_attribute("url.path", span.path));
  if (!span.session.empty()) attributes.push_back(text_attribute("sallyport.session", span.session));
  attributes.push_back(text_attribute("sallyport.request_id", span.request_id));
  if (span.status != 0) {
    attributes.push_back(
        {{"key", "http.response.status_code"}, {"value", {{"intValue", concat(span.status)}}}});
  }
  Json made = {{"traceId", hex_of(span.context.trace_id)},
               {"spanId", hex_of(span.context.span_id)},
               {"name", span.method},
               {"kind", kServerSpan},
               {"startTimeUnixNano", nanos(span.begin)},
               {"endTimeUnixNano", nanos(span.end)},
               {"attributes", std::move(attributes)}};
  if (span.parent) made["parentSpanId"] = hex_of(*span.parent);
  if (span.status == 0 || span.status >= 500) made["status"] = {{"code", kErrorStatus}};
  return made;
}

}  // namespace

std::string write_otlp(const TraceSource& source, std::span<const Span> spans) {
  Json all = Json::array();
  for (const Span& span : spans) all.push_back(span_json(span));
  Json resource = Json::array();
  resource.push_back(text_attribute("service.name", source.service));
  resource.push_back(text_attribute("service.version", source.version));
  resource.push_back(text_attribute("service.instance.id", source.instance));
  Json scope = {{"scope", {{"name", "sallyport"}, {"version", source.version}}}, {"spans", std::move(all)}};
  Json told = {{"resource", {{"attributes", std::move(resource)}}}, {"scopeSpans", Json::array()}};
  told["scopeSpans"].push_back(std::move(scope));
  Json request = {{"resourceSpans", Json::array()}};
  request["resourceSpans"].push_back(std::move(told));
  // A path may hold bytes that are no UTF-8: it was judged as bytes.
  return request.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace sallyport
