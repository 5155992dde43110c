// SPDX-License-Identifier: Apache-2.0
// How a running tool gets a new credential: by its file, proven by a request; else by starting it anew.
#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/session/internal/runner.h"

namespace sallyport {

void Runner::rotate(RotationRequest request) {
  const auto refuse = [&](Code code, std::string_view why) { request.done(fail(code, why)); };
  if (spec_.preset->form == CredentialForm::none)
    return refuse(Code::invalid_argument, "this tool takes no backend credential");
  if (request.credential.empty()) return refuse(Code::invalid_argument, "the new credential is empty");
  if (rotation_) return refuse(Code::already_exists, "a rotation is under way");
  auto next = make_credential(std::move(request.credential));
  if (!process_ || life_.state() == SessionState::stopping) {
    credential_ = std::move(next);  // the next launch hands it over
    publish();
    return request.done(ok());
  }
  const bool in_place = spec_.preset->rotation == RotationSupport::rereads_file &&
                        life_.state() == SessionState::ready &&
                        recipe_.exposure() == Exposure::private_handover;
  if (!in_place && request.mode == RotationMode::in_place) {
    return refuse(Code::unavailable, "this tool reads its credential at its start only; allow a relaunch");
  }
  rotation_.emplace(Rotation{std::move(request), std::move(next), {}, kNever});
  if (!in_place) return apply(LifeEvent::relaunch);
  if (const auto written = directory_->write_token(rotation_->next->text()); !written) {
    return cancel_rotation(written.error().what);
  }
  rotation_->check.emplace(target(), rotation_->next, ReadyDemand::accepted);
  rotation_->deadline = after(host_.clock.now(), rotation_->request.grace);
}

void Runner::turn_rotation() {
  if (!rotation_) return;
  if (life_.state() == SessionState::stopped || life_.state() == SessionState::failed) {
    return cancel_rotation("the session ended meanwhile");
  }
  if (!rotation_->check || life_.state() != SessionState::ready) return;
  if (rotation_->check->step(host_.clock.now()) == ReadyCheck::Verdict::ready) {
    credential_ = rotation_->next;
    const auto done = std::move(rotation_->request.done);
    rotation_.reset();
    publish();
    return done(ok());
  }
  if (host_.clock.now() >= rotation_->deadline) give_up_rotation();
}

void Runner::give_up_rotation() {
  if (rotation_->request.mode == RotationMode::relaunch_if_needed) {
    rotation_->check.reset();
    return apply(LifeEvent::relaunch);
  }
  const auto restored = directory_->write_token(credential_->text());
  cancel_rotation(restored ? "the tool did not take the new credential in time; the old one is back in place"
                           : restored.error().what);
}

void Runner::adopt_rotation() {
  credential_ = rotation_->next;
  auto done = std::move(rotation_->request.done);
  rotation_.reset();
  waiters_.push_back([done = std::move(done)](const Result<std::shared_ptr<const SessionView>>& view) {
    done(view ? ok() : Status(view.error()));
  });
}

void Runner::cancel_rotation(std::string_view why) {
  const auto done = std::move(rotation_->request.done);
  rotation_.reset();
  done(fail(Code::unavailable, why));
}

}  // namespace sallyport
