// SPDX-License-Identifier: Apache-2.0
// Usage: http_differential SEED COUNT CORPUS_REQUESTS CORPUS_RESPONSES >readings
// Makes COUNT messages, and for each that we accept asks Beast at once and writes our reading, one JSON
// object a line, for oracle.mjs to hold against Node's llhttp. Exit status 1: Beast reads something else.
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>

#include "sallyport/base/text.h"
#include "sallyport/http/body.h"
#include "sallyport/http/parser.h"
#include "tests/interop/http_differential/beast_oracle.h"
#include "tests/interop/http_differential/generator.h"
#include "tests/interop/http_differential/reading.h"

namespace sallyport {
namespace {

std::string hex(std::string_view text) { return to_hex(std::as_bytes(std::span(text.data(), text.size()))); }

/// read_body appends the body and cuts the message at its end; false where the end has not come.
bool read_body(BodyScanner scanner, std::string_view text, std::size_t head_bytes, Reading& reading) {
  std::size_t at = head_bytes;
  while (!scanner.ended()) {
    if (at == text.size()) break;
    const BodyStep step = scanner.next(text.substr(at));
    if (step.state == BodyStep::State::refused) return false;
    reading.body += step.data;
    at += step.consumed;
  }
  reading.bytes = std::string(text.substr(0, at));
  return scanner.ended() || scanner.framing() == Framing::until_close;
}

void copy_fields(const HeaderFields& fields, Reading& reading) {
  bool close = false, keep = false;
  for (const HeaderField& field : fields) {
    reading.fields.emplace_back(field.name(), field.value());
    if (field.id() == HeaderId::proxy_connection) reading.old_connection = true;
    if (field.id() != HeaderId::connection) continue;
    const std::string value = to_lower(field.value());
    close = close || value.find("close") != std::string::npos;
    keep = keep || value.find("keep-alive") != std::string::npos;
  }
  reading.doubtful_close = close && keep;
}

std::optional<Reading> read_request(std::string_view text) {
  RequestHead head;
  const HeadParse parsed = parse_request_head(text, head);
  if (!parsed.complete()) return std::nullopt;
  Reading reading;
  reading.method = std::string(head.method_text);
  reading.target = std::string(head.target.raw);
  reading.absolute = head.target.form == TargetForm::absolute;
  reading.http10 = head.version == Version::http10;
  reading.framing = head.framing;
  reading.keep_alive = head.keep_alive;
  reading.upgrade = head.upgrade != Upgrade::none;
  copy_fields(head.fields, reading);
  if (reading.upgrade && head.framing != Framing::none)
    return std::nullopt;  // refused later, see websocket.h
  if (!read_body(BodyScanner(head), text, parsed.bytes, reading)) return std::nullopt;
  return reading;
}

std::optional<Reading> read_response(std::string_view text, Method asked) {
  ResponseHead head;
  const HeadParse parsed = parse_response_head(text, asked, head);
  if (!parsed.complete()) return std::nullopt;
  Reading reading;
  reading.is_request = false;
  reading.asked_head = asked == Method::head;
  reading.status = head.status;
  reading.http10 = head.version == Version::http10;
  reading.framing = head.framing;
  reading.keep_alive = head.keep_alive;
  reading.upgrade = head.upgrade != Upgrade::none;
  copy_fields(head.fields, reading);
  if (head.status < 200 || head.status == 204) reading.doubtful_close = true;
  if (!read_body(BodyScanner(head), text, parsed.bytes, reading)) return std::nullopt;
  return reading;
}

void write_json(const Reading& reading) {
  std::cout << concat(R"({"request":)", reading.is_request ? "true" : "false", R"(,"askedHead":)",
                      reading.asked_head ? "true" : "false", R"(,"bytes":")", hex(reading.bytes),
                      R"(","method":")", hex(reading.method), R"(","target":")", hex(reading.target),
                      R"(","absolute":)", reading.absolute ? "true" : "false", R"(,"status":)",
                      reading.status, R"(,"http10":)", reading.http10 ? "true" : "false", R"(,"untilClose":)",
                      reading.framing == Framing::until_close ? "true" : "false", R"(,"body":")",
                      hex(reading.body), R"(","keepAlive":)", reading.keep_alive ? "true" : "false",
                      R"(,"upgrade":)", reading.upgrade ? "true" : "false", R"(,"doubtfulClose":)",
                      reading.doubtful_close ? "true" : "false", R"(,"oldConnection":)",
                      reading.old_connection ? "true" : "false", R"(,"fields":[)");
  const char* comma = "";
  for (const auto& [name, value] : reading.fields) {
    std::cout << comma << '"' << hex(name) << "\",\"" << hex(value) << '"';
    comma = ",";
  }
  std::cout << "]}\n";
}

struct Totals {
  std::size_t made = 0;
  std::size_t accepted = 0;
  std::size_t objections = 0;
};

void judge(const std::optional<Reading>& reading, Totals& totals) {
  ++totals.made;
  if (!reading) return;
  ++totals.accepted;
  write_json(*reading);
  const std::string objection = beast_objection(*reading);
  if (objection.empty()) return;
  ++totals.objections;
  std::cerr << "beast: " << objection << "\n  message: " << escaped(reading->bytes, 600) << '\n';
}

void judge_corpus(const char* requests, const char* responses, Totals& totals) {
  for (const char* folder : {requests, responses}) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      std::ifstream file(entry.path(), std::ios::binary);
      const std::string text{std::istreambuf_iterator<char>(file), {}};
      if (folder == requests)
        judge(read_request(text), totals);
      else if (!text.empty())
        judge(read_response(text.substr(1), text[0] == 'H' ? Method::head : Method::get), totals);
    }
  }
}

}  // namespace
}  // namespace sallyport

int main(int argc, char** argv) {
  using namespace sallyport;
  const auto seed = argc == 5 ? parse_decimal<std::uint64_t>(argv[1]) : std::nullopt;
  const auto count = argc == 5 ? parse_decimal<std::uint64_t>(argv[2]) : std::nullopt;
  if (!seed || !count) {
    std::cerr << "usage: http_differential SEED COUNT CORPUS_REQUESTS CORPUS_RESPONSES\n";
    return 2;
  }
  std::ios::sync_with_stdio(false);
  Totals totals;
  judge_corpus(argv[3], argv[4], totals);
  Generator generator(*seed);
  for (std::uint64_t i = 0; i < *count; ++i) {
    judge(read_request(generator.request()), totals);
    judge(read_response(generator.response(), i % 4 == 0 ? Method::head : Method::get), totals);
  }
  std::cerr << concat("seed ", *seed, ": ", totals.made, " messages, ", totals.accepted,
                      " accepted, Beast objects to ", totals.objections, '\n');
  return totals.objections == 0 && totals.accepted != 0 ? 0 : 1;
}
