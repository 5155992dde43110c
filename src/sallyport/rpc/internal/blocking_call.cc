// SPDX-License-Identifier: Apache-2.0
#include <condition_variable>
#include <mutex>
#include <utility>

#include "sallyport/rpc/internal/server_connection.h"

namespace sallyport {
namespace {

/// Slot carries one answer from the loop to the thread that asked. Its giver tells the thread even if it dies
/// without an answer, because the loop has ended.
template <class T>
class Slot {
 public:
  class Giver {
   public:
    explicit Giver(std::shared_ptr<Slot> slot) noexcept : slot_(std::move(slot)) {}
    Giver(Giver&&) noexcept = default;
    Giver(const Giver&) = delete;
    Giver& operator=(const Giver&) = delete;
    ~Giver() {
      if (slot_) slot_->put(T{});
    }
    void give(T value) { std::exchange(slot_, nullptr)->put(std::move(value)); }

   private:
    std::shared_ptr<Slot> slot_;
  };
  T take() {
    std::unique_lock lock(mutex_);
    while (!value_.has_value()) came_.wait(lock);
    return *std::move(value_);
  }

 private:
  void put(T value) {
    const std::lock_guard lock(mutex_);
    value_ = std::move(value);
    came_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable came_;
  std::optional<T> value_;
};
using ReadSlot = Slot<std::optional<std::string>>;
using WriteSlot = Slot<bool>;

Task<void> read_for(std::shared_ptr<RpcServerCall> call, std::shared_ptr<ReadSlot::Giver> giver) {
  std::optional<std::string> message = co_await call->read();
  giver->give(std::move(message));
}

Task<void> write_for(std::shared_ptr<RpcServerCall> call, std::string message,
                     std::shared_ptr<WriteSlot::Giver> giver) {
  const bool sent = co_await call->write(message);
  giver->give(sent);
}

class PoolCall final : public RpcBlockingCall {
 public:
  PoolCall(std::shared_ptr<RpcServerCall> call, Loop& loop) : call_(std::move(call)), loop_(loop) {}
  RpcServerCall& call() noexcept override { return *call_; }
  std::optional<std::string> read() override {
    const auto slot = std::make_shared<ReadSlot>();
    auto giver = std::make_shared<ReadSlot::Giver>(slot);
    loop_.post(
        [call = call_, moved = std::move(giver), &loop = loop_] { loop.spawn(read_for(call, moved)); });
    return slot->take();
  }
  bool write(std::string message) override {
    const auto slot = std::make_shared<WriteSlot>();
    auto giver = std::make_shared<WriteSlot::Giver>(slot);
    loop_.post([call = call_, moved = std::move(giver), text = std::move(message), &loop = loop_]() mutable {
      loop.spawn(write_for(call, std::move(text), moved));
    });
    return slot->take();
  }

 private:
  std::shared_ptr<RpcServerCall> call_;
  Loop& loop_;
};

}  // namespace

std::unique_ptr<RpcBlockingCall> blocking_call(std::shared_ptr<RpcServerCall> call, Loop& loop) {
  return std::make_unique<PoolCall>(std::move(call), loop);
}

}  // namespace sallyport
