// SPDX-License-Identifier: Apache-2.0
// Hosts, origins, Sec-Fetch-*, forwarded addresses, refusals: the rules that the gate asks.
#include "sallyport/http/rules.h"

#include <gtest/gtest.h>

#include "tests/unit/http/heads.h"

namespace sallyport {
namespace {

HostPort host(std::string_view text) { return *HostPort::parse(text); }

TEST(Host, BY_04_is_made_canonical_once) {
  EXPECT_EQ(host("LocalHost:7070").str(), "localhost:7070");
  EXPECT_EQ(host("[0:0::1]:80").str(), "[::1]:80");
  EXPECT_EQ(host("127.0.0.1").str(), "127.0.0.1");
  EXPECT_EQ(host("a_b.example").str(), "a_b.example");
}

TEST(Host, BY_04_refuses_what_others_might_read_differently) {
  for (const std::string_view text : {"",
                                      ":80",
                                      "a.",
                                      "a..b",
                                      ".a",
                                      "a:",
                                      "a:0",
                                      "a:+1",
                                      "a:65536",
                                      "a:1:2",
                                      "u@a",
                                      "a/b",
                                      "a b",
                                      "a%41",
                                      "[::1",
                                      "[]",
                                      "[::1]x",
                                      "[::ffff:127.0.0.1]",
                                      "[fe80::1%lo]",
                                      "::1",
                                      "127.1",
                                      "127.0.0.01",
                                      "0x7f.1",
                                      "1",
                                      "256.1.1.1",
                                      "a,b",
                                      "\xc3\xa4",
                                      "a\\b",
                                      "a#b",
                                      "a?b"}) {
    EXPECT_FALSE(HostPort::parse(text)) << text;
  }
  EXPECT_FALSE(HostPort::parse(std::string(64, 'a')));
}

TEST(HostList, BY_04_is_exact) {
  HostList list(Scheme::http);
  EXPECT_FALSE(list.allows("localhost")) << "an empty list allows nothing";
  list.add(host("localhost:7070"));
  list.add(host("[::1]:7070"));
  list.add(host("tool.example"));
  for (const std::string_view text : {"localhost:7070", "LOCALHOST:7070", "[::1]:7070",
                                      "[0:0:0:0:0:0:0:1]:7070", "tool.example", "tool.example:80"}) {
    EXPECT_TRUE(list.allows(text)) << text;
  }
  for (const std::string_view text :
       {"localhost", "localhost:80", "localhost:70700", "evil.localhost:7070", "localhost.:7070",
        "localhost:7070.evil", "[::2]:7070", "tool.example:443", "tool.example.", "xtool.example", "", "[",
        "127.0.0.1:7070", "u@localhost:7070"}) {
    EXPECT_FALSE(list.allows(text)) << text;
  }
}

TEST(HostList, BY_04_knows_by_which_scheme_each_name_is_reached) {
  HostList list(Scheme::http);
  EXPECT_EQ(list.find("localhost"), std::nullopt);
  list.add(host("localhost:7070"));
  list.add(host("tool.example"), Scheme::https);
  list.add(host("[::1]:8443"), Scheme::https);
  EXPECT_EQ(list.find("LOCALHOST:7070"), (PublicPort{Scheme::http, 7070}));
  EXPECT_EQ(list.find("tool.example"), (PublicPort{Scheme::https, 443}));
  EXPECT_EQ(list.find("tool.example:443"), (PublicPort{Scheme::https, 443}));
  EXPECT_EQ(list.find("tool.example:80"), std::nullopt);
  EXPECT_EQ(list.find("[0:0:0:0:0:0:0:1]:8443"), (PublicPort{Scheme::https, 8443}));
  EXPECT_EQ(list.str(), "localhost:7070, tool.example:443, tool.example, [::1]:8443");
}

TEST(HostList, BY_04_https_counts_where_both_schemes_lead_to_one_name) {
  for (const auto& order :
       {std::array{Scheme::http, Scheme::https}, std::array{Scheme::https, Scheme::http}}) {
    HostList list(Scheme::http);
    for (const Scheme scheme : order) list.add(host("tool.example"), scheme);
    EXPECT_EQ(list.find("tool.example"), (PublicPort{Scheme::https, 443}));
    EXPECT_EQ(list.find("tool.example:80"), (PublicPort{Scheme::http, 80}));
  }
}

TEST(Host, AT_01_loopback_names) {
  for (const std::string_view text : {"localhost:7070", "127.0.0.1:7070", "127.8.9.1:7070", "[::1]:7070"}) {
    EXPECT_TRUE(is_loopback_host(text, 7070, 80)) << text;
  }
  EXPECT_TRUE(is_loopback_host("localhost", 80, 80));
  for (const std::string_view text :
       {"localhost", "localhost:7071", "localhost.evil:7070", "10.0.0.1:7070", "[::2]:7070", "x"}) {
    EXPECT_FALSE(is_loopback_host(text, 7070, 80)) << text;
  }
}

TEST(OriginList, BY_04_is_exact) {
  OriginList list;
  list.add(*Origin::parse("http://localhost:7070"));
  list.add(Origin::of("https", host("tool.example:443")));
  EXPECT_EQ(list.judge("http://localhost:7070"), OriginVerdict::listed);
  EXPECT_EQ(list.judge("https://tool.example"), OriginVerdict::listed);
  EXPECT_EQ(list.judge("https://TOOL.example:443"), OriginVerdict::listed);
  EXPECT_EQ(list.judge(""), OriginVerdict::absent);
  EXPECT_EQ(list.judge("null"), OriginVerdict::is_null);
  for (const std::string_view text :
       {"https://localhost:7070", "http://localhost", "http://localhost:70", "http://tool.example",
        "https://tool.example:444", "https://tool.example.evil", "https://evil.tool.example"}) {
    EXPECT_EQ(list.judge(text), OriginVerdict::not_listed) << text;
  }
  for (const std::string_view text :
       {"NULL", "tool.example", "https://tool.example/", "https://tool.example http://x", "file://",
        "ftp://tool.example", "https://u@tool.example", "https://"}) {
    EXPECT_EQ(list.judge(text), OriginVerdict::malformed) << text;
  }
  EXPECT_EQ(OriginList{}.judge("http://localhost:7070"), OriginVerdict::not_listed);
}

struct FetchRow {
  std::string_view lines;
  Method method;
  SecFetchVerdict verdict;
};
TEST(SecFetch, BY_04_only_own_pages_and_plain_links) {
  for (const FetchRow& row :
       {FetchRow{"", Method::post, SecFetchVerdict::own},
        FetchRow{"Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\n", Method::get, SecFetchVerdict::own},
        FetchRow{"Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\n", Method::post,
                 SecFetchVerdict::own},
        FetchRow{"Sec-Fetch-Site: same-site\r\nSec-Fetch-Mode: cors\r\n", Method::get,
                 SecFetchVerdict::foreign},
        FetchRow{"Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n",
                 Method::get, SecFetchVerdict::foreign},
        FetchRow{"Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n",
                 Method::get, SecFetchVerdict::navigation},
        FetchRow{"Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n",
                 Method::post, SecFetchVerdict::foreign},
        FetchRow{"Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n",
                 Method::get, SecFetchVerdict::foreign},
        FetchRow{"Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: websocket\r\n", Method::get,
                 SecFetchVerdict::foreign},
        FetchRow{"Sec-Fetch-Site: cross-site\r\n", Method::get, SecFetchVerdict::foreign},
        FetchRow{"Sec-Fetch-Site: Same-Origin\r\n", Method::get, SecFetchVerdict::foreign},
        FetchRow{"Sec-Fetch-Site:\r\n", Method::get, SecFetchVerdict::foreign},
        FetchRow{"Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: new\r\n", Method::get,
                 SecFetchVerdict::foreign}}) {
    const ParsedRequest request(get_with(row.lines));
    ASSERT_TRUE(request.outcome.complete()) << row.lines;
    EXPECT_EQ(judge_sec_fetch(SecFetch::read(request.head.fields), row.method), row.verdict) << row.lines;
  }
}

std::string client(std::string_view peer, std::string_view lines) {
  const std::vector<Cidr> trusted{*Cidr::parse("10.0.0.0/8"), *Cidr::parse("::1/128")};
  const ParsedRequest request(get_with(lines));
  EXPECT_TRUE(request.outcome.complete()) << lines;
  const auto ip = client_address(*IpAddress::parse(peer), request.head.fields, trusted);
  return ip ? ip->str() : "unknown";
}

TEST(Forwarded, SG_08_rightmost_untrusted_address) {
  EXPECT_EQ(client("1.2.3.4", "X-Forwarded-For: 9.9.9.9\r\n"), "1.2.3.4") << "a stranger's word";
  EXPECT_EQ(client("10.0.0.1", ""), "10.0.0.1");
  EXPECT_EQ(client("10.0.0.1", "X-Forwarded-For: 9.9.9.9, 1.2.3.4\r\n"), "1.2.3.4");
  EXPECT_EQ(client("10.0.0.1", "X-Forwarded-For: 9.9.9.9, 1.2.3.4, 10.0.0.2\r\n"), "1.2.3.4");
  EXPECT_EQ(client("10.0.0.1", "X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-For: 1.2.3.4\r\n"), "1.2.3.4");
  EXPECT_EQ(client("::1", "X-Forwarded-For: [2001:db8::1]:80, ::1\r\n"), "2001:db8::1");
  EXPECT_EQ(client("::1", "X-Forwarded-For: 1.2.3.4:555\r\n"), "1.2.3.4");
  EXPECT_EQ(client("10.0.0.1", "X-Forwarded-For: 10.0.0.3, 10.0.0.2\r\n"), "10.0.0.3");
}

TEST(Forwarded, SG_08_what_cannot_be_read_is_nobody) {
  for (const std::string_view text :
       {"unknown", "", "1.2.3.4,", "1.2.3", "1.2.3.4:x", "[::1", "9.9.9.9, _hidden", "1.2.3.4 5.6.7.8"}) {
    EXPECT_EQ(client("10.0.0.1", concat("X-Forwarded-For: ", text, "\r\n")), "unknown") << text;
  }
  std::string long_list = "10.0.0.9";
  for (std::size_t i = 0; i < kForwardedHopsMax; ++i) long_list += ", 10.0.0.9";
  EXPECT_EQ(client("10.0.0.1", concat("X-Forwarded-For: ", long_list, "\r\n")), "unknown");
}

RefusalShape shape(std::string_view text) { return refusal_for(ParsedRequest(text).head); }
TEST(Refusal, redirects_only_people) {
  EXPECT_EQ(shape(get_with("Sec-Fetch-Mode: navigate\r\n")), RefusalShape::redirect_to_login);
  EXPECT_EQ(shape(get_with("Accept: application/xml, Text/HTML;q=0.9\r\n")), RefusalShape::redirect_to_login);
  EXPECT_EQ(shape("HEAD / HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n"),
            RefusalShape::redirect_to_login);
  EXPECT_EQ(shape(get_with("Accept: text/html\r\nSec-Fetch-Mode: cors\r\n")),
            RefusalShape::unauthorized_json);
  EXPECT_EQ(shape(get_with("Accept: text/html\r\nX-Requested-With: XMLHttpRequest\r\n")),
            RefusalShape::unauthorized_json);
  EXPECT_EQ(shape(get_with("Accept: */*\r\n")), RefusalShape::unauthorized_json);
  EXPECT_EQ(shape(get_with("")), RefusalShape::unauthorized_json);
  EXPECT_EQ(shape("POST / HTTP/1.1\r\nHost: a\r\nSec-Fetch-Mode: navigate\r\n\r\n"),
            RefusalShape::unauthorized_json);
  EXPECT_EQ(shape(get_with("Sec-Fetch-Mode: navigate\r\nUpgrade: websocket\r\nConnection: upgrade\r\n")),
            RefusalShape::refused_handshake);
}

TEST(Authorization, AT_03_bearer_is_read_strictly) {
  EXPECT_EQ(bearer_token("Bearer spa_abc-_~+/.="), "spa_abc-_~+/.=");
  EXPECT_EQ(bearer_token("bEARER  x"), "x");
  for (const std::string_view text :
       {"", "Bearer", "Bearer ", "Bearer x y", "Bearer x,y", "Bearer =", "Bearer x=y", "Basic eDp5",
        "Bearerx", "Bearer \"x\"", "Bearer\tx", "Bearer x\xe4", "Token x"}) {
    EXPECT_FALSE(bearer_token(text)) << text;
  }
  EXPECT_EQ(authorization_scheme("Basic eDp5"), "Basic");
}

TEST(Escape, html_and_json) {
  EXPECT_EQ(escape_html("<a href=\"x\">'&"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;");
  EXPECT_EQ(escape_json("a\"b\\c\n</script>\x7f"), "a\\\"b\\\\c\\u000a\\u003c/script>\\u007f");
  EXPECT_EQ(escape_json("\xc3\xa4\xff\xc3"), "\xc3\xa4\\ufffd\\ufffd");
}

TEST(Status, codes_and_phrases) {
  EXPECT_EQ(http_status_of(Code::invalid_argument), 400);
  EXPECT_EQ(http_status_of(Code::exhausted), 429);
  EXPECT_EQ(http_status_of(Code::internal), 500);
  EXPECT_EQ(reason_phrase(421), "Misdirected Request");
  EXPECT_EQ(reason_phrase(599), "Unknown");
  for (std::size_t fault = 1; fault <= static_cast<std::size_t>(ParseFault::trailer); ++fault) {
    EXPECT_NE(reason_phrase(status_of(static_cast<ParseFault>(fault))), "Unknown");
  }
}

TEST(Date, is_imf_fixdate) {
  auto text = [](std::int64_t seconds) {
    const auto date = http_date(WallTime(std::chrono::seconds(seconds)));
    return std::string(date.begin(), date.end());
  };
  EXPECT_EQ(text(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(text(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(text(1709251199), "Thu, 29 Feb 2024 23:59:59 GMT");
}

}  // namespace
}  // namespace sallyport
