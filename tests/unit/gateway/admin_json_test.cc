// SPDX-License-Identifier: Apache-2.0
// Question: is what the gate says in JSON always JSON, whatever bytes are in it?
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "sallyport/gateway/admin_json.h"

namespace sallyport {
namespace {

using Json = nlohmann::json;

TEST(AdminJson, quotes_control_characters_and_replaces_what_is_no_utf8) {
  EXPECT_EQ(json_text("a\"b\\c\n"), R"("a\"b\\c\n")");
  EXPECT_EQ(json_text(std::string_view("\0", 1)), R"("\u0000")");
  const auto broken = Json::parse(json_text("a\xff\xfe"
                                            "b"),
                                  nullptr, false);
  ASSERT_TRUE(broken.is_string());
  EXPECT_EQ(broken.get<std::string>(),
            "a\xef\xbf\xbd\xef\xbf\xbd"
            "b");
}

TEST(AdminJson, times_are_utc_with_milliseconds) {
  EXPECT_EQ(json_time(WallTime(std::chrono::seconds(1'800'000'000))), "\"2027-01-15T08:00:00.000Z\"");
}

TEST(AdminJson, SA_06_problem_is_an_rfc_9457_document) {
  const Response response = problem(404, "not found", "a \"detail\" with \xff");
  EXPECT_EQ(response.status, 404);
  const auto body = Json::parse(response.body, nullptr, false);
  ASSERT_TRUE(body.is_object());
  EXPECT_EQ(body["type"], "about:blank");
  EXPECT_EQ(body["title"], "not found");
  EXPECT_EQ(body["status"], 404);
  EXPECT_EQ(response.fields[0].value, "application/problem+json");
  EXPECT_EQ(response.fields[1].name, "Cache-Control");
  EXPECT_EQ(response.fields[1].value, "no-store");
}

TEST(AdminJson, errors_become_the_status_of_their_code) {
  EXPECT_EQ(problem_of(fail(Code::invalid_argument, "x")).status, 400);
  EXPECT_EQ(problem_of(fail(Code::not_found, "x")).status, 404);
  EXPECT_EQ(problem_of(fail(Code::permission_denied, "x")).status, 403);
  EXPECT_EQ(problem_of(fail(Code::unavailable, "x")).status, 503);
  EXPECT_EQ(problem_of(fail(Code::already_exists, "x")).status, 409);
}

TEST(AdminJson, SA_06_session_has_its_history_and_never_its_credential) {
  SessionView view;
  view.id = SessionId("tool");
  view.state = SessionState::waiting;
  view.preset = find_preset("generic");
  view.credential =
      std::make_shared<const BackendCredential>(CredentialForm::bearer, "", SecretText("spb_secret"));
  view.exposure = Exposure::environment;
  view.detail = "it \"ended\" \xff";
  view.history.push_back(StateChange{WallTime(std::chrono::seconds(1'800'000'000)), SessionState::waiting,
                                     Ending::exited, std::nullopt});
  const std::string text = json_session(view, "https://tool.example");
  const auto body = Json::parse(text, nullptr, false);
  ASSERT_TRUE(body.is_object());
  EXPECT_EQ(body["id"], "tool");
  EXPECT_EQ(body["state"], "waiting");
  EXPECT_EQ(body["url"], "https://tool.example");
  EXPECT_EQ(body["env_exposed"], true);
  EXPECT_EQ(body["history"][0]["why"], "exited");
  EXPECT_EQ(body["history"][0]["at"], "2027-01-15T08:00:00.000Z");
  EXPECT_FALSE(body.contains("last_exit"));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("spb_secret")));
  view.preset = nullptr;
  EXPECT_EQ(Json::parse(json_session(view, ""))["preset"], "");
}

}  // namespace
}  // namespace sallyport
