// SPDX-License-Identifier: Apache-2.0
#include "tests/interop/http_differential/beast_oracle.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "sallyport/base/text.h"

namespace sallyport {
namespace {

namespace beast_http = boost::beast::http;
constexpr std::uint64_t kBodyBytesMax = std::uint64_t{1} << 62U;

template <class Parser>
void prepare(Parser& parser, const Reading& ours) {
  parser.eager(true);
  parser.header_limit(65536);
  parser.body_limit(kBodyBytesMax);
  if constexpr (!Parser::is_request::value) parser.skip(ours.asked_head);
}

template <class Parser>
std::string feed(Parser& parser, std::string_view bytes) {
  while (!bytes.empty() && !parser.is_done()) {
    boost::system::error_code error;
    const std::size_t used = parser.put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
    if (error == beast_http::error::need_more) return {};
    if (error) return concat("refused: ", error.message());
    if (used == 0) return "makes no progress";
    bytes.remove_prefix(used);
  }
  return bytes.empty() ? std::string{} : std::string("ends earlier");
}

/// by_name sorts fields as Beast keeps them: fields of one name together, otherwise nothing moves.
using Fields = std::vector<std::pair<std::string, std::string>>;
Fields by_name(Fields fields) {
  std::stable_sort(fields.begin(), fields.end(),
                   [](const auto& a, const auto& b) { return to_lower(a.first) < to_lower(b.first); });
  return fields;
}

/// field_objection parses the head alone: Beast would put trailers among the fields.
template <class Parser>
std::string field_objection(const Reading& ours) {
  Parser parser;
  prepare(parser, ours);
  parser.eager(false);
  boost::system::error_code ignored;
  parser.put(boost::asio::const_buffer(ours.bytes.data(), ours.bytes.size()), ignored);
  Fields theirs;
  for (const auto& field : parser.get()) {
    theirs.emplace_back(std::string(field.name_string()), std::string(field.value()));
  }
  if (by_name(theirs) == by_name(ours.fields)) return {};
  std::string text = "fields";
  for (const auto& [name, value] : theirs) text += concat(' ', escaped(name), '=', escaped(value));
  return text;
}

template <bool kIsRequest>
std::string objection(const Reading& ours) {
  using Parser = beast_http::parser<kIsRequest, beast_http::string_body>;
  const bool head_only = ours.upgrade;
  Parser parser;
  prepare(parser, ours);
  std::string fault = feed(parser, ours.bytes);
  if (!fault.empty()) return fault;
  if (ours.framing == Framing::until_close && !parser.is_done()) {
    boost::system::error_code error;
    parser.put_eof(error);
    if (error) return concat("refused at the end: ", error.message());
  }
  if (!parser.is_header_done() || (!head_only && !parser.is_done())) return "waits for more";
  Parser shorter;
  prepare(shorter, ours);
  static_cast<void>(feed(shorter, std::string_view(ours.bytes).substr(0, ours.bytes.size() - 1)));
  if (shorter.is_done() && ours.framing != Framing::until_close) return "is done one byte earlier";

  const auto& message = parser.get();
  if (message.version() != (ours.http10 ? 10U : 11U)) return "version";
  if (message.body() != ours.body) return concat("body ", escaped(message.body()));
  if (ours.framing != Framing::none && parser.chunked() != (ours.framing == Framing::chunked))
    return "chunked";
  if (parser.keep_alive() && !ours.keep_alive && !ours.doubtful_close) return "keep-alive";
  if (!parser.keep_alive() && ours.keep_alive) return "close";
  if constexpr (kIsRequest) {
    const std::string_view method(message.method_string().data(), message.method_string().size());
    const std::string_view target(message.target().data(), message.target().size());
    if (method != ours.method) return "method";
    if (ours.absolute ? !target.ends_with(ours.target) && ours.target != "/" : target != ours.target)
      return "target";
  } else if (message.result_int() != ours.status) {
    return "status";
  }
  return field_objection<Parser>(ours);
}

}  // namespace

std::string beast_objection(const Reading& ours) {
  if (ours.old_connection) return {};  // Beast reads Proxy-Connection as it does Connection
  return ours.is_request ? objection<true>(ours) : objection<false>(ours);
}

}  // namespace sallyport
