// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <vector>

#include "sallyport/http/cookie.h"
#include "sallyport/http/form.h"
#include "tests/unit/http/heads.h"

namespace sallyport {
namespace {

constexpr std::string_view kOurs[] = {"__Host-sallyport", "sallyport-7070"};

TEST(Cookies, finds_every_one_of_a_name) {
  const ParsedRequest request(get_with("Cookie: a=1; sp=x;b=2;sp=y\r\nCookie: sp =z; SP=no; xsp=no; sp\r\n"));
  const CookieMatches found = cookies_named(request.head.fields, "sp");
  EXPECT_EQ(std::vector<std::string_view>(found.all().begin(), found.all().end()),
            (std::vector<std::string_view>{"x", "y", "z"}));
  EXPECT_EQ(cookies_named(request.head.fields, "none").count, 0U);
}

TEST(Cookies, tossed_cookies_are_capped) {
  std::string value = "sp=0";
  for (std::size_t i = 1; i < kSameCookieMax; ++i) value += "; sp=1";
  EXPECT_EQ(cookies_named(ParsedRequest(get_with(concat("Cookie: ", value, "\r\n"))).head.fields, "sp")
                .all()
                .size(),
            kSameCookieMax);
  const ParsedRequest more(get_with(concat("Cookie: ", value, "; sp=2\r\n")));
  const CookieMatches found = cookies_named(more.head.fields, "sp");
  EXPECT_TRUE(found.too_many);
  EXPECT_TRUE(found.all().empty());
}

TEST(Cookies, SA_05_ours_are_kept_from_the_backend) {
  auto without = [](std::string_view value) {
    return cookies_without(ParsedRequest(get_with(concat("Cookie: ", value, "\r\n"))).head.fields, kOurs);
  };
  EXPECT_EQ(without("a=1; __Host-sallyport=spc_x; b=2"), "a=1; b=2");
  EXPECT_EQ(without("__host-SALLYPORT=spc_x"), "");
  EXPECT_EQ(without("sallyport-7070=x;a=\"q=r\""), "a=\"q=r\"");
  EXPECT_EQ(without("=__Host-sallyport=x; y"), "y") << "a nameless pair that some read as ours";
  EXPECT_EQ(without("= =__Host-sallyport=x; ==; y"), "y");
  EXPECT_EQ(without("sallyport-7071=x; ; a"), "a") << "another gate's, since cookies ignore ports";
  EXPECT_EQ(without("sallyport-x=1; ; a"), "sallyport-x=1; a");
  EXPECT_EQ(without(""), "");
}

TEST(Cookies, SA_05_those_of_every_gate_on_this_host_are_known) {
  for (const std::string_view ours : {"__Host-sallyport", "__host-SALLYPORT-form", "__Host-sallyport-8443",
                                      "__HOST-sallyport-8443-FORM", "sallyport-7070", "Sallyport-1-form"}) {
    EXPECT_TRUE(is_gate_cookie(ours)) << ours;
  }
  for (const std::string_view other : {"", "sallyport", "sallyport-", "sallyport-7070x", "sallyport-form",
                                       "xsallyport-1", "session", "__Host-sallyport-", "__Host-sallyport8443",
                                       "__Host-sallyport-x", "__Host-sallyport-8443-", "__Host-", "-form"}) {
    EXPECT_FALSE(is_gate_cookie(other)) << other;
  }
}

TEST(Cookies, AT_10_are_named_by_scheme_and_port_and_known_by_every_name) {
  EXPECT_EQ(login_cookie_name({Scheme::https, 443}), "__Host-sallyport");
  EXPECT_EQ(login_cookie_name({Scheme::https, 8443}), "__Host-sallyport-8443");
  EXPECT_EQ(login_cookie_name({Scheme::http, 8443}), "sallyport-8443");
  EXPECT_EQ(form_cookie_name({Scheme::https, 443}), "__Host-sallyport-form");
  EXPECT_EQ(form_cookie_name({Scheme::http, 80}), "sallyport-80-form");
  for (const Scheme scheme : {Scheme::http, Scheme::https}) {
    for (const std::uint16_t port : std::initializer_list<std::uint16_t>{1, 80, 443, 65535}) {
      EXPECT_TRUE(is_gate_cookie(login_cookie_name({scheme, port})));
      EXPECT_TRUE(is_gate_cookie(form_cookie_name({scheme, port})));
    }
  }
}

TEST(SetCookie, is_host_only_http_only_and_bounded) {
  EXPECT_EQ(
      *(SetCookie{.name = "__Host-sallyport", .value = "spc_x", .max_age = std::chrono::hours(1)}.str()),
      "__Host-sallyport=spc_x; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=3600");
  EXPECT_EQ(*(SetCookie{.name = "sallyport-7070",
                        .value = "",
                        .secure = CookieSecure::off,
                        .same_site = SameSite::strict,
                        .max_age = std::chrono::seconds(0)}
                  .str()),
            "sallyport-7070=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
  EXPECT_TRUE(SetCookie({.name = "a", .value = "b", .max_age = std::chrono::hours(24 * 4000)})
                  .str()
                  ->ends_with("Max-Age=34560000"));
  EXPECT_FALSE(SetCookie({.name = "__host-x", .value = "a", .secure = CookieSecure::off}).str());
  EXPECT_FALSE(SetCookie({.name = "a b", .value = "c"}).str());
  EXPECT_FALSE(SetCookie({.name = "", .value = "c"}).str());
  for (const std::string_view value : {"a;b", "a b", "a\r\nb", "a\"b", "\xc3\xa4", "a,b", "a\\b"}) {
    EXPECT_FALSE(SetCookie({.name = "a", .value = value}).str()) << value;
  }
  const std::string large(kHttpCookieBytesMax, 'x');
  EXPECT_FALSE(SetCookie({.name = "a", .value = large}).str());
}

TEST(Form, reads_and_writes) {
  const auto form = FormFields::parse("user=alice&password=a%26b+c&&empty=&flag&u%73er2=x");
  ASSERT_TRUE(form);
  EXPECT_EQ(form->one("user"), "alice");
  EXPECT_EQ(form->one("password"), "a&b c");
  EXPECT_EQ(form->one("empty"), "");
  EXPECT_EQ(form->one("flag"), "");
  EXPECT_EQ(form->one("user2"), "x");
  EXPECT_FALSE(form->one("none"));
  EXPECT_EQ(form_encode("a b/\xc3\xa4~"), "a%20b%2F%C3%A4~");
  EXPECT_EQ(form_decode(form_encode("a&b=c+%")), "a&b=c+%");
}

TEST(Form, refuses_doubt) {
  EXPECT_FALSE(FormFields::parse("a=1&a=2")->one("a")) << "which one?";
  EXPECT_EQ(FormFields::parse("a=1&%61=2")->count("a"), 2U);
  for (const std::string_view text : {"a=%", "a=%2", "a=%zz", "%=a", "a=%ff", "a=%c0%af"}) {
    EXPECT_EQ(FormFields::parse(text).error().code, Code::invalid_argument) << text;
  }
  EXPECT_EQ(FormFields::parse(std::string(kFormBytesMax + 1, 'a')).error().code, Code::exhausted);
  std::string many;
  for (std::size_t i = 0; i <= kFormFieldsMax; ++i) many += "a&";
  EXPECT_EQ(FormFields::parse(many).error().code, Code::exhausted);
}

TEST(Query, WT_03_a_ticket_is_found_and_scrubbed_in_every_spelling) {
  EXPECT_EQ(find_in_query("a=b&ticket=spt_x&c", "ticket").value_raw, "spt_x");
  EXPECT_EQ(find_in_query("ticket=1&tick%65t=2", "ticket").count, 2U);
  EXPECT_EQ(find_in_query("tickets=1&xticket=2&Ticket=3", "ticket").count, 0U);
  EXPECT_EQ(query_without("a=b&ticket=x&c=d", "ticket"), "a=b&c=d");
  EXPECT_EQ(query_without("ticket=x", "ticket"), "");
  EXPECT_EQ(query_without("%74icket=x&&a=%zz&ticket", "ticket"), "&a=%zz");
  EXPECT_EQ(query_without("a%=1", "ticket"), "a%=1");
}

TEST(Forms, AT_02_a_password_is_forgotten_when_it_was_judged) {
  auto form = FormFields::parse("user=ann&password=correct+horse+battery&csrf=x");
  ASSERT_TRUE(form);
  ASSERT_EQ(form->one("password"), "correct horse battery");
  form->wipe();
  EXPECT_EQ(form->size(), 0U);
  EXPECT_EQ(form->one("password"), std::nullopt);
}

}  // namespace
}  // namespace sallyport
