// SPDX-License-Identifier: Apache-2.0
#include "sallyport/authn/throttles.h"

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

/// client_of is the network of a knock; of a Unix peer the kernel is asked for its uid.
NetworkKey client_of(const Knock& knock) {
  const ConnectionFacts& facts = knock.evidence.facts;
  if (!facts.peer.is_unix() || facts.process) return NetworkKey::of(facts, knock.client);
  const auto process = knock.evidence.peer();
  return NetworkKey::of_local(process ? process->uid : UINT32_MAX);
}

std::int64_t in_seconds(Duration duration) {
  return std::chrono::ceil<std::chrono::seconds>(duration).count();
}

}  // namespace

std::string alert_text(const LockoutSubject& subject, const Lockout::Counted& counted,
                       const LockoutLimits& limits) {
  std::string text;
  if (counted.delay > Duration::zero()) {
    text = concat("locked out for ", in_seconds(counted.delay), " s after ", counted.failures,
                  " failures; lane ", name_of(subject.lane), ", network ", subject.network.str());
  }
  if (counted.alert == Lockout::Counted::Alert::widespread) {
    text += concat(text.empty() ? "" : "; ", "alert: ", limits.widespread_failures,
                   " failures from all networks within ", in_seconds(limits.window), " s");
  }
  return text;
}

bool is_shared(const ConnectionFacts& facts, const IpAddress& client) noexcept {
  if (facts.peer.is_unix()) return true;
  static const IpAddress v4 = IpAddress::v4({127, 0, 0, 1});
  static const IpAddress v6 = IpAddress::v6({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
  return client == v4 || client == v6;
}

Duration LockoutStep::wait(const Knock& knock) {
  if (is_shared(knock.evidence.facts, knock.client)) return Duration::zero();
  if (knock.offer != Offer::on_purpose || !lockout_.anybody_waits(knock.now)) return Duration::zero();
  return lockout_.wait_left({LockoutLane::token, client_of(knock), {}}, knock.now);
}

Throttle::Noted LockoutStep::note_wrong(const Knock& knock, std::uint64_t value) {
  const LockoutSubject subject{
      knock.offer == Offer::cookie ? LockoutLane::cookie : LockoutLane::token, client_of(knock), {}};
  const Duration wait = lockout_.wait_left(subject, knock.now);
  if (wait > Duration::zero()) return {wait, {}};
  return {Duration::zero(),
          alert_text(subject, lockout_.note_failure(subject, value, knock.now), lockout_.limits())};
}

Duration RateStep::wait(const Knock& knock) {
  return limiter_.wait_of_client(client_of(knock), knock.evidence.head.target.path, knock.now);
}

Duration RateStep::wait_of(const Principal& principal, const Knock& knock) {
  return limiter_.wait_of_user(principal.id, knock.now);
}

}  // namespace sallyport
