// SPDX-License-Identifier: Apache-2.0
// The admin API's calls on access tokens and logins. Everybody has his own; those of others, and roles, are
// for admins.
#include "sallyport/base/text.h"
#include "sallyport/gateway/admin_api.h"
#include "sallyport/gateway/admin_json.h"
#include "sallyport/gateway/internal/admin_answers.h"
#include "sallyport/gateway/internal/json_fields.h"

namespace sallyport {
namespace {

using internal::dumped;
using internal::json_answer;
using internal::JsonFields;
using Json = internal::OrderedJson;

std::string utc(WallTime at) {
  std::string text;
  append_utc(text, at);
  return text;
}

}  // namespace

Task<Response> AdminApi::list_tokens(Exchange&, Call& call) {
  Json rows = Json::array();
  for (const auto& record : parts_.access_tokens.list(is_admin(call) ? std::string() : call.who().id)) {
    rows.push_back(
        {{"id", record.id},
         {"label", record.label},
         {"owner", record.owner},
         {"roles", record.roles},
         {"session", record.session.empty() ? Json() : Json(record.session.view())},
         {"fingerprint", parts_.fingerprinter.fingerprint(record.digest)},
         {"created", utc(record.created)},
         {"expires", record.expires.monotonic == kNever ? Json() : Json(utc(record.expires.wall))}});
  }
  co_return json_answer(200, dumped(Json{{"tokens", std::move(rows)}}));
}

Task<Response> AdminApi::create_token(Exchange& exchange, Call& call) {
  auto fields = JsonFields::parse(call.body);
  if (!fields) co_return problem_of(fields.error());
  AccessTokenWish wish;
  wish.label = fields->text("label").value_or("");
  wish.owner = fields->text("owner").value_or(call.who().id);
  wish.roles = fields->texts("roles").value_or(std::vector<std::string>());
  wish.session = SessionId(fields->text("session").value_or(""));
  wish.ttl = fields->duration("ttl");
  if (const auto done = fields->done(); !done) co_return problem_of(done.error());
  const bool for_others = wish.owner != call.who().id || !wish.roles.empty();
  if (for_others && !is_admin(call))
    co_return problem(403, "forbidden", "only an admin makes tokens for others, or with roles");
  const bool knows_session = wish.session.empty() || (parts_.directory.find(wish.session) != nullptr &&
                                                      parts_.directory.may_use(call.who(), wish.session));
  if (!knows_session) co_return problem(404, "not found", "there is no such session");
  auto make = [&tokens = parts_.access_tokens, wish = std::move(wish), maker = call.verdict.grant] {
    return tokens.create(wish, maker.get());
  };
  auto made = co_await parts_.pool.run(exchange.loop(), std::move(make));
  if (!made) co_return problem_of(made.error());
  if (!*made) co_return problem_of(made->error());
  const CreatedAccessToken& token = **made;
  record(AuditKind::credential_minted, exchange, call.verdict, {}, concat("access token ", token.id));
  co_return json_answer(
      201, concat("{\"id\":", json_text(token.id), ",\"token\":", json_text(token.token.text.expose()),
                  ",\"fingerprint\":", json_text(parts_.fingerprinter.fingerprint(token.token.digest)), "}"));
}

Task<Response> AdminApi::revoke_token(Exchange& exchange, Call& call) {
  bool known = is_admin(call);
  if (!known) {
    for (const auto& own : parts_.access_tokens.list(call.who().id)) known = known || own.id == call.id;
  }
  if (!known) co_return problem(404, "not found", "there is no such access token");
  exchange.unbind();  // the answer is not cut by the revocation of the token that asked for it
  auto revoke = [&tokens = parts_.access_tokens, id = call.id] { return tokens.revoke(id); };
  auto revoked = co_await parts_.pool.run(exchange.loop(), std::move(revoke));
  if (!revoked) co_return problem_of(revoked.error());
  if (!*revoked) co_return problem_of(revoked->error());
  record(AuditKind::credential_revoked, exchange, call.verdict, {}, concat("access token ", call.id));
  co_return Response(204, "application/json", "");
}

/// Everybody throws himself out; others are for admins.
Task<Response> AdminApi::end_logins(Exchange& exchange, Call& call) {
  auto fields = JsonFields::parse(call.body);
  if (!fields) co_return problem_of(fields.error());
  const auto user = fields->text("user").value_or("");
  const bool tokens_too = fields->flag("tokens").value_or(false);
  if (const auto done = fields->done(); !done) co_return problem_of(done.error());
  if (user.empty())
    co_return problem(400, "bad request", "say whose logins are to end: {\"user\": \"alice\"}");
  if (user != call.who().id && !is_admin(call))
    co_return problem(403, "forbidden", "only an admin ends the logins of others");
  exchange.unbind();  // the answer is not cut by the end of the credential that asked for it
  std::size_t tokens = 0;
  if (tokens_too) {
    auto revoke = [&all = parts_.access_tokens, user] { return all.revoke_owner(user); };
    auto revoked = co_await parts_.pool.run(exchange.loop(), std::move(revoke));
    if (!revoked) co_return problem_of(revoked.error());
    tokens = *revoked;
  }
  const std::size_t logins = parts_.logins.end_all(user);
  record(AuditKind::credential_revoked, exchange, call.verdict, {},
         concat(logins, " logins and ", tokens, " access tokens of ", user));
  co_return json_answer(200, concat("{\"logins\":", logins, ",\"tokens\":", tokens, "}"));
}

}  // namespace sallyport
