// SPDX-License-Identifier: Apache-2.0
// One reading of a path: what could have two is refused.
#include <gtest/gtest.h>

#include "sallyport/http/path_rule.h"
#include "sallyport/http/return_path.h"
#include "sallyport/http/target.h"

namespace sallyport {
namespace {

struct Row {
  std::string_view text;
  std::string_view path;  // expected when in order
  ParseFault fault = ParseFault::none;
};

constexpr Row kRows[] = {
    {"/", "/"},
    {"/a/b", "/a/b"},
    {"/a//b/", "/a//b/"},
    {"/a%20b", "/a b"},
    {"/%C3%A4", "/\xc3\xa4"},
    {"/%2esallyport/login", "/.sallyport/login"},
    {"/.hidden/..x/x..", "/.hidden/..x/x.."},
    {"/a%25b", "/a%b"},
    {"/a%2520b", "/a%20b"},
    {"/a%3fb", "/a?b"},
    {"/x?next=%2Fa%5Cb%00..", "/x"},
    {"/x?a=/../b", "/x"},
    {"/[id]|^", "/[id]|^"},
    {"/a%2fb", "", ParseFault::target_encoding},
    {"/a%2Fb", "", ParseFault::target_encoding},
    {"/a%5cb", "", ParseFault::target_encoding},
    {"/a%00b", "", ParseFault::target_encoding},
    {"/a%0d%0aX: y", "", ParseFault::target_byte},
    {"/a%0ab", "", ParseFault::target_encoding},
    {"/a%7fb", "", ParseFault::target_encoding},
    {"/a%23b", "", ParseFault::target_encoding},
    {"/a%2", "", ParseFault::target_encoding},
    {"/a%", "", ParseFault::target_encoding},
    {"/a%zz", "", ParseFault::target_encoding},
    {"/a%u002f", "", ParseFault::target_encoding},
    {"/a%252fb", "", ParseFault::target_encoding},
    {"/a%255cb", "", ParseFault::target_encoding},
    {"/a%2500", "", ParseFault::target_encoding},
    {"/a/%252e%252e/b", "", ParseFault::target_encoding},
    {"/a%25252fb", "", ParseFault::target_encoding},
    {"/a%25%32%66b", "", ParseFault::target_encoding},
    {"/a%c0%afb", "", ParseFault::target_encoding},
    {"/a%e0%80%afb", "", ParseFault::target_encoding},
    {"/a%ff", "", ParseFault::target_encoding},
    {"/a%ed%a0%80", "", ParseFault::target_encoding},
    {"/.", "", ParseFault::target_segments},
    {"/..", "", ParseFault::target_segments},
    {"/a/./b", "", ParseFault::target_segments},
    {"/a/../b", "", ParseFault::target_segments},
    {"/a/..", "", ParseFault::target_segments},
    {"/a/%2e%2e/b", "", ParseFault::target_segments},
    {"/a/.%2E/b", "", ParseFault::target_segments},
    {"/a/..;x=1/b", "", ParseFault::target_segments},
    {"/a/..%3bx/b", "", ParseFault::target_segments},
    {"/{id}", "", ParseFault::target_byte},
    {"/a`", "", ParseFault::target_byte},
    {"/a\\b", "", ParseFault::target_byte},
    {"", "", ParseFault::target_form},
    {"?x", "", ParseFault::target_form},
};

TEST(Target, AT_03_has_one_reading_or_none) {
  for (const Row& row : kRows) {
    Target target;
    const ParseFault fault = parse_target(row.text, EncodedSlash::refuse, target);
    EXPECT_EQ(name_of(fault), name_of(row.fault)) << row.text;
    if (fault == ParseFault::none) {
      EXPECT_EQ(target.path, row.path) << row.text;
      EXPECT_EQ(target.raw, row.text) << "the bytes that were judged are the bytes that go out";
    }
  }
}

TEST(Target, an_allowed_encoded_slash_never_becomes_a_separator) {
  Target target;
  ASSERT_EQ(parse_target("/a%2fb%20c", EncodedSlash::allow, target), ParseFault::none);
  EXPECT_EQ(target.path, "/a%2Fb c");
  EXPECT_EQ(target.raw, "/a%2fb%20c");
  EXPECT_EQ(parse_target("/a/..%2f..%2fb", EncodedSlash::allow, target), ParseFault::target_segments);
  EXPECT_EQ(parse_target("/a%252fb", EncodedSlash::allow, target), ParseFault::target_encoding);
  EXPECT_EQ(parse_target("/a%2f%2e%2e", EncodedSlash::allow, target), ParseFault::target_segments);
}

TEST(Target, query_is_raw_and_may_be_empty) {
  Target target;
  ASSERT_EQ(parse_target("/a?", EncodedSlash::refuse, target), ParseFault::none);
  EXPECT_TRUE(target.has_query);
  EXPECT_EQ(target.query_raw, "");
  ASSERT_EQ(parse_target("/a?x={1}?y", EncodedSlash::refuse, target), ParseFault::none);
  EXPECT_EQ(target.query_raw, "x={1}?y");
}

TEST(Target, AT_03_subtrees_end_at_segments) {
  EXPECT_TRUE(path_is_within("/a/b", "/a"));
  EXPECT_TRUE(path_is_within("/a", "/a"));
  EXPECT_FALSE(path_is_within("/ab", "/a"));
  EXPECT_FALSE(path_is_within("/A", "/a"));
  EXPECT_TRUE(path_is_within("/a", "/"));
  EXPECT_FALSE(path_is_within("/a", ""));
  EXPECT_TRUE(is_own_path("/.sallyport/login"));
  EXPECT_TRUE(is_own_path("/.sallyport"));
  EXPECT_FALSE(is_own_path("/.sallyports"));
  EXPECT_FALSE(is_own_path("//.sallyport/login"));
}

TEST(PathRule, AT_03_public_paths_are_exact_or_whole_segments) {
  const auto exact = PathRule::parse("/health");
  const auto below = PathRule::parse("/static/*");
  ASSERT_TRUE(exact && below);
  EXPECT_TRUE(exact->matches("/health"));
  for (const std::string_view path : {"/health/", "/healthz", "/Health", "/health/x", "//health", "/"}) {
    EXPECT_FALSE(exact->matches(path)) << path;
  }
  EXPECT_TRUE(below->matches("/static/a/b"));
  for (const std::string_view path : {"/static", "/statics/a", "/x/static/a"})
    EXPECT_FALSE(below->matches(path)) << path;
  EXPECT_EQ(below->str(), "/static/*");
  EXPECT_TRUE(any_matches({*exact, *below}, "/health"));
  EXPECT_FALSE(any_matches({}, "/health"));
}

TEST(PathRule, AT_03_refuses_what_is_no_plain_path) {
  for (const std::string_view text : {"", "*", "/*", "health", "/a*", "/*/b", "/a/*/b", "/a?b", "/a%20b",
                                      "/a/../b", "/.sallyport/*", "/.sallyport", "http://a/b", "/a b"}) {
    EXPECT_FALSE(PathRule::parse(text)) << text;
  }
}

TEST(ReturnPath, stays_on_this_origin) {
  for (const std::string_view text : {"/", "/a/b?c=d", "/a%20b", "/?next=//evil"}) {
    const auto path = ReturnPath::parse(text);
    ASSERT_TRUE(path) << text;
    EXPECT_EQ(path->str(), text);
  }
  for (const std::string_view text : {"",
                                      "//evil",
                                      "///evil",
                                      "/\\evil",
                                      "\\evil",
                                      "https://evil",
                                      "evil",
                                      "/\tx",
                                      "/ x",
                                      " /x",
                                      "/a\nb",
                                      "/a#b",
                                      "/../x",
                                      "/%2e%2e/x",
                                      "/.sallyport/login",
                                      "/%2esallyport/logout",
                                      "/%09/evil",
                                      "/%5cevil",
                                      "/a%2Fb",
                                      "/%2f%2fevil",
                                      "javascript:alert(1)",
                                      "/\xe2\x80\xae",
                                      "*"}) {
    EXPECT_FALSE(ReturnPath::parse(text)) << text;
    EXPECT_EQ(ReturnPath::parse_or_root(text).str(), "/") << text;
  }
  EXPECT_FALSE(ReturnPath::parse(std::string("/") + std::string(kReturnPathBytesMax, 'a')));
}

}  // namespace
}  // namespace sallyport
