// SPDX-License-Identifier: Apache-2.0
// What a certificate costs: making a key and a leaf for it, and judging one.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <vector>

#include "sallyport/env/posix/system.h"
#include "sallyport/pki/authority.h"
#include "sallyport/pki/verify.h"

namespace sallyport {
namespace {

constexpr WallTime kNow{std::chrono::seconds(1'800'000'000)};

Authority new_authority(Entropy& entropy) {
  auto made = Authority::create({}, entropy, kNow);
  if (!made) std::abort();
  return *std::move(made);
}

LeafRequest local_server() {
  LeafRequest request;
  request.names = *server_names({});
  return request;
}

void issue_p256(benchmark::State& state) {
  SystemEntropy entropy;
  const Authority authority = new_authority(entropy);
  const LeafRequest request = local_server();
  for (auto _ : state) benchmark::DoNotOptimize(authority.issue(request, entropy, kNow));
}
BENCHMARK(issue_p256)->Unit(benchmark::kMicrosecond);

void verify_p256(benchmark::State& state) {
  SystemEntropy entropy;
  const Authority authority = new_authority(entropy);
  const auto leaf = authority.issue(local_server(), entropy, kNow);
  const std::vector<Certificate> anchors{authority.certificate()};
  const std::vector<Certificate> none;
  VerifyRequest request{anchors, none};
  request.now = kNow;
  request.name = SubjectName::parse("localhost");
  for (auto _ : state) {
    if (!verify(leaf->certificate, request).accepted()) std::abort();
  }
}
BENCHMARK(verify_p256)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace sallyport
