// SPDX-License-Identifier: Apache-2.0
#include "sallyport/config/load.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <set>

#include "sallyport/base/text.h"
#include "sallyport/config/secrets.h"
#include "sallyport/env/testing/fakes.h"

namespace sallyport {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using Variables = std::map<std::string, std::string, std::less<>>;

class Load : public testing::Test {
 protected:
  LoadedSettings load(std::string file = "", Variables variables = {}, std::vector<NamedValue> flags = {},
                      std::vector<NamedValue> code = {}) {
    const FixedEnvironment environment(std::move(variables));
    SettingsInputs inputs;
    if (!file.empty()) inputs.file = ConfigFile{"s.yaml", std::move(file)};
    inputs.environment = &environment;
    inputs.flags = std::move(flags);
    inputs.code = std::move(code);
    return load_settings(inputs);
  }
  static std::string problems(const LoadedSettings& loaded) {
    std::string all;
    for (const auto& problem : loaded.problems) all += concat(problem.where, ": ", problem.what, "\n");
    return all;
  }
  static const SettingRow& row(const LoadedSettings& loaded, std::string_view name) {
    for (const auto& candidate : loaded.rows) {
      if (candidate.option->name == name) return candidate;
    }
    std::abort();
  }
};

TEST_F(Load, the_defaults_are_good_and_weaken_nothing) {
  const auto loaded = load();
  ASSERT_TRUE(loaded.ok()) << problems(loaded);
  EXPECT_EQ(loaded.settings.listen.at(0).str(), "127.0.0.1:7070");
  EXPECT_EQ(loaded.settings.tls, TlsMode::automatic);
  EXPECT_EQ(loaded.settings.auth.at(0), AuthMethod::automatic);
  EXPECT_EQ(loaded.settings.insecurely_no_auth, Switch::off);
  EXPECT_EQ(loaded.settings.insecurely_public, Switch::off);
  EXPECT_EQ(loaded.settings.ready_timeout, std::chrono::seconds(30));
  EXPECT_EQ(loaded.settings.session_token_length, 32U);
  EXPECT_FALSE(loaded.settings.idle_timeout);
  EXPECT_FALSE(loaded.settings.password.is_set());
  EXPECT_FALSE(loaded.settings.session_token_secret.is_set());
  for (const auto& one : loaded.rows) EXPECT_EQ(one.rule, SettingRow::Rule::kept) << one.option->name;
}

TEST_F(Load, SG_18_default_then_file_then_environment_then_flag_then_code) {
  const std::string file = "ready: /file\n";
  const Variables variables{{"SALLYPORT_READY", "/env"}};
  EXPECT_EQ(load().settings.ready, "/");
  EXPECT_EQ(load(file).settings.ready, "/file");
  EXPECT_EQ(load(file, variables).settings.ready, "/env");
  EXPECT_EQ(load(file, variables, {{"ready", "/flag"}}).settings.ready, "/flag");
  const auto all = load(file, variables, {{"ready", "/flag"}}, {{"SALLYPORT_READY", "/code"}});
  EXPECT_EQ(all.settings.ready, "/code");
  EXPECT_EQ(row(all, "ready").source, Source::code);
  EXPECT_EQ(row(load(file), "ready").where, "s.yaml:1");
}

TEST_F(Load, SG_18_a_later_source_replaces_a_list_as_a_whole) {
  const auto loaded =
      load("deny: [10.0.0.0/8, 192.0.2.0/24]\n", {{"SALLYPORT_DENY", "2001:db8::/32, 198.51.100.7"}});
  ASSERT_TRUE(loaded.ok()) << problems(loaded);
  ASSERT_EQ(loaded.settings.deny.size(), 2U);
  EXPECT_EQ(loaded.settings.deny[0].str(), "2001:db8::/32");
}

TEST_F(Load, SG_18_configure_takes_the_names_of_the_environment) {
  const FixedEnvironment environment(Variables{{"SALLYPORT_READY", "/env"}});
  const auto settings =
      configure({{"SALLYPORT_LISTEN", "127.0.0.1:0"}, {"SALLYPORT_NO_LOCAL_TRUST", "true"}}, environment);
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->listen.at(0).str(), "127.0.0.1:0");
  EXPECT_EQ(settings->no_local_trust, Switch::on);
  EXPECT_EQ(settings->ready, "/env");
  const auto wrong = configure({{"SALLYPORT_LISTN", "x"}, {"ready", "/"}}, environment);
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().what, HasSubstr("SALLYPORT_LISTEN"));
}

TEST_F(Load, SG_18_every_option_has_one_name_in_each_source) {
  std::set<std::string> names;
  for (const auto& option : all_options()) {
    EXPECT_TRUE(names.insert(std::string(option.name)).second) << option.name;
    EXPECT_EQ(find_option(option.name), &option);
    EXPECT_EQ(env_name(option).find('-'), std::string::npos);
    EXPECT_FALSE(option.help.empty());
    EXPECT_EQ(option.type == ValueType::choice, !option.choices.empty()) << option.name;
    EXPECT_EQ(option.type == ValueType::flag, option.placeholder.empty()) << option.name;
    if (!option.name.starts_with("insecurely-")) continue;
    EXPECT_EQ(option.weakens_when, "true") << option.name;
  }
}

TEST_F(Load, a_whole_file) {
  const auto loaded = load(R"(# a comment
listen:
  - 127.0.0.1:7070
  - unix:/run/user/1000/s.sock
public_url: https://tool.example.com
tls: self-signed
auth: [password, token]
allow: [192.0.2.0/24]
env:
  PORT: "{port}"
  HOME: ${HOME}/x
  PRICE: $$5
pass_env: [LANG, TERM]
idle_timeout: 1h30m
no_local_trust: yes
password: file:/etc/secret
)",
                           {{"HOME", "/home/a"}});
  ASSERT_TRUE(loaded.ok()) << problems(loaded);
  const Settings& s = loaded.settings;
  EXPECT_EQ(s.listen.size(), 2U);
  EXPECT_EQ(s.public_urls.at(0).origin(), "https://tool.example.com");
  EXPECT_EQ(s.tls, TlsMode::self_signed);
  EXPECT_THAT(s.auth, ElementsAre(AuthMethod::password, AuthMethod::token));
  ASSERT_EQ(s.env.size(), 3U);
  EXPECT_EQ(s.env[0].value, "{port}");
  EXPECT_EQ(s.env[1].value, "/home/a/x");
  EXPECT_EQ(s.env[2].value, "$5");
  EXPECT_EQ(s.idle_timeout, std::chrono::minutes(90));
  EXPECT_EQ(s.no_local_trust, Switch::on);
  EXPECT_EQ(s.password.ref.str(), "file:/etc/secret");
}

TEST_F(Load, every_error_comes_at_once_with_its_line) {
  const auto loaded = load(
      "listn: x\nready_timeout: 30\nallow: [10.0.0.1/8, nonsense]\ntls: [auto]\nready: /\nready: /\nenv: {A: "
      "[1]}\n",
      {{"SALLYPORT_RESTART", "sometimes"}}, {{"threads", "many"}, {"what", "x"}});
  const std::string all = problems(loaded);
  EXPECT_FALSE(loaded.ok());
  for (const char* piece :
       {"s.yaml:1: no such setting: listn; did you mean listen?",
        "s.yaml:2: ready-timeout: expected a duration", "s.yaml:3: allow: expected a network",
        "got \"nonsense\"", "s.yaml:4: tls: expected one value", "s.yaml:6: ready stands twice",
        "s.yaml:7: env: expected NAME: value",
        "$SALLYPORT_RESTART: restart: expected one of no|on-failure|always, got \"sometimes\"",
        "--threads: threads: expected a number from 0 to 256", "--what: no such setting: what"}) {
    EXPECT_THAT(all, HasSubstr(piece));
  }
  EXPECT_EQ(loaded.status().error().code, Code::invalid_argument);
}

TEST_F(Load, a_misspelt_variable_is_an_error_and_a_foreign_one_a_warning) {
  EXPECT_FALSE(load("", {{"SALLYPORT_DENNY", "0.0.0.0/0"}}).ok());
  const auto loaded = load("", {{"SALLYPORT_UPSTREAM_BASE_ADDRESS", "x"}});
  EXPECT_TRUE(loaded.ok());
  EXPECT_THAT(problems(loaded), HasSubstr("SALLYPORT_UPSTREAM_BASE_ADDRESS"));
}

TEST_F(Load, MC_07_an_unset_or_empty_variable_is_no_secret) {
  EXPECT_THAT(problems(load("password: ${PW}\n")),
              HasSubstr("s.yaml:1: password: the variable PW is not set"));
  EXPECT_THAT(problems(load("password: ${PW}\n", {{"PW", ""}})),
              HasSubstr("s.yaml:1: password: expected a secret that is not empty"));
  EXPECT_FALSE(load("", {{"SALLYPORT_PASSWORD", ""}}).ok());
  EXPECT_FALSE(load("password: ''\n").ok());
  EXPECT_FALSE(load("password:\n").ok());
  EXPECT_FALSE(load("", {}, {{"token", ""}}).ok());
}

TEST_F(Load, MC_07_expansion_happens_after_the_file_was_understood) {
  const auto loaded = load("name: a\nready: ${X}\n", {{"X", "/\nname: evil"}});
  EXPECT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.settings.name, "a");
  const auto once = load("ready: ${X}\n", {{"X", "/${Y}"}, {"Y", "z"}});
  EXPECT_EQ(once.settings.ready, "/${Y}");
}

TEST_F(Load, MC_07_a_lone_dollar_is_refused) {
  for (const char* text : {"ready: /$\n", "ready: /$X\n", "ready: /${X\n", "ready: /$}\n"}) {
    EXPECT_FALSE(load(text, {{"X", "x"}}).ok()) << text;
  }
}

TEST_F(Load, a_secret_never_shows) {
  const std::string secret = "correct horse battery";
  const auto loaded = load("env: {API_KEY: '" + secret + "'}\n", {{"SALLYPORT_PASSWORD", secret}});
  ASSERT_TRUE(loaded.ok()) << problems(loaded);
  EXPECT_EQ(loaded.settings.password.text.expose(), secret);
  const std::string shown = render_settings(loaded.rows);
  EXPECT_THAT(shown, Not(HasSubstr(secret)));
  EXPECT_THAT(shown, HasSubstr("API_KEY=********"));
  EXPECT_THAT(row(loaded, "password").values, ElementsAre("********"));

  const auto wrong = load("", {}, {{"password", secret}});
  EXPECT_FALSE(wrong.ok());
  EXPECT_THAT(problems(wrong), Not(HasSubstr(secret)));
  EXPECT_THAT(problems(wrong), HasSubstr("command line"));
  EXPECT_THAT(problems(load("password: " + secret + "\n")), HasSubstr("secret in the open"));
  EXPECT_THAT(problems(load("env: ['" + secret + "']\n")), Not(HasSubstr(secret)));
}

TEST_F(Load, SG_19_config_show_names_source_and_marks_what_was_weakened) {
  const auto loaded =
      load("tls: off\n", {},
           {{"insecurely-public", "true"}, {"public-path", "/health"}, {"insecurely-no-auth", "false"}});
  ASSERT_TRUE(loaded.ok()) << problems(loaded);
  EXPECT_EQ(row(loaded, "tls").rule, SettingRow::Rule::weakened);
  EXPECT_EQ(row(loaded, "insecurely-public").rule, SettingRow::Rule::weakened);
  EXPECT_EQ(row(loaded, "public-path").rule, SettingRow::Rule::weakened);
  EXPECT_EQ(row(loaded, "insecurely-no-auth").rule, SettingRow::Rule::kept);
  EXPECT_EQ(loaded.rows.size(), all_options().size());
  const std::string shown = render_settings(loaded.rows);
  EXPECT_THAT(shown, HasSubstr("file (s.yaml:1)  WEAKENED"));
  EXPECT_THAT(shown, HasSubstr("flag (--insecurely-public)  WEAKENED"));
}

TEST_F(Load, SG_19_the_table_of_secure_defaults_says_what_changed) {
  const std::string untouched = render_secure_defaults(load().rows);
  EXPECT_THAT(untouched, Not(HasSubstr("CHANGED")));
  EXPECT_THAT(untouched, HasSubstr("a credential for every request"));
  for (const auto& fact : secure_defaults()) {
    EXPECT_TRUE(fact.weakened_by.empty() || find_option(fact.weakened_by) != nullptr) << fact.what;
  }
  const auto loaded = load("", {}, {{"insecurely-no-auth", "true"}});
  EXPECT_THAT(render_secure_defaults(loaded.rows), HasSubstr("CHANGED by insecurely-no-auth = true"));
}

TEST_F(Load, settings_that_exclude_each_other_are_named) {
  EXPECT_FALSE(load("tls_cert: a\n").ok());
  EXPECT_FALSE(load("tls_key: a\n").ok());
  EXPECT_TRUE(load("tls_cert: a\ntls_key: b\n").ok());
  EXPECT_FALSE(load("tls: off\ntls_cert: a\ntls_key: b\n").ok());
  EXPECT_FALSE(load("insecurely_no_auth: true\nauth: password\n").ok());
  EXPECT_FALSE(load("listen: []\n").ok());
  EXPECT_FALSE(load("auth: []\n").ok());
  EXPECT_FALSE(load("", {}, {{"ready", "/a"}, {"ready", "/b"}}).ok());
}

TEST_F(Load, SA_01_the_documented_variables_of_session_tokens_are_read) {
  const auto loaded = load("", {{"SESSION_TOKEN_LENGTH", "48"},
                                {"SESSION_TOKEN_EXPIRY_HOURS", "2"},
                                {"TOKEN_CLEANUP_INTERVAL_MINUTES", "5"},
                                {"SESSION_TOKEN_SECRET", "auto"}});
  ASSERT_TRUE(loaded.ok()) << problems(loaded);
  EXPECT_EQ(loaded.settings.session_token_length, 48U);
  EXPECT_EQ(loaded.settings.session_token_lifetime, std::chrono::hours(2));
  EXPECT_EQ(loaded.settings.token_cleanup_interval, std::chrono::minutes(5));
  const auto ours = load("", {{"SESSION_TOKEN_LENGTH", "48"}, {"SALLYPORT_SESSION_TOKEN_LENGTH", "64"}});
  EXPECT_EQ(ours.settings.session_token_length, 64U);
  EXPECT_FALSE(load("", {{"SESSION_TOKEN_LENGTH", "15"}}).ok());
  EXPECT_FALSE(load("", {{"SESSION_TOKEN_EXPIRY_HOURS", "0"}}).ok());
}

TEST_F(Load, bad_files_are_errors_and_never_defaults) {
  const std::string deep = std::string(20'000, '[');
  for (const std::string& text :
       {std::string("- a\n- b\n"), std::string("just text\n"), std::string("listen: [\n"),
        std::string("a: b: c\n"), std::string("\t\n a\n"), std::string("\"\\xff\": 1\n"), deep,
        std::string("? - a\n: b\n"), std::string("*x: 1\n"), std::string("ready: *x\n"),
        "ready: /" + std::string(kConfigFileBytesMax, 'a')}) {
    EXPECT_FALSE(load(text).ok()) << text.substr(0, 40);
  }
  EXPECT_TRUE(load("# nothing\n").ok());
}

TEST_F(Load, values_are_checked_by_the_table) {
  const std::pair<const char*, const char*> bad[] = {{"listen", "7070"},
                                                     {"name", "UPPER"},
                                                     {"name", "-a"},
                                                     {"name", ""},
                                                     {"name", "a.b"},
                                                     {"ready", "x"},
                                                     {"ready", "//x"},
                                                     {"public-path", "/a/*/b"},
                                                     {"public-path", "a"},
                                                     {"public-path", "/.sallyport/x"},
                                                     {"public-path", "/a/../b"},
                                                     {"public-path", "/a%2fb"},
                                                     {"public-path", "/a?b"},
                                                     {"env", "NOVALUE"},
                                                     {"env", "1A=b"},
                                                     {"env", "=b"},
                                                     {"pass-env", "A=b"},
                                                     {"ready-timeout", "0s"},
                                                     {"threads", "257"},
                                                     {"qr", "maybe"},
                                                     {"state-dir", ""},
                                                     {"audit", ""},
                                                     {"trusted-proxy", "proxy.example"}};
  for (const auto& [name, value] : bad)
    EXPECT_FALSE(load("", {}, {{name, value}}).ok()) << name << '=' << value;
  EXPECT_FALSE(load("", {}, {{"env", "A=1"}, {"env", "A=2"}}).ok());
}

TEST_F(Load, too_many_values_are_refused) {
  std::vector<NamedValue> flags;
  for (int i = 0; i < 1000; ++i) flags.push_back({"deny", "10.0.0.0/8"});
  const auto loaded = load("", {}, flags);
  EXPECT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.settings.deny.size(), kValuesPerOptionMax);
}

class Secrets : public testing::Test {
 protected:
  MemoryFiles files_;
  FixedEnvironment environment_{Variables{{"PW", "from env\n"}, {"EMPTY", ""}}};
  Result<SecretText> resolve(std::string_view text) {
    SecretSetting setting;
    setting.ref = *SecretRef::parse(text);
    if (setting.ref.kind == SecretRef::Kind::inline_text) setting.text = SecretText(text);
    return resolve_secret(setting, files_, environment_);
  }
};

TEST_F(Secrets, come_from_file_variable_descriptor_and_text) {
  files_.files["/s"] = "from file\r\n";
  EXPECT_EQ(resolve("file:/s")->expose(), "from file");
  EXPECT_EQ(resolve("env:PW")->expose(), "from env");
  EXPECT_EQ(resolve("in the open")->expose(), "in the open");
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_EQ(::write(ends[1], "from fd", 7), 7);
  ::close(ends[1]);
  EXPECT_EQ(resolve(concat("fd:", ends[0]))->expose(), "from fd");
}

TEST_F(Secrets, are_never_empty_and_never_from_a_file_that_others_can_read) {
  files_.files["/empty"] = "";
  files_.files["/line"] = "\n";
  files_.files["/wide"] = "secret";
  files_.open_to_others.insert("/wide");
  files_.files["/dark"] = "secret";
  files_.unreadable.insert("/dark");
  for (const char* text : {"file:/empty", "file:/line", "file:/wide", "file:/dark", "file:/missing",
                           "env:EMPTY", "env:MISSING", "fd:1000000"}) {
    EXPECT_FALSE(resolve(text)) << text;
  }
  EXPECT_FALSE(resolve_secret(SecretSetting{}, files_, environment_));
}

TEST_F(Secrets, an_endless_descriptor_is_refused) {
  const int zero = ::open("/dev/zero", 0);
  ASSERT_GE(zero, 3);
  EXPECT_FALSE(resolve(concat("fd:", zero)));
}

TEST(FixedEnvironment, reads_a_block) {
  const char* block[] = {"A=1", "A=2", "=x", "novalue", "B=", "C=a=b", nullptr};
  const auto environment = FixedEnvironment::from_block(block);
  EXPECT_EQ(environment.get("A"), "1");
  EXPECT_EQ(environment.get("B"), "");
  EXPECT_EQ(environment.get("C"), "a=b");
  EXPECT_FALSE(environment.get("novalue"));
  EXPECT_THAT(environment.names("A"), ElementsAre("A"));
}

}  // namespace
}  // namespace sallyport
