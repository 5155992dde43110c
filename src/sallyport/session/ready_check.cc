// SPDX-License-Identifier: Apache-2.0
#include "sallyport/session/ready_check.h"

#include "sallyport/base/text.h"
#include "sallyport/launch/port.h"

namespace sallyport {
namespace {

constexpr int kServerError = 500;
bool is_refusal(int status) noexcept { return status == 401 || status == 403; }

}  // namespace

ReadyCheck::Verdict ReadyCheck::again(std::string why, MonotonicTime now) {
  note_ = std::move(why);
  probe_.reset();
  stage_ = Stage::asking;
  next_try_ = after(now, kProbeInterval);
  return Verdict::pending;
}

/// locate returns whether there is somebody to ask; the credential goes to nobody else than the tool.
bool ReadyCheck::locate() {
  if (target_.kind == EndpointKind::socket) {
    endpoint_ = SocketAddress::unix_path(target_.socket);
    return true;
  }
  auto proof = prove_listener(target_.port, target_.root);
  squatted_ = proof.owner == PortOwner::foreign;
  if (!proof.note.empty()) note_ = std::move(proof.note);
  endpoint_ = proof.address;
  return proof.owner == PortOwner::tool;
}

ReadyCheck::Verdict ReadyCheck::begin(MonotonicTime now) {
  if (now < next_try_) return Verdict::pending;
  if (!locate()) return squatted_ ? Verdict::squatted : again(note_, now);
  probe_.emplace(endpoint_, target_.path, credential_->header_lines().expose(), now);
  return Verdict::pending;
}

ReadyCheck::Verdict ReadyCheck::answered(int status, MonotonicTime now) {
  const auto what = concat("GET ", target_.path, " was answered with ", status);
  if (status >= kServerError) return again(what, now);
  const bool refused = is_refusal(status) && credential_->form() != CredentialForm::none;
  if (refused && demand_ == ReadyDemand::accepted) return again(what, now);
  note_ = refused ? concat(what, ": the tool does not take its credential in this form; see --preset list")
                  : std::string();
  // Asked twice: whoever took the port over between proof and answer shows now.
  if (!locate()) return squatted_ ? Verdict::squatted : again(note_, now);
  if (target_.kind == EndpointKind::socket) {
    inner_door_ = InnerDoor::socket;
    return Verdict::ready;
  }
  if (refused || credential_->form() == CredentialForm::none) {
    inner_door_ = refused ? InnerDoor::credential : InnerDoor::open;
    return Verdict::ready;
  }
  stage_ = Stage::knocking;
  probe_.emplace(endpoint_, target_.path, "", now);
  return Verdict::pending;
}

ReadyCheck::Verdict ReadyCheck::knocked(const Probe::Outcome& outcome) {
  const bool closed = outcome.kind == Probe::Outcome::Kind::answered && is_refusal(outcome.status);
  inner_door_ = closed ? InnerDoor::credential : InnerDoor::open;
  probe_.reset();
  return Verdict::ready;
}

ReadyCheck::Verdict ReadyCheck::step(MonotonicTime now) {
  if (!probe_) {
    const auto verdict = begin(now);
    if (!probe_) return verdict;
  }
  const auto outcome = probe_->step(now);
  if (outcome.kind == Probe::Outcome::Kind::pending) return Verdict::pending;
  if (stage_ == Stage::knocking) return knocked(outcome);
  if (outcome.kind == Probe::Outcome::Kind::failed) return again(outcome.why, now);
  return answered(outcome.status, now);
}

}  // namespace sallyport
