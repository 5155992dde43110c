// SPDX-License-Identifier: Apache-2.0
// What an audit event costs: to write it down as a line, to chain it, and both with the file, on one core.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>

#include "sallyport/audit/audit.h"
#include "sallyport/audit/file_sink.h"
#include "sallyport/env/posix/system.h"

namespace sallyport {
namespace {

const AuditKey kKey = AuditKey::filled_by([](std::span<std::byte> out) { out[0] = std::byte{1}; });

struct Example {
  SocketAddress peer = SocketAddress::tcp(IpAddress::v4({192, 0, 2, 7}), 40000);
  AuditEvent event;
  Example() {
    event.door = Door::http;
    event.who = "alice";
    event.who_kind = PrincipalKind::user;
    event.how = CredentialKind::login;
    event.credential = Digest{};
    event.session = "notebook";
    event.denial = Denial::not_permitted;
    event.step = "permission";
    event.status = 403;
    event.method = "GET";
    event.path = "/api/kernels/5f2f9f0e";
    event.peer = &peer;
    event.request_id = "0123456789abcdef";
  }
};

void audit_format(benchmark::State& state) {
  const Fingerprinter names = Fingerprinter::derived_from(SecretText("a bench's key"));
  const Example example;
  std::string line;
  for (auto step : state) {
    line.clear();
    append_json_line(line, WallTime(std::chrono::seconds(1'800'000'000)), example.event, names);
    benchmark::DoNotOptimize(line.data());
  }
  state.counters["bytes"] = static_cast<double>(line.size());
}
BENCHMARK(audit_format);

/// audit_chain_and_file is the writer's thread: batches of 64 lines to a file, chained.
void audit_chain_and_file(benchmark::State& state) {
  const Fingerprinter names = Fingerprinter::derived_from(SecretText("a bench's key"));
  const Example example;
  std::string lines;
  for (int i = 0; i < 64; ++i)
    append_json_line(lines, WallTime(std::chrono::seconds(1'800'000'000)), example.event, names);
  SystemFiles files;
  const SystemClock clock;
  std::string folder = (std::filesystem::temp_directory_path() / "sallyport-bench-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) std::abort();
  {
    auto sink = FileSink::open(folder + "/log", AuditSinkOptions{kKey, clock, files});
    if (!sink) std::abort();
    for (auto step : state) {
      std::size_t taken = 0;
      if (!(*sink)->append(lines, taken)) std::abort();
    }
  }
  std::filesystem::remove_all(folder);
  state.SetItemsProcessed(state.iterations() * 64);
}
BENCHMARK(audit_chain_and_file);

/// audit_whole counts the processor time of both threads, so that it says events per second and core.
void audit_whole(benchmark::State& state) {
  const Fingerprinter names = Fingerprinter::derived_from(SecretText("a bench's key"));
  const Example example;
  SystemFiles files;
  const SystemClock clock;
  std::string folder = (std::filesystem::temp_directory_path() / "sallyport-bench-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) std::abort();
  {
    auto log = open_audit_log(folder + "/log", AuditSinkOptions{kKey, clock, files}, names, {});
    if (!log) std::abort();
    int unflushed = 0;
    for (auto step : state) {
      (*log)->record(example.event);
      if (++unflushed == 4096) {
        (*log)->flush();
        unflushed = 0;
      }
    }
    (*log)->flush();
    if ((*log)->health().lost_events != 0) state.SkipWithError("events were lost");
  }
  std::filesystem::remove_all(folder);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(audit_whole)->MeasureProcessCPUTime();

}  // namespace
}  // namespace sallyport
