// SPDX-License-Identifier: Apache-2.0
#include "sallyport/config/load.h"

#include <algorithm>
#include <array>
#include <span>

#include "sallyport/base/text.h"
#include "sallyport/config/internal/layers.h"

namespace sallyport {
namespace {

using internal::Given;
using internal::Layer;
using internal::Problems;

constexpr std::array<std::string_view, 5> kSources{"default", "file", "environment", "flag", "code"};
constexpr std::string_view kMask = "********";

using Layers = std::array<Layer, kSources.size()>;

Layer default_layer() {
  Layer layer;
  for (const auto& option : all_options()) {
    if (!option.default_text.empty()) layer[&option].push_back({std::string(option.default_text), {}});
  }
  return layer;
}

/// shown is a value as `config show` prints it.
std::string shown(const OptionSpec& option, std::string_view value) {
  if (option.type == ValueType::secret && value != option.default_text) {
    const auto ref = SecretRef::parse(value);
    return ref ? ref->str() : "";
  }
  if (option.type == ValueType::key_value) {  // the tool's variables often are secrets
    return concat(escaped(value.substr(0, value.find('='))), '=', kMask);
  }
  return escaped(value, 200);
}

bool weakens(const OptionSpec& option, std::string_view value) {
  if (option.weakens_when.empty()) return false;
  return option.weakens_when == "*" ||
         (option.type == ValueType::flag
              ? !iequals(value, "false") && !iequals(value, "no") && !iequals(value, "off") && value != "0"
              : value == option.weakens_when);
}

class Loader {
 public:
  explicit Loader(Problems& problems) : problems_(problems) {}

  void apply(const OptionSpec& option, Source source, std::vector<Given>& values) {
    SettingRow row;
    row.option = &option;
    row.source = source;
    if (!values.empty()) row.where = values.front().where;
    if (option.repeat == Repeat::once && values.size() > 1) {
      problems_.error(values[1].where, concat(option.name, " takes one value and was given ", values.size()));
    }
    if (values.size() > kValuesPerOptionMax) {
      problems_.error(values.front().where,
                      concat(option.name, " was given more than ", kValuesPerOptionMax, " values"));
      values.resize(kValuesPerOptionMax);
    }
    for (auto& given : values) {
      apply_value(option, given);
      row.values.push_back(shown(option, given.value));
      if (source != Source::built_in && weakens(option, given.value)) row.rule = SettingRow::Rule::weakened;
      if (option.type == ValueType::secret) wipe(std::as_writable_bytes(std::span(given.value)));
    }
    loaded_.rows.push_back(std::move(row));
  }

  LoadedSettings finish() {
    judge_together();
    loaded_.problems = problems_.take();
    return std::move(loaded_);
  }

 private:
  void apply_value(const OptionSpec& option, const Given& given) {
    const auto stored = option.store(loaded_.settings, given.value);
    if (stored) return;
    const bool is_secret = option.type == ValueType::secret || option.type == ValueType::key_value;
    const std::string got = is_secret ? "" : concat(", got \"", escaped(given.value, 60), '"');
    problems_.error(given.where, concat(option.name, ": ", stored.error().what, got));
  }

  /// judge_together looks at settings that only make sense, or no sense, beside others.
  void judge_together() {
    const Settings& s = loaded_.settings;
    if (s.listen.empty()) problems_.error("listen", "nowhere to listen: name an address, or leave it out");
    if (s.auth.empty()) problems_.error("auth", "no method is left: name one, or leave it out");
    if (s.tls_cert.empty() != s.tls_key.empty()) {
      problems_.error(s.tls_cert.empty() ? "tls-key" : "tls-cert", "tls-cert and tls-key belong together");
    }
    if (!s.tls_cert.empty() && s.tls != TlsMode::automatic) {
      problems_.error(
          "tls", "a certificate is given and another source is named: drop tls, or tls-cert and tls-key");
    }
    if (s.insecurely_no_auth == Switch::on && !s.policy.empty()) {
      problems_.error("policy",
                      "nobody logs in (insecurely-no-auth), so a policy knows nobody: drop one of the two");
    }
    const bool asks_somehow =
        std::any_of(s.auth.begin(), s.auth.end(), [](AuthMethod m) { return m != AuthMethod::automatic; });
    if (s.insecurely_no_auth == Switch::on && asks_somehow) {
      problems_.error("insecurely-no-auth", "nobody logs in, yet auth names how: drop one of the two");
    }
  }

  Problems& problems_;
  LoadedSettings loaded_;
};

std::string padded(std::string_view text, std::size_t width) {
  std::string out(text);
  if (out.size() < width) out.append(width - out.size(), ' ');
  return out;
}

std::string joined(const std::vector<std::string>& values) {
  std::string out;
  for (const auto& value : values) out += concat(out.empty() ? "" : ", ", value);
  return out.empty() ? "-" : out;
}

constexpr std::array kSecureDefaults{
    SecureDefault{"listening", "this machine only", "listen"},
    SecureDefault{"TLS on what the network can reach", "required", "insecurely-public"},
    SecureDefault{"a credential for every request", "required", "insecurely-no-auth"},
    SecureDefault{"paths that need no credential", "none", "public-path"},
    SecureDefault{"local trust", "same user by the kernel's word, loopback at both ends, no proxy between",
                  ""},
    SecureDefault{"Host header", "one of ours, else 421", ""},
    SecureDefault{"Origin and Sec-Fetch-Site", "same origin for everything that changes something", ""},
    SecureDefault{"WebSocket upgrades", "exact Origin; without one only a token", ""},
    SecureDefault{"forwarded headers", "believed from nobody", "trusted-proxy"},
    SecureDefault{"PROXY protocol", "spoken with nobody", "proxy-protocol"},
    SecureDefault{"login cookie", "HttpOnly, SameSite=Lax, __Host- and Secure by https, kept as digest", ""},
    SecureDefault{"wrong credentials", "5 free, then a growing wait, for each name and network", "lockout"},
    SecureDefault{"identity headers from clients", "removed in every spelling", ""},
    SecureDefault{"the tool's credential", "fresh for each start, by descriptor or private file", ""},
    SecureDefault{"the tool's environment", "built, not inherited", "pass-env"},
    SecureDefault{"audit log", "on, mode 0600, no secrets", "audit"},
};

}  // namespace

std::string_view name_of(Source source) noexcept { return kSources[static_cast<std::size_t>(source)]; }

bool LoadedSettings::ok() const noexcept {
  return std::none_of(problems.begin(), problems.end(),
                      [](const Problem& problem) { return problem.severity == Problem::Severity::error; });
}

Status LoadedSettings::status() const {
  std::string all;
  for (const auto& problem : problems) {
    if (problem.severity != Problem::Severity::error) continue;
    all += concat(all.empty() ? "" : "\n", problem.where, ": ", problem.what);
  }
  if (all.empty()) return sallyport::ok();
  return fail(Code::invalid_argument, all);
}

LoadedSettings load_settings(const SettingsInputs& inputs) {
  Problems problems;
  const FixedEnvironment nothing;
  const Environment& environment = inputs.environment == nullptr ? nothing : *inputs.environment;
  Layers layers;
  layers[0] = default_layer();
  if (inputs.file) layers[1] = internal::read_yaml_layer(*inputs.file, environment, problems);
  layers[2] = internal::read_environment_layer(environment, problems);
  layers[3] = internal::read_flag_layer(inputs.flags, problems);
  layers[4] = internal::read_code_layer(inputs.code, problems);
  Loader loader(problems);
  for (const auto& option : all_options()) {
    std::size_t source = layers.size() - 1;
    while (source > 0 && !layers[source].contains(&option)) --source;
    loader.apply(option, static_cast<Source>(source), layers[source][&option]);
  }
  return loader.finish();
}

Result<Settings> configure(std::vector<NamedValue> values, const Environment& environment) {
  SettingsInputs inputs;
  inputs.environment = &environment;
  inputs.code = std::move(values);
  LoadedSettings loaded = load_settings(inputs);
  SALLYPORT_CHECK(loaded.status());
  return std::move(loaded.settings);
}

std::string render_settings(const std::vector<SettingRow>& rows) {
  constexpr std::size_t kNameWidth = 24;
  constexpr std::size_t kValueWidth = 32;
  std::string out = concat(padded("SETTING", kNameWidth), padded("VALUE", kValueWidth), "SOURCE\n");
  for (const auto& row : rows) {
    out += padded(row.option->name, kNameWidth);
    out += concat(padded(joined(row.values), kValueWidth - 1), ' ', name_of(row.source));
    if (!row.where.empty()) out += concat(" (", row.where, ')');
    if (row.rule == SettingRow::Rule::weakened) out += "  WEAKENED";
    out.push_back('\n');
  }
  return out;
}

std::span<const SecureDefault> secure_defaults() noexcept { return kSecureDefaults; }

std::string render_secure_defaults(const std::vector<SettingRow>& rows) {
  constexpr std::size_t kWhatWidth = 36;
  std::string out = concat(padded("ON WITHOUT CONFIGURATION", kWhatWidth), "STATE\n");
  for (const auto& fact : kSecureDefaults) {
    const auto weakener = std::find_if(rows.begin(), rows.end(), [&fact](const SettingRow& row) {
      return !fact.weakened_by.empty() && row.option->name == fact.weakened_by &&
             row.source != Source::built_in;
    });
    out += concat(padded(fact.what, kWhatWidth), fact.state);
    if (weakener != rows.end()) {
      out += concat("  CHANGED by ", weakener->option->name, " = ", joined(weakener->values));
    }
    out.push_back('\n');
  }
  return out;
}

}  // namespace sallyport
