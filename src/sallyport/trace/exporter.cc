// SPDX-License-Identifier: Apache-2.0
#include "sallyport/trace/exporter.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

constexpr std::string_view kPath = "/v1/traces";
constexpr Duration kPatience = std::chrono::seconds(10);
constexpr Duration kLastPatience = std::chrono::seconds(1);
constexpr Duration kPauseFirst = std::chrono::seconds(1);
constexpr Duration kPauseMax = std::chrono::minutes(1);

/// worth_another_try: the answers for which OTLP/HTTP says so.
bool worth_another_try(std::uint16_t status) noexcept {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

}  // namespace

Result<HttpEndpoint> parse_collector(std::string_view url) {
  if (url.ends_with(kPath)) url.remove_suffix(kPath.size());
  return HttpEndpoint::parse(url);
}

TraceExporter::TraceExporter(HttpEndpoint collector, TraceSource source, Powers powers)
    : collector_(std::move(collector)), source_(std::move(source)), powers_(std::move(powers)) {
  thread_ = std::thread([this] { run(); });
}

TraceExporter::~TraceExporter() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void TraceExporter::give(Span span) {
  const std::lock_guard lock(mutex_);
  if (held_.size() >= kSpansHeldMax) {
    ++figures_.dropped;
    return;
  }
  held_.push_back(std::move(span));
  if (held_.size() == kSpansSentMax) wake_.notify_all();
}

TraceFigures TraceExporter::figures() const {
  const std::lock_guard lock(mutex_);
  return figures_;
}

std::vector<Span> TraceExporter::take() {
  const std::lock_guard lock(mutex_);
  const auto count = static_cast<std::ptrdiff_t>(std::min(held_.size(), kSpansSentMax));
  std::vector<Span> batch(std::make_move_iterator(held_.begin()),
                          std::make_move_iterator(held_.begin() + count));
  held_.erase(held_.begin(), held_.begin() + count);
  return batch;
}

void TraceExporter::run() {
  std::vector<Span> batch;
  Duration pause = kPauseFirst;
  for (;;) {
    const bool again = !batch.empty();
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, again ? pause : kSpansSentEvery,
                     [&] { return ending_ || (!again && held_.size() >= kSpansSentMax); });
      if (ending_) break;
    }
    if (!again) batch = take();
    if (batch.empty()) continue;
    const bool done = send(batch, kPatience);
    pause = done ? kPauseFirst : std::min(pause * 2, kPauseMax);
    if (done) batch.clear();
  }
  if (batch.empty()) batch = take();
  if (!batch.empty()) (void)send(batch, kLastPatience);
}

bool TraceExporter::send(const std::vector<Span>& batch, Duration patience) {
  const auto answer = post(write_otlp(source_, batch), patience);
  const std::lock_guard lock(mutex_);
  if (answer && *answer >= 200 && *answer < 300) {
    figures_.sent += batch.size();
    figures_.fault.clear();
    return true;
  }
  figures_.fault = answer ? concat("the collector answers ", *answer) : answer.error().what;
  if (!answer || worth_another_try(*answer)) return false;
  figures_.dropped += batch.size();
  return true;
}

Result<std::uint16_t> TraceExporter::post(std::string body, Duration patience) {
  if (powers_.post) return powers_.post(std::move(body));
  HttpCall call;
  call.method = Method::post;
  call.target = kPath;
  call.fields.push_back({"Content-Type", SecretText("application/json")});
  call.body = SecretText(body);
  SALLYPORT_TRY(answer,
                fetch_http(powers_.monotonic, collector_, call, after(powers_.monotonic.now(), patience)));
  return answer.status;
}

}  // namespace sallyport
