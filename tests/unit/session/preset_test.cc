// SPDX-License-Identifier: Apache-2.0
#include "sallyport/session/preset.h"

#include <gmock/gmock.h>

#include "sallyport/session/recipe.h"

namespace sallyport {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

SessionSpec spec_for(std::string_view preset, std::vector<std::string> command) {
  SessionSpec spec;
  spec.id = SessionId("demo");
  spec.preset = find_preset(preset);
  spec.command = std::move(command);
  spec.credential = SecretText("spb_secret-value");
  return spec;
}

const SecretText kToken("spb_secret-value");
const PlaceholderValues kValues{"4000", "/run/s", "/run/t", "/", "demo", &kToken};

std::string value_of(const ChildEnvironment& environment, std::string_view name) {
  const auto* found = environment.find(name);
  return found == nullptr ? "(none)" : std::string(found->expose());
}

TEST(Preset, every_row_compiles) {
  for (const auto& preset : presets()) {
    EXPECT_EQ(find_preset(preset.name), &preset);
    EXPECT_TRUE(Recipe::compile(spec_for(preset.name, {"tool", "{port}"}))) << preset.name;
  }
  EXPECT_EQ(find_preset("no-such"), nullptr);
  EXPECT_EQ(preset_for("/usr/local/bin/opencode"), find_preset("opencode"));
  EXPECT_EQ(preset_for("python3"), nullptr);
}

TEST(Preset, SA_12_opencode_takes_basic_and_its_password_by_environment) {
  const auto recipe = Recipe::compile(spec_for("opencode", {"opencode", "serve"}));
  ASSERT_TRUE(recipe);
  EXPECT_THAT(recipe->argv(kValues),
              ElementsAre("opencode", "serve", "--hostname", "127.0.0.1", "--port", "4000"));
  EXPECT_EQ(recipe->exposure(), Exposure::environment);
  EXPECT_EQ(recipe->ready_path(), "/global/health");
  const auto environment = recipe->environment(kValues, {});
  ASSERT_TRUE(environment);
  EXPECT_EQ(value_of(*environment, "OPENCODE_SERVER_PASSWORD"), "spb_secret-value");
  const BackendCredential credential(CredentialForm::basic, "opencode", kToken.duplicate());
  EXPECT_EQ(credential.header_lines().expose(),
            "Authorization: Basic b3BlbmNvZGU6c3BiX3NlY3JldC12YWx1ZQ==\r\n");
}

TEST(Preset, BY_01_jupyter_takes_its_token_by_file) {
  const auto recipe = Recipe::compile(spec_for("jupyter", {"jupyter-notebook", "--ip=127.0.0.1"}));
  ASSERT_TRUE(recipe);
  EXPECT_EQ(recipe->exposure(), Exposure::private_handover);
  EXPECT_THAT(recipe->argv(kValues),
              ElementsAre("jupyter-notebook", "--ip=127.0.0.1", "--no-browser", "--port=4000",
                          "--port-retries=0", "--NotebookApp.allow_remote_access=True"));
  const auto environment = recipe->environment(kValues, {});
  EXPECT_EQ(value_of(*environment, "JUPYTER_TOKEN_FILE"), "/run/t");
  for (const auto& one : environment->variables())
    EXPECT_EQ(one.value.expose().find("spb_"), std::string_view::npos) << one.name;
  const BackendCredential credential(CredentialForm::token, "", kToken.duplicate());
  EXPECT_EQ(credential.header_lines().expose(), "Authorization: token spb_secret-value\r\n");
}

TEST(Preset, jupyter_on_a_socket_gets_no_port) {
  const auto recipe = Recipe::compile(spec_for("jupyter", {"jupyter-notebook", "--sock", "{socket}"}));
  ASSERT_TRUE(recipe);
  EXPECT_EQ(recipe->endpoint(), EndpointKind::socket);
  EXPECT_THAT(recipe->argv(kValues), testing::Not(testing::Contains("--port=4000")));
}

TEST(Preset, code_server_stands_on_a_private_socket) {
  const auto recipe = Recipe::compile(spec_for("code-server", {"code-server", "."}));
  ASSERT_TRUE(recipe);
  EXPECT_EQ(recipe->endpoint(), EndpointKind::socket);
  const auto environment = recipe->environment(kValues, {});
  EXPECT_EQ(environment->find("SALLYPORT_CREDENTIAL_FILE"), nullptr);
  EXPECT_TRUE(BackendCredential(CredentialForm::none, "", SecretText("x")).header_lines().empty());
}

TEST(Preset, what_follows_a_double_dash_is_another_programs) {
  const auto words = with_preset_arguments(
      *find_preset("opencode"), std::vector<std::string>{"opencode", "serve", "--", "--port", "1"});
  EXPECT_THAT(words, ElementsAre("opencode", "serve", "--hostname", "127.0.0.1", "--port", "{port}", "--",
                                 "--port", "1"));
}

TEST(Recipe, BY_01_generic_tool_finds_its_credential_by_descriptor_and_file) {
  auto spec = spec_for("generic", {"tool", "{port}"});
  spec.environment = {"MODE=x-{session_id}"};
  const auto recipe = Recipe::compile(spec);
  ASSERT_TRUE(recipe);
  EXPECT_EQ(recipe->exposure(), Exposure::private_handover);
  const std::vector<std::string> parent = {"PATH=/bin", "SALLYPORT_PASSWORD=outer"};
  const auto environment = recipe->environment(kValues, parent);
  ASSERT_TRUE(environment);
  EXPECT_EQ(value_of(*environment, "SALLYPORT_CREDENTIAL_FD"), "3");
  EXPECT_EQ(value_of(*environment, "SALLYPORT_CREDENTIAL_FILE"), "/run/t");
  EXPECT_EQ(value_of(*environment, "SESSION_ID"), "demo");
  EXPECT_EQ(value_of(*environment, "MODE"), "x-demo");
  EXPECT_EQ(value_of(*environment, "SALLYPORT_PASSWORD"), "(none)");
  EXPECT_EQ(value_of(*environment, "SESSION_AUTH_TOKEN"), "(none)");
}

TEST(Recipe, token_in_the_environment_marks_the_session) {
  auto spec = spec_for("generic", {"tool", "{port}"});
  spec.environment = {"SESSION_AUTH_TOKEN={token}"};
  const auto recipe = Recipe::compile(spec);
  ASSERT_TRUE(recipe);
  EXPECT_EQ(recipe->exposure(), Exposure::environment);
  EXPECT_EQ(value_of(*recipe->environment(kValues, {}), "SESSION_AUTH_TOKEN"), "spb_secret-value");
}

TEST(Recipe, port_may_come_by_environment) {
  auto spec = spec_for("generic", {"tool"});
  spec.environment = {"PORT={port}"};
  EXPECT_TRUE(Recipe::compile(spec));
}

TEST(Recipe, refuses_with_a_remedy) {
  EXPECT_THAT(Recipe::compile(spec_for("generic", {"tool"})).error().what, HasSubstr("{port}"));
  EXPECT_THAT(Recipe::compile(spec_for("generic", {})).error().what, HasSubstr("--"));
  auto spec = spec_for("generic", {"tool", "{port}"});
  spec.ready_path = "health check";
  EXPECT_THAT(Recipe::compile(spec).error().what, HasSubstr("--ready"));
  spec.ready_path.clear();
  spec.environment = {"SALLYPORT_X=1"};
  EXPECT_FALSE(Recipe::compile(spec));
  spec.environment = {"A={nonsense}"};
  EXPECT_FALSE(Recipe::compile(spec));
  spec.environment.clear();
  spec.pass_environment = {"SALLYPORT_TOKEN"};
  EXPECT_FALSE(Recipe::compile(spec));
  spec.pass_environment.clear();
  spec.credential = SecretText();
  EXPECT_FALSE(Recipe::compile(spec));
}

TEST(Recipe, session_names_are_dns_labels) {
  for (const auto* good : {"a", "a-b", "0", "demo1"}) EXPECT_TRUE(is_session_id(good)) << good;
  for (const auto* bad : {"", "-a", "a-", "A", "a.b", "a/b", "..", "a b", "\xC3\xA4"})
    EXPECT_FALSE(is_session_id(bad)) << bad;
  EXPECT_TRUE(is_session_id(std::string(63, 'a')));
  EXPECT_FALSE(is_session_id(std::string(64, 'a')));
}

}  // namespace
}  // namespace sallyport
