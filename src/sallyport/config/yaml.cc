// SPDX-License-Identifier: Apache-2.0
// The only file that knows yaml-cpp. It throws; we do not. Its parser bounds its own depth
// (yaml-cpp/depthguard.h).
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <exception>

#include "sallyport/base/text.h"
#include "sallyport/config/internal/layers.h"

namespace sallyport::internal {
namespace {

class YamlReader {
 public:
  YamlReader(const ConfigFile& file, const Environment& environment, Problems& problems)
      : file_(file), environment_(environment), problems_(problems) {}

  Layer read() {
    const YAML::Node root = YAML::Load(file_.text);
    if (root.IsNull()) return {};
    if (!root.IsMap()) {
      problems_.error(place(root), "expected settings, one a line: name: value");
      return {};
    }
    for (const auto& entry : root) read_entry(entry.first, entry.second);
    return std::move(layer_);
  }

  [[nodiscard]] std::string place(const YAML::Mark& mark) const {
    return mark.line < 0 ? file_.path : concat(file_.path, ':', mark.line + 1);
  }

 private:
  [[nodiscard]] std::string place(const YAML::Node& node) const { return place(node.Mark()); }

  void read_entry(const YAML::Node& key, const YAML::Node& value) {
    const std::string name = key.IsScalar() ? key.Scalar() : std::string();
    std::string typed = name;
    std::replace(typed.begin(), typed.end(), '_', '-');
    const OptionSpec* option = find_option(typed);
    if (option == nullptr || name.find('-') != std::string::npos) {
      problems_.error(place(key), unknown_text(name, file_key));
      return;
    }
    if (layer_.contains(option)) {
      problems_.error(place(key), concat(name, " stands twice"));
      return;
    }
    read_value(*option, value);
    if (!layer_.contains(option)) layer_[option] = {};
  }

  void read_value(const OptionSpec& option, const YAML::Node& value) {
    if (value.IsScalar()) {
      add(option, value, "");
    } else if (value.IsSequence() && option.repeat == Repeat::many) {
      read_list(option, value);
    } else if (value.IsMap() && option.type == ValueType::key_value) {
      read_map(option, value);
    } else {
      problems_.error(place(value), concat(file_key(option), option.repeat == Repeat::many
                                                                 ? ": expected a value or a list of values"
                                                                 : ": expected one value"));
    }
  }

  void read_list(const OptionSpec& option, const YAML::Node& list) {
    for (const auto& value : list) {
      if (value.IsScalar()) {
        add(option, value, "");
      } else {
        problems_.error(place(value), concat(file_key(option), ": expected plain values in the list"));
      }
    }
  }

  void read_map(const OptionSpec& option, const YAML::Node& map) {
    for (const auto& entry : map) {
      if (entry.first.IsScalar() && entry.second.IsScalar()) {
        add(option, entry.second, concat(entry.first.Scalar(), '='));
      } else {
        problems_.error(place(entry.first), concat(file_key(option), ": expected NAME: value"));
      }
    }
  }

  void add(const OptionSpec& option, const YAML::Node& value, std::string_view lead) {
    auto& values = layer_[&option];
    if (values.size() >= kValuesPerOptionMax) return;
    auto expanded = expand_variables(value.Scalar(), environment_);
    if (!expanded) {
      problems_.error(place(value), concat(file_key(option), ": ", expanded.error().what));
    } else {
      warn_of_open_secret(option, value);
      values.push_back({concat(lead, *expanded), place(value)});
    }
    if (values.size() == kValuesPerOptionMax)
      problems_.error(place(value), concat(file_key(option), ": too many values"));
  }

  void warn_of_open_secret(const OptionSpec& option, const YAML::Node& value) {
    if (option.type != ValueType::secret || value.Scalar() == option.default_text) return;
    const auto ref = SecretRef::parse(value.Scalar());
    if (!ref || ref->kind != SecretRef::Kind::inline_text || value.Scalar().find('$') != std::string::npos)
      return;
    problems_.warning(place(value),
                      concat(file_key(option), ": a secret in the open; use file:, env: or fd:"));
  }

  const ConfigFile& file_;
  const Environment& environment_;
  Problems& problems_;
  Layer layer_;
};

}  // namespace

Layer read_yaml_layer(const ConfigFile& file, const Environment& environment, Problems& problems) {
  if (file.text.size() > kConfigFileBytesMax) {
    problems.error(file.path, concat("larger than ", kConfigFileBytesMax, " bytes"));
    return {};
  }
  YamlReader reader(file, environment, problems);
  try {
    return reader.read();
  } catch (const YAML::Exception& error) {
    problems.error(reader.place(error.mark), concat("not YAML: ", escaped(error.msg)));
  } catch (const std::exception& error) {
    problems.error(file.path, concat("not YAML: ", escaped(error.what())));
  }
  return {};
}

}  // namespace sallyport::internal
