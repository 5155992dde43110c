// SPDX-License-Identifier: Apache-2.0
#include "sallyport/proxy/upstream_pool.h"

#include <cstring>
#include <functional>
#include <utility>

namespace sallyport {
namespace {

constexpr Duration kSweepEvery = std::chrono::seconds(1);

/// comes_to_rest: nothing is left to read. A body that ended with a full buffer or in a pipe leaves that
/// open: ask.
bool comes_to_rest(Stream& stream) {
  char probe = 0;
  if (!stream.drained() && stream.try_read({&probe, 1}).state != IoState::would_block) return false;
  return stream.at_rest();
}

}  // namespace

std::size_t UpstreamPool::AddressHash::operator()(const SocketAddress& address) const noexcept {
  if (address.is_unix()) return std::hash<std::string>{}(address.path);
  std::uint64_t halves[2];
  std::memcpy(halves, address.ip.bytes().data(), sizeof halves);
  return static_cast<std::size_t>((halves[0] ^ halves[1] ^ (std::uint64_t{address.port} << 40U)) *
                                  0x9E3779B97F4A7C15ULL);
}

UpstreamPool::UpstreamPool(Loop& loop) : loop_(loop), filled_(loop.scheduler()), sweeper_(sweep()) {
  sweeper_.handle().resume();
}

UpstreamPool::Backends::value_type* UpstreamPool::find(const SocketAddress& address) noexcept {
  if (last_ != nullptr && last_->first == address) return last_;
  const auto found = backends_.find(address);
  return found == backends_.end() ? nullptr : last_ = &*found;
}

std::unique_ptr<Stream> UpstreamPool::take(const SocketAddress& address, UpstreamAge age) {
  Backends::value_type* const found = find(address);
  if (found == nullptr) return nullptr;
  std::vector<Idle>& idle = found->second;
  while (!idle.empty()) {
    if (age == UpstreamAge::young && loop_.now() - idle.back().since > kYoungUpstreamMax) return nullptr;
    std::unique_ptr<Stream> stream = std::move(idle.back().stream);
    idle.pop_back();
    --idle_;
    if (stream->at_rest()) return stream;
  }
  return nullptr;
}

void UpstreamPool::put(const SocketAddress& address, std::unique_ptr<Stream> stream) {
  if (idle_ >= kIdleInAllMax || !comes_to_rest(*stream)) return;
  Backends::value_type* found = find(address);
  if (found == nullptr) found = &*backends_.try_emplace(address).first;
  std::vector<Idle>& idle = found->second;
  if (idle.size() >= kIdlePerBackendMax) return;
  stream->set_deadline(kNever);
  idle.push_back(Idle{std::move(stream), loop_.now()});
  if (idle_++ == 0) filled_.notify_one();
}

void UpstreamPool::forget(const SocketAddress& address) noexcept {
  const auto found = backends_.find(address);
  if (found == backends_.end()) return;
  idle_ -= found->second.size();
  last_ = nullptr;
  backends_.erase(found);
}

void UpstreamPool::drop_old() noexcept {
  const MonotonicTime now = loop_.now();
  last_ = nullptr;
  for (auto at = backends_.begin(); at != backends_.end();) {
    idle_ -= std::erase_if(at->second, [now](const Idle& idle) {
      return now - idle.since > kIdleUpstreamMax || !idle.stream->at_rest();
    });
    at = at->second.empty() ? backends_.erase(at) : std::next(at);
  }
}

Task<void> UpstreamPool::sweep() {
  for (;;) {
    if (idle_ == 0) {
      [[maybe_unused]] const WaitResult filled = co_await filled_.wait();
    }
    [[maybe_unused]] const WaitResult slept = co_await loop_.sleep_until(loop_.now() + kSweepEvery);
    drop_old();
  }
}

}  // namespace sallyport
