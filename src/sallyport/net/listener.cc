// SPDX-License-Identifier: Apache-2.0
#include "sallyport/net/listener.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/net/internal/addresses.h"

namespace sallyport {
namespace {

Descriptor spare() { return Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

bool out_of_descriptors(int error) noexcept {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

/// Work is what the accepting task needs; it outlives a Listener that is closed from inside its own callback.
struct Listener::Work {
  Work(Loop& on, Descriptor from, SocketAddress at, ConnectionLimiter& by, OnConnection then)
      : loop(on),
        socket(std::move(from)),
        address(std::move(at)),
        limiter(by),
        on_connection(std::move(then)) {}
  Loop& loop;
  Descriptor socket;
  SocketAddress address;
  ConnectionLimiter& limiter;
  OnConnection on_connection;
  Descriptor reserve = spare();
  std::optional<Watch> watch;
  AcceptCounters counters;
  enum class Next : std::uint8_t { accept, wait, back_off, end } next = Next::wait;
};

Listener::Listener(Loop& loop, Descriptor socket, SocketAddress address, ConnectionLimiter& limiter,
                   OnConnection on_connection)
    : address_(address),
      work_(std::make_shared<Work>(loop, std::move(socket), std::move(address), limiter,
                                   std::move(on_connection))) {}

Listener::~Listener() { close(); }

Status Listener::start() {
  work_->watch.emplace(work_->loop, work_->socket.get());
  if (!work_->watch->ok())
    return fail(Code::exhausted, concat("the kernel cannot watch the socket of ", address_.str()));
  work_->loop.spawn(accept_all(work_));
  return ok();
}

void Listener::close() noexcept {
  work_->next = Work::Next::end;
  work_->watch.reset();
  work_->socket.reset();
  work_->reserve.reset();
}

const AcceptCounters& Listener::counters() const noexcept { return work_->counters; }

Task<void> Listener::accept_all(std::shared_ptr<Work> work) {
  std::size_t in_row = 0;
  while (work->next != Work::Next::end) {
    if (work->next == Work::Next::back_off) {
      co_await work->loop.sleep_until(work->loop.now() + kAcceptBackOff);
    } else if (work->next == Work::Next::wait) {
      co_await work->watch->readable();
    } else if (++in_row % kAcceptsInRowMax == 0) {
      co_await work->loop.yield();
    }
    if (work->next != Work::Next::end) accept_one(*work);
  }
}

/// accept_one takes one connection, or notes in work.next why there is none.
void Listener::accept_one(Work& work) {
  KernelAddress peer;
  Descriptor socket(::accept4(work.socket.get(), peer.get(), &peer.bytes, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!socket) {
    on_accept_error(work, errno);
    return;
  }
  work.next = Work::Next::accept;
  ConnectionFacts facts;
  facts.peer = from_kernel(peer);
  auto entered = work.limiter.enter(facts.peer);
  if (const auto* refusal = std::get_if<ConnectionLimiter::Refusal>(&entered); refusal != nullptr) {
    ++(*refusal == ConnectionLimiter::Refusal::total ? work.counters.refused_total
                                                     : work.counters.refused_per_peer);
    return;
  }
  const bool any_address = !work.address.is_unix() && work.address.ip.is_unspecified();
  facts.local = any_address ? local_address(socket.get()) : work.address;
  auto stream = socket_stream(work.loop, std::move(socket), std::move(facts));
  if (!stream) {
    ++work.counters.failed;
    return;
  }
  (*stream)->hold(std::get<ConnectionLimiter::Place>(std::move(entered)));
  ++work.counters.accepted;
  work.on_connection(*std::move(stream));
}

void Listener::on_accept_error(Work& work, int error) {
  if (error == EAGAIN || error == EWOULDBLOCK) {
    work.watch->drained();
    work.next = Work::Next::wait;
    return;
  }
  if (!out_of_descriptors(
          error)) {  // ECONNABORTED, EPROTO, a firewall's EPERM: that one is lost, not the next
    ++work.counters.failed;
    work.next = error == EBADF || error == EINVAL ? Work::Next::end : Work::Next::accept;
    return;
  }
  ++work.counters.out_of_descriptors;
  work.next = Work::Next::back_off;
  if (!work.reserve) {
    work.reserve = spare();
    return;
  }
  work.reserve.reset();
  Descriptor turned_away(::accept4(work.socket.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (turned_away) work.next = Work::Next::accept;
  turned_away.reset();
  work.reserve = spare();
}

}  // namespace sallyport
