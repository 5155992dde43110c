// SPDX-License-Identifier: Apache-2.0
#include "sallyport/secrets/vault.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

using Json = nlohmann::json;

void wipe_strings(Json& value) {
  if (value.is_string()) {
    auto& text = value.get_ref<std::string&>();
    wipe(std::as_writable_bytes(std::span(text)));
  } else if (value.is_structured()) {
    for (auto& inner : value) wipe_strings(inner);
  }
}

/// WipedJson is an answer's body; every text in it is wiped at the end.
class WipedJson {
 public:
  explicit WipedJson(const SecretText& text) : root_(Json::parse(text.expose(), nullptr, false)) {}
  WipedJson(const WipedJson&) = delete;
  WipedJson& operator=(const WipedJson&) = delete;
  ~WipedJson() { wipe_strings(root_); }

  /// at follows object members; null where one is missing.
  [[nodiscard]] const Json& at(std::initializer_list<std::string_view> path) const {
    static const Json kNothing;
    const Json* value = &root_;
    for (const auto name : path) {
      if (!value->is_object()) return kNothing;
      const auto found = value->find(std::string(name));
      if (found == value->end()) return kNothing;
      value = &*found;
    }
    return *value;
  }

 private:
  Json root_;
};

SecretText text_of(const Json& value) {
  return value.is_string() ? SecretText(value.get_ref<const std::string&>()) : SecretText();
}

std::int64_t number_of(const Json& value) {
  return value.is_number_integer() ? value.get<std::int64_t>() : 0;
}

/// json_member writes {"name":"value",…} without leaving copies of the values.
SecretText json_object(std::initializer_list<std::pair<std::string_view, const SecretText*>> members) {
  std::string text = "{";
  for (const auto& [name, value] : members) {
    if (text.size() > 1) text += ',';
    Json quoted(std::string(value->expose()));
    std::string written = quoted.dump(-1, ' ', true, Json::error_handler_t::replace);
    text.reserve(text.size() + name.size() + written.size() + 8);
    text += concat('"', name, "\":", written);
    wipe(std::as_writable_bytes(std::span(written)));
    wipe_strings(quoted);
  }
  text += '}';
  SecretText whole(text);
  wipe(std::as_writable_bytes(std::span(text)));
  return whole;
}

/// error_of_status says what a status means to us (the API documentation, "HTTP status codes").
Error error_of_status(std::uint16_t status, std::string_view what) {
  switch (status) {
    case 400:
      return fail(Code::invalid_argument, concat("the secret manager finds no sense in ", what, " (400)"));
    case 403:
      return fail(Code::permission_denied,
                  concat("the secret manager does not let us have ", what, " (403)"));
    case 404:
      return fail(Code::not_found, concat("the secret manager has no ", what, " (404)"));
    case 503:
      return fail(Code::unavailable, "the secret manager is sealed or down for maintenance (503)");
    default:
      return fail(Code::unavailable, concat("the secret manager answered ", status, " to ", what));
  }
}

}  // namespace

VaultClient::VaultClient(const MonotonicClock& clock, VaultOptions options)
    : clock_(clock), options_(std::move(options)) {}

Result<HttpAnswer> VaultClient::ask(Method method, std::string target, SecretText body, Trust trust) {
  HttpCall call;
  call.method = method;
  call.target = std::move(target);
  call.body = std::move(body);
  call.fields.push_back({"X-Vault-Request", SecretText("true")});
  if (!call.body.empty()) call.fields.push_back({"Content-Type", SecretText("application/json")});
  if (!options_.name_space.empty())
    call.fields.push_back({"X-Vault-Namespace", SecretText(options_.name_space)});
  if (trust == Trust::with_token) call.fields.push_back({"X-Vault-Token", token_.duplicate()});
  return fetch_http(clock_, options_.endpoint, call, clock_.now() + options_.patience)
      .transform_error([](Error error) {
        error.what = concat("the secret manager: ", error.what);
        return error;
      });
}

void VaultClient::forget_token() {
  token_ = SecretText();
  renew_at_ = kNever;
  token_ends_ = kNever;
}

void VaultClient::set_token(SecretText token, std::int64_t lease_s, bool renewable) {
  token_ = std::move(token);
  renew_at_ = kNever;
  token_ends_ = kNever;
  if (lease_s <= 0) return;  // a token without an end
  const auto lease = std::chrono::seconds(std::min<std::int64_t>(lease_s, 365LL * 24 * 3600));
  token_ends_ = clock_.now() + lease;
  if (renewable) renew_at_ = clock_.now() + lease * 2 / 3;
}

Result<SecretText> VaultClient::secret_id() {
  if (!unwrapped_secret_id_.empty()) return unwrapped_secret_id_.duplicate();
  SALLYPORT_TRY(given, options_.secret_id());
  if (options_.secret_id_form == VaultOptions::SecretIdForm::plain) return given;
  token_ = std::move(given);  // a wrapping token is good for this one call
  auto answer = ask(Method::post, "/v1/sys/wrapping/unwrap", SecretText(), Trust::with_token);
  forget_token();
  if (!answer) return std::move(answer).error();
  if (answer->status != 200) return error_of_status(answer->status, "the wrapped secret id (used already?)");
  const WipedJson json(answer->body);
  unwrapped_secret_id_ = text_of(json.at({"data", "secret_id"}));
  if (unwrapped_secret_id_.empty()) return fail(Code::unavailable, "the wrapped secret id holds none");
  return unwrapped_secret_id_.duplicate();
}

Status VaultClient::take_login(Result<HttpAnswer> answer) {
  if (!answer) return std::move(answer).error();
  if (answer->status != 200) return error_of_status(answer->status, "a login");
  const WipedJson json(answer->body);
  auto token = text_of(json.at({"auth", "client_token"}));
  if (token.empty()) return fail(Code::unavailable, "the secret manager's login holds no token");
  const Json& renewable = json.at({"auth", "renewable"});
  set_token(std::move(token), number_of(json.at({"auth", "lease_duration"})),
            renewable.is_boolean() && renewable.get<bool>());
  return ok();
}

/// look_up_given_token learns how long the token that we were given lasts, so that it is renewed in time.
Status VaultClient::look_up_given_token() {
  SALLYPORT_TRY(given, options_.token());
  set_token(std::move(given), 0, false);
  auto answer = ask(Method::get, "/v1/auth/token/lookup-self", SecretText(), Trust::with_token);
  if (!answer || answer->status != 200) {
    forget_token();
    if (!answer) return std::move(answer).error();
    return error_of_status(answer->status, "the token that we were given");
  }
  const WipedJson json(answer->body);
  const Json& renewable = json.at({"data", "renewable"});
  set_token(std::move(token_), number_of(json.at({"data", "ttl"})),
            renewable.is_boolean() && renewable.get<bool>());
  return ok();
}

Status VaultClient::log_in() {
  if (options_.token) return look_up_given_token();
  if (options_.role_id.empty())
    return take_login(ask(Method::post, "/v1/auth/cert/login", SecretText("{}"), Trust::without));
  SALLYPORT_TRY(id, secret_id());
  const SecretText role(options_.role_id);
  auto body = json_object({{"role_id", &role}, {"secret_id", &id}});
  return take_login(ask(Method::post, "/v1/auth/approle/login", std::move(body), Trust::without));
}

/// renew_if_due prolongs the lease; where that fails the token is used until its end, and then there is a
/// login.
void VaultClient::renew_if_due() {
  if (clock_.now() < renew_at_) return;
  renew_at_ = kNever;
  auto answer = ask(Method::post, "/v1/auth/token/renew-self", SecretText("{}"), Trust::with_token);
  if (!answer || answer->status != 200) return;
  const WipedJson json(answer->body);
  const Json& renewable = json.at({"auth", "renewable"});
  set_token(std::move(token_), number_of(json.at({"auth", "lease_duration"})),
            renewable.is_boolean() && renewable.get<bool>());
}

Status VaultClient::ensure_token() {
  if (!token_.empty() && clock_.now() >= token_ends_) forget_token();
  if (token_.empty()) return log_in();
  renew_if_due();
  return ok();
}

Result<SecretText> VaultClient::read(std::string_view path, std::string_view field) {
  const std::lock_guard lock(mutex_);
  const auto slash = path.find('/');
  if (slash == std::string_view::npos) return fail(Code::invalid_argument, "a secret's path is MOUNT/PATH");
  const std::string target = concat("/v1/", path.substr(0, slash), "/data/", path.substr(slash + 1));
  SALLYPORT_CHECK(ensure_token());
  auto answer = ask(Method::get, target, SecretText(), Trust::with_token);
  if (answer && answer->status == 403) {  // revoked, or its end came early
    forget_token();
    SALLYPORT_CHECK(ensure_token());
    answer = ask(Method::get, target, SecretText(), Trust::with_token);
  }
  if (!answer) return std::move(answer).error();
  const std::string what = concat("secret ", escaped(path));
  if (answer->status != 200) return error_of_status(answer->status, what);
  const WipedJson json(answer->body);
  const Json& data = json.at({"data", "data"});
  if (!data.is_object()) return fail(Code::not_found, concat("the newest version of ", what, " is deleted"));
  const auto found = data.find(std::string(field));
  if (found == data.end()) return fail(Code::not_found, concat(what, " has no field ", escaped(field)));
  if (!found->is_string())
    return fail(Code::invalid_argument, concat("field ", escaped(field), " of ", what, " is no text"));
  return text_of(*found);
}

}  // namespace sallyport
