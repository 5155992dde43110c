// SPDX-License-Identifier: Apache-2.0
// How a tool that outlived its gateway becomes this gateway's: found at its door, and asked anew whether it
// answers.
#include <utility>

#include "sallyport/session/internal/runner.h"

namespace sallyport {

Status Runner::open_directory() {
  if (directory_) return ok();
  SALLYPORT_TRY(made, RunDirectory::make(host_.files, host_.state_directory, spec_.id));
  directory_.emplace(std::move(made));
  return ok();
}

/// A rotation may have been cut short between the tool, its file and the record: the file tells what the tool
/// was given last. A tool that rereads it is given the record's again; another one has to be started anew.
bool Runner::knows_credential() {
  if (credential_->form() == CredentialForm::none) return true;
  const auto given = host_.files.read_secret(directory_->token_file(), FilePrivacy::owner_only);
  if (given && given->matches(credential_->text())) return true;
  return spec_.preset->rotation == RotationSupport::rereads_file &&
         directory_->write_token(credential_->text()).has_value();
}

bool Runner::adopt() {
  if (!open_directory()) return false;
  auto found = Process::adopt(directory_->door());
  if (!found || found->tool <= 0) return false;
  if (!knows_credential()) return false;  // and what was found ends here
  adopted_.emplace(*std::move(found));
  return true;
}

Status Runner::take_adopted() {
  process_.emplace(std::move(adopted_->process));
  pid_ = adopted_->tool;
  port_ = adopted_->port;
  adopted_.reset();
  ++starts_;
  check_.emplace(target(), credential_, ReadyDemand::any_answer);
  publish();
  return ok();
}

void Runner::leave() {
  const bool survives = host_.survival.count() > 0 && life_.state() != SessionState::stopping;
  if (!survives || !process_) return;  // whatever else there is, ends with the runner
  process_->leave();
  process_.reset();
  directory_->leave();
}

}  // namespace sallyport
