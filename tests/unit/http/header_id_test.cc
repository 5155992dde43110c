// SPDX-License-Identifier: Apache-2.0
// Which names go through and which are taken out, in every spelling.
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "sallyport/http/fold.h"
#include "sallyport/http/internal/scan.h"
#include "tests/unit/http/heads.h"

namespace sallyport {
namespace {

/// spellings makes the variants of a name that CGI-like backends take for one.
std::vector<std::string> spellings(std::string_view name) {
  std::vector<std::string> all{std::string(name), to_lower(name)};
  std::string upper(name), underscores(name), dots(name), mixed(name);
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (upper[i] >= 'a' && upper[i] <= 'z') upper[i] = static_cast<char>(upper[i] - 32);
    if (name[i] == '-') {
      underscores[i] = '_';
      dots[i] = '.';
      mixed[i] = i % 2 == 0 ? '_' : '.';
    }
  }
  all.insert(all.end(), {upper, underscores, dots, mixed});
  return all;
}

TEST(HeaderNames, every_id_is_found_by_its_name_in_any_case) {
  for (std::size_t i = 1; i < kHeaderIdCount; ++i) {
    const auto id = static_cast<HeaderId>(i);
    const std::string name(canonical_name_of(id));
    EXPECT_EQ(classify_name(name).id, id) << name;
    EXPECT_EQ(classify_name(to_lower(name)).id, id) << name;
  }
  EXPECT_EQ(canonical_name_of(HeaderId::other), "");
  EXPECT_EQ(classify_name("X-Unknown").id, HeaderId::other);
  EXPECT_EQ(classify_name("X-Unknown").flags, 0);
  EXPECT_EQ(classify_name("").id, HeaderId::other);
}

TEST(HeaderNames, SA_05_identity_names_are_marked_in_every_spelling) {
  for (const std::string_view name :
       {"Authorization", "X-Session-Token", "X-Session-ID", "X-Forwarded-User", "X-Forwarded-Groups",
        "X-Forwarded-Email", "X-Forwarded-Access-Token", "X-Forwarded-Preferred-Username",
        "X-Auth-Request-User", "X-Auth-Request-Preferred-Username", "X-Auth-Request-Access-Token",
        "Remote-User", "Remote-Groups", "X-Remote-User", "Proxy", "Tailscale-User-Login",
        "X-Session-Anything", "X-Sallyport-Whatever"}) {
    for (const std::string& spelling : spellings(name)) {
      EXPECT_TRUE(classify_name(spelling).has(FieldFlag::identity)) << spelling;
    }
  }
}

TEST(HeaderNames, AT_01_marks_of_a_proxy_are_evidence_in_every_spelling) {
  for (const std::string_view name :
       {"Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port",
        "X-Forwarded-Anything", "X-Real-IP", "Via", "CF-Connecting-IP", "CF-Ray", "Tailscale-User-Name",
        "True-Client-IP", "X-Original-URL", "X-Rewrite-URL", "X-Envoy-External-Address"}) {
    for (const std::string& spelling : spellings(name)) {
      EXPECT_TRUE(classify_name(spelling).has(FieldFlag::forwarded)) << spelling;
    }
  }
}

TEST(HeaderNames, SA_05_odd_spellings_of_guarded_names_are_taken_out_and_not_taken_for_them) {
  for (const std::string_view name :
       {"Content-Length", "Transfer-Encoding", "Sec-Fetch-Site", "Sec-WebSocket-Key", "X-Session-Token",
        "X-Forwarded-For", "Proxy-Authorization"}) {
    for (const std::string& spelling : spellings(name)) {
      if (iequals(spelling, name)) continue;
      EXPECT_EQ(classify_name(spelling).id, HeaderId::other) << spelling;
      EXPECT_TRUE(classify_name(spelling).has(FieldFlag::identity)) << spelling;
    }
  }
  EXPECT_EQ(classify_name("user_agent").flags, 0) << "nothing rests on it";
  EXPECT_EQ(classify_name("Content-Length").flags, 0);
}

TEST(HeaderNames, SA_05_the_parser_marks_them) {
  const ParsedRequest request(
      get_with("x_session.TOKEN: a\r\nX-Forwarded-For: 1.2.3.4\r\nKeep-Alive: 5\r\nX-Mine: "
               "b\r\nContent_Length: 9\r\n"));
  ASSERT_TRUE(request.outcome.complete());
  const auto fields = request.head.fields.all();
  EXPECT_TRUE(fields[1].has(FieldFlag::identity));
  EXPECT_TRUE(fields[2].has(FieldFlag::forwarded));
  EXPECT_TRUE(fields[3].has(FieldFlag::hop_by_hop));
  EXPECT_EQ(fields[4].flags(), 0);
  EXPECT_TRUE(fields[5].has(FieldFlag::identity));
  EXPECT_EQ(request.head.framing, Framing::none);
}

TEST(HeaderNames, hop_by_hop) {
  for (const std::string_view name :
       {"Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade",
        "Proxy-Authenticate", "Proxy-Authorization", "HTTP2-Settings"}) {
    EXPECT_TRUE(is_hop_by_hop(name)) << name;
  }
  EXPECT_FALSE(is_hop_by_hop("Cookie"));
  EXPECT_TRUE(names_fold_equal("X-A_b.C", "x_a-B_c"));
  EXPECT_FALSE(names_fold_equal("X-A", "XA"));
}

TEST(Scan, wide_and_plain_loops_agree) {
  std::mt19937 random(20260101);
  constexpr std::string_view alphabet = "aZ09-_.: \t\r\n\x01\x1f\x7f\x80\xff@[`{/gG";
  for (int round = 0; round < 20000; ++round) {
    std::string text(random() % 80, 'x');
    for (int spoiled = static_cast<int>(random() % 4); spoiled > 0 && !text.empty(); --spoiled) {
      text[random() % text.size()] = alphabet[random() % alphabet.size()];
    }
    for (char& c : text) {
      if (random() % 3 == 0) c = "ABYZabyz0189-"[random() % 13];
    }
    const char* end = text.data() + text.size();
    EXPECT_EQ(scan_value(text.data(), end), scan_value_plain(text.data(), end)) << escaped(text);
    FoldedName wide, plain;
    ASSERT_EQ(scan_name(text.data(), end, wide), scan_name_plain(text.data(), end, plain)) << escaped(text);
    ASSERT_EQ(wide, plain) << escaped(text);
  }
}

}  // namespace
}  // namespace sallyport
