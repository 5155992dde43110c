// SPDX-License-Identifier: Apache-2.0
// What the proxy does to the bytes of a request and its answer: rewriting both heads, re-framing a body.
#include <benchmark/benchmark.h>

#include <array>
#include <string>

#include "sallyport/http/parser.h"
#include "sallyport/proxy/body_run.h"
#include "sallyport/proxy/request_head.h"
#include "sallyport/proxy/response_head.h"

namespace sallyport {
namespace {

constexpr std::string_view kBrowserRequest =
    "GET /lab/api/contents?content=1 HTTP/1.1\r\nHost: s1.localhost:8080\r\nUser-Agent: Mozilla/5.0 (X11; "
    "Linux x86_64)\r\n"
    "Accept: application/json, text/plain, */*\r\nAccept-Language: en-GB,en;q=0.5\r\nAccept-Encoding: gzip, "
    "deflate, br\r\n"
    "Referer: http://s1.localhost:8080/lab\r\nCookie: theme=dark; sallyport-8080=spc_0123456789; "
    "_xsrf=2|a|b|3\r\n"
    "Sec-Fetch-Dest: empty\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Site: same-origin\r\nConnection: "
    "keep-alive\r\n"
    "X-Forwarded-For: 203.0.113.9\r\n\r\n";
constexpr std::string_view kAnswer =
    "HTTP/1.1 200 OK\r\nServer: TornadoServer/6.2\r\nContent-Type: application/json\r\nDate: Sun, 06 Nov "
    "1994 08:49:37 GMT\r\n"
    "Set-Cookie: a=b; Path=/\r\nVary: Accept-Encoding\r\nConnection: keep-alive\r\nContent-Length: "
    "128\r\n\r\n";
constexpr std::string_view kCookies[] = {"sallyport-8080"};

void rewrite_request_head(benchmark::State& state) {
  RequestHead head;
  if (!parse_request_head(kBrowserRequest, head).complete())
    return state.SkipWithError("the head is malformed");
  ForwardPlan plan;
  plan.injected_lines = "Authorization: Bearer inner\r\nX-Session-ID: s1\r\nX-Forwarded-User: alice\r\n";
  plan.hygiene.cookies = kCookies;
  const ConnectionFacts facts;
  std::array<char, 4096> room;
  for (auto _ : state) {
    HeadWriter out(room);
    benchmark::DoNotOptimize(
        write_request_head(head, plan, facts, "0123456789abcdef0123", UpgradeForward::no, out));
    benchmark::ClobberMemory();
  }
}
BENCHMARK(rewrite_request_head);

void parse_and_rewrite_answer_head(benchmark::State& state) {
  ResponseHead head;
  std::array<char, 4096> room;
  for (auto _ : state) {
    if (!parse_response_head(kAnswer, Method::get, head).complete())
      return state.SkipWithError("the head is malformed");
    HeadWriter out(room);
    const AnswerShape shape = shape_answer(head, Version::http11, AfterAnswer::keep);
    benchmark::DoNotOptimize(write_response_head(head, shape, Version::http11, kCookies, out));
    benchmark::ClobberMemory();
  }
}
BENCHMARK(parse_and_rewrite_answer_head);

void reframe_chunks(benchmark::State& state) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += "1000\r\n" + std::string(4096, 'x') + "\r\n";
  for (auto _ : state) {
    BodyScanner scanner(Framing::chunked, 0);
    BodyRun run;
    run.start_with({});
    benchmark::DoNotOptimize(run.gather(scanner, bytes, OutFraming::chunked));
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}
BENCHMARK(reframe_chunks);

}  // namespace
}  // namespace sallyport
