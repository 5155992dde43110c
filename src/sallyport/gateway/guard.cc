// SPDX-License-Identifier: Apache-2.0
#include "sallyport/gateway/guard.h"

#include <algorithm>
#include <utility>

#include "sallyport/base/text.h"
#include "sallyport/gateway/internal/guard_core.h"

namespace sallyport {

Guard::Guard(std::unique_ptr<Core> core) : core_(std::move(core)) {}
Guard::~Guard() = default;

Result<std::unique_ptr<Guard>> Guard::start(const Settings& settings, std::vector<std::string> command,
                                            GuardPowers powers, GuardNotices notices) {
  auto core = std::make_unique<Core>(settings, std::move(powers), std::move(notices));
  SALLYPORT_CHECK(core->open_credentials());
  SALLYPORT_CHECK(core->settle_name(command));
  SALLYPORT_CHECK(core->open_store());
  SALLYPORT_CHECK(core->open_tls());
  SALLYPORT_CHECK(core->open_traces());
  SALLYPORT_CHECK(core->open_doors());
  SALLYPORT_CHECK(core->open_metrics_listener());
  SALLYPORT_CHECK(core->open_session(std::move(command)));
  core->run_loops();
  return std::unique_ptr<Guard>(new Guard(std::move(core)));
}

Result<std::unique_ptr<Guard>> Guard::serve(const Settings& settings, GuardPowers powers,
                                            GuardNotices notices) {
  auto core = std::make_unique<Core>(settings, std::move(powers), std::move(notices));
  SALLYPORT_CHECK(core->open_store());
  SALLYPORT_CHECK(core->open_credentials());
  SALLYPORT_CHECK(core->open_tls());
  SALLYPORT_CHECK(core->open_traces());
  SALLYPORT_CHECK(core->open_doors());
  SALLYPORT_CHECK(core->open_admin_listener());
  SALLYPORT_CHECK(core->open_metrics_listener());
  SALLYPORT_CHECK(core->restore());
  core->run_loops();
  return std::unique_ptr<Guard>(new Guard(std::move(core)));
}

const GuardStart& Guard::started() const noexcept { return core_->told; }
std::shared_ptr<const SessionView> Guard::view() const { return core_->supervisor->view(core_->session); }
std::vector<std::string> Guard::housekeep() { return core_->housekeep(); }
int Guard::stop(Duration patience) { return core_->stop(patience); }
void Guard::leave(Duration patience) { core_->leave(patience); }
void Guard::hurry() { core_->end_all(EndSpeed::at_once); }

}  // namespace sallyport
