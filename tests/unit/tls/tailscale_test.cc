// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sallyport/env/testing/fakes.h"
#include "sallyport/tls/tailscale_api.h"

namespace sallyport {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(TailscaleStatus, AT_04_what_concerns_us_is_read_and_the_rest_passed_over) {
  const auto status = parse_tailscale_status(
      R"({"Version":"1.80","BackendState":"Running","TailscaleIPs":["100.64.0.7","fd7a::7","x"],
          "CertDomains":["Gate.Tail1.ts.net.","not a name","b.ts.net"],"Self":{"DNSName":"gate.tail1.ts.net.","X":[1]}})");
  ASSERT_TRUE(status);
  EXPECT_TRUE(status->running());
  EXPECT_THAT(status->cert_domains, ElementsAre("gate.tail1.ts.net", "b.ts.net"));
  EXPECT_EQ(status->dns_name, "gate.tail1.ts.net");
  ASSERT_EQ(status->addresses.size(), 2U);
}

TEST(TailscaleStatus, AT_04_null_domains_mean_none) {
  const auto status = parse_tailscale_status(R"({"BackendState":"Stopped","CertDomains":null,"Self":null})");
  ASSERT_TRUE(status);
  EXPECT_FALSE(status->running());
  EXPECT_TRUE(status->cert_domains.empty());
}

TEST(TailscaleStatus, AT_04_what_is_not_as_documented_is_refused) {
  for (const char* bad : {"", "null", "[]", "{", "{}", R"({"BackendState":1})", R"({"BackendState":""})",
                          "{\"BackendState\":\"\xff\"}"})
    EXPECT_EQ(parse_tailscale_status(bad).error().code, Code::unavailable) << bad;
}

TEST(TailscaleWhois, BY_10_names_the_person_and_the_machine) {
  const auto person = parse_tailscale_whois(
      R"({"Node":{"Name":"laptop.tail1.ts.net.","Tags":["tag:ci"]},"UserProfile":{"LoginName":"alice@example.com","DisplayName":"Alice"}})");
  ASSERT_TRUE(person);
  EXPECT_EQ(person->login_name, "alice@example.com");
  EXPECT_EQ(person->display_name, "Alice");
  EXPECT_EQ(person->node, "laptop.tail1.ts.net");
  EXPECT_THAT(person->tags, ElementsAre("tag:ci"));
}

TEST(TailscaleWhois, BY_10_nobody_comes_of_a_strange_answer) {
  for (const char* bad :
       {"", "{}", R"({"UserProfile":{"LoginName":""}})", R"({"UserProfile":{"LoginName":7}})",
        "{\"UserProfile\":{\"LoginName\":\"a\\r\\nb\"}}", R"({"UserProfile":[]})",
        R"({"UserProfile":{"LoginName":"a\u001b[2J"}})",
        R"({"Node":{"Tags":"tag:ci"},"UserProfile":{"LoginName":"alice@example.com"}})",
        R"({"Node":{"Tags":[7]},"UserProfile":{"LoginName":"alice@example.com"}})"})
    EXPECT_FALSE(parse_tailscale_whois(bad)) << bad;
}

TEST(TailscaleApi, AT_04_without_a_socket_it_is_not_there) {
  const ManualMonotonicClock clock;
  const TailscaleApi api(clock, "/nonexistent/tailscaled.sock");
  const auto status = api.status(kNever);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::not_found);
  EXPECT_THAT(status.error().what, HasSubstr("no socket at"));
  const TailscaleApi file(clock, "/dev/null");
  EXPECT_EQ(file.status(kNever).error().code, Code::not_found) << "a file is no daemon";
}

}  // namespace
}  // namespace sallyport
