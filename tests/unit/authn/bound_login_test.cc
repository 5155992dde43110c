// SPDX-License-Identifier: Apache-2.0
// A login that was made for one session: does it open that one, and no other door?
#include "tests/unit/authn/gate_fixture.h"

namespace sallyport {
namespace {

class BoundLoginTest : public GateFixture {
 protected:
  BoundLoginTest() {
    LinkOrder order{principal_of("guest"), std::chrono::minutes(10)};
    order.session = SessionId(std::string("demo"));
    const auto link = links_.mint(order, clock_.now());
    const Admission spent = links_.redeem(link->text.expose(), clock_.now());
    const auto login = logins_.begin_from(*spent.grant(), "", clock_.now());
    asked_ = Asked{}.with("Cookie", cookie(login->text.expose()));
  }
  LoginLinks links_{store_, entropy_};
  Asked asked_;
};

TEST_F(BoundLoginTest, BY_03_opens_its_own_session) {
  EXPECT_TRUE(admit(asked_).allowed());
  asked_.target = "/.sallyport/sessions";
  EXPECT_TRUE(admit(asked_).allowed());
}

TEST_F(BoundLoginTest, BY_03_opens_no_other_session) {
  asked_.session = SessionId(std::string("other"));
  expect_denied(asked_, Denial::wrong_session, GateStep::credential, 401);
  asked_.target = "/.sallyport/sessions";
  expect_denied(asked_, Denial::wrong_session, GateStep::credential, 401);
}

TEST_F(BoundLoginTest, BY_03_opens_at_a_shared_origin_our_own_pages_alone) {
  asked_.session = SessionId();
  expect_denied(asked_, Denial::wrong_session, GateStep::credential, 401);
  asked_.target = "/.sallyport/sessions";
  EXPECT_TRUE(admit(asked_).allowed()) << "to sign out";
}

TEST_F(BoundLoginTest, BY_03_opens_no_admin_door) {
  asked_.session = SessionId();
  asked_.door = Door::admin;
  for (const char* target : {"/sessions", "/.sallyport/sessions"}) {
    asked_.target = target;
    expect_denied(asked_, Denial::wrong_session, GateStep::credential, 401);
  }
}

}  // namespace
}  // namespace sallyport
