// SPDX-License-Identifier: Apache-2.0
// Link: the hook of an intrusive ring. No allocation, constant-time removal, and an object that dies leaves
// its ring.
#pragma once

namespace sallyport {

/// Link is both a member's hook and a ring's head; alone, it is a ring of one. A resource, for one thread.
class Link {
 public:
  Link() = default;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link() { unlink(); }

  /// alone: as a hook, in no ring; as a head, an empty ring.
  [[nodiscard]] bool alone() const noexcept { return next_ == this; }
  [[nodiscard]] Link* next() const noexcept { return next_; }
  void unlink() noexcept {
    prev_->next_ = next_;
    next_->prev_ = prev_;
    next_ = prev_ = this;
  }
  /// push_back puts `hook`, which must be alone, at the end of the ring that this heads.
  void push_back(Link& hook) noexcept {
    hook.prev_ = prev_;
    hook.next_ = this;
    prev_->next_ = &hook;
    prev_ = &hook;
  }
  /// take_all moves the members of `from` to the end of the ring that this heads.
  void take_all(Link& from) noexcept {
    if (from.alone()) return;
    prev_->next_ = from.next_;
    from.next_->prev_ = prev_;
    from.prev_->next_ = this;
    prev_ = from.prev_;
    from.next_ = from.prev_ = &from;
  }

 private:
  Link* next_ = this;
  Link* prev_ = this;
};

}  // namespace sallyport
