// SPDX-License-Identifier: Apache-2.0
#include "sallyport/launch/command.h"

#include <gmock/gmock.h>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const SecretText kToken("the-credential");
const PlaceholderValues kValues{"8080", "/run/s", "/run/t", "/base/", "demo", &kToken};

std::string filled(std::string_view text) {
  const auto word = WordTemplate::parse(text, WordPlace::argument);
  return word ? word->fill(kValues) : concat("error: ", word.error().what);
}

TEST(Command, fills_every_placeholder) {
  EXPECT_EQ(filled("--port={port}"), "--port=8080");
  EXPECT_EQ(filled("{socket}"), "/run/s");
  EXPECT_EQ(filled("{token_file}:{base_url}:{session_id}"), "/run/t:/base/:demo");
  EXPECT_EQ(filled("{port}{port}"), "80808080");
}

TEST(Command, other_braces_are_themselves) {
  for (const auto* text : {"", "{", "}", "{}", "{{", "}}", "{{}}", "{\"a\":{\"b\":1}}", "{a", "a}", "{Port}",
                           "{port ", "{{.Name}}", "${x1}"}) {
    EXPECT_EQ(filled(text), text);
  }
}

TEST(Command, doubled_braces_quote_a_placeholder) {
  EXPECT_EQ(filled("{{port}}"), "{port}");
  EXPECT_EQ(filled("a{{anything}}b{port}"), "a{anything}b8080");
  EXPECT_EQ(filled("{{{port}}}"), "{{port}}");
}

TEST(Command, unknown_placeholder_lists_the_known_ones) {
  const auto word = WordTemplate::parse("--x={prot}", WordPlace::argument);
  ASSERT_FALSE(word);
  EXPECT_EQ(word.error().code, Code::invalid_argument);
  EXPECT_THAT(word.error().what, HasSubstr("{prot}"));
  EXPECT_THAT(word.error().what, HasSubstr("{port}, {socket}, {token_file}, {base_url}, {session_id}"));
  EXPECT_THAT(word.error().what, testing::Not(HasSubstr("{token},")));
}

TEST(Command, BY_01_token_stands_in_the_environment_only) {
  const auto argument = WordTemplate::parse("--password={token}", WordPlace::argument);
  ASSERT_FALSE(argument);
  EXPECT_THAT(argument.error().what, HasSubstr("{token_file}"));
  const auto variable = VariableTemplate::parse("PASSWORD=x-{token}-y");
  ASSERT_TRUE(variable);
  EXPECT_TRUE(variable->value.uses(Placeholder::token));
  const auto value = variable->value.fill_secret(kValues);
  EXPECT_EQ(value.expose(), "x-the-credential-y");
}

TEST(Command, refuses_what_an_argv_cannot_hold) {
  EXPECT_FALSE(WordTemplate::parse(std::string_view("a\0b", 3), WordPlace::argument));
  EXPECT_FALSE(WordTemplate::parse(std::string(kCommandWordBytesMax + 1, 'x'), WordPlace::argument));
  EXPECT_FALSE(CommandTemplate::parse({}));
  EXPECT_FALSE(CommandTemplate::parse(std::vector<std::string>{""}));
  EXPECT_FALSE(CommandTemplate::parse(std::vector<std::string>(kCommandWordsMax + 1, "x")));
}

TEST(Command, shell_characters_mean_nothing) {
  const auto command =
      CommandTemplate::parse(std::vector<std::string>{"tool", "$(id); `id` | > * ~", "{port}"});
  ASSERT_TRUE(command);
  EXPECT_THAT(command->fill(kValues), ElementsAre("tool", "$(id); `id` | > * ~", "8080"));
  EXPECT_TRUE(command->uses(Placeholder::port));
  EXPECT_FALSE(command->uses(Placeholder::socket));
}

TEST(Command, variable_names_are_strict) {
  for (const auto* text : {"=x", "1A=x", "A-B=x", "A B=x", "novalue", ""})
    EXPECT_FALSE(VariableTemplate::parse(text)) << text;
  const auto variable = VariableTemplate::parse("A_1=b=c");
  ASSERT_TRUE(variable);
  EXPECT_EQ(variable->name, "A_1");
  EXPECT_EQ(variable->value.fill(kValues), "b=c");
}

}  // namespace
}  // namespace sallyport
