// SPDX-License-Identifier: Apache-2.0
#include "sallyport/plugin/reattach.h"

#include <gmock/gmock.h>

namespace sallyport {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kTerraform =
    R"({"registry.terraform.io/x/y":{"Protocol":"grpc","ProtocolVersion":6,"Pid":7,"Test":true,)"
    R"("Addr":{"Network":"unix","String":"/tmp/plugin1"}}})";

TEST(Reattach, BY_15_reads_and_writes_what_terraform_does) {
  const auto read = reattach_providers_from(kTerraform);
  ASSERT_TRUE(read.has_value()) << read.error().what;
  const auto& one = read->at("registry.terraform.io/x/y");
  EXPECT_EQ(one.app_version, 6U);
  EXPECT_EQ(one.pid, 7);
  EXPECT_EQ(one.test, PluginReattach::Test::yes);
  EXPECT_EQ(one.address, SocketAddress::unix_path("/tmp/plugin1"));
  EXPECT_EQ(reattach_providers_text(*read), kTerraform);
  EXPECT_EQ(*PluginReattach::parse(one.json()), one);
}

TEST(Reattach, BY_15_refuses_what_is_malformed) {
  const auto refused = [](std::string_view json) {
    const auto read = PluginReattach::parse(json);
    EXPECT_FALSE(read.has_value()) << json;
    return read ? std::string() : read.error().what;
  };
  const std::string tail = R"(,"Addr":{"Network":"unix","String":"/x"}})";
  EXPECT_THAT(refused("{"), HasSubstr("not an object"));
  EXPECT_THAT(refused("[]"), HasSubstr("not an object"));
  EXPECT_THAT(refused(R"({"Pid":1)" + tail), HasSubstr("netrpc"));
  EXPECT_THAT(refused(R"({"Protocol":"grpc","Pid":-1)" + tail), HasSubstr("Pid"));
  EXPECT_THAT(refused(R"({"Protocol":"grpc","Pid":4294967297)" + tail), HasSubstr("Pid"));
  EXPECT_THAT(refused(R"({"Protocol":"grpc","Pid":1,"ProtocolVersion":"6")" + tail),
              HasSubstr("ProtocolVersion"));
  EXPECT_THAT(refused(R"({"Protocol":"grpc","Pid":1,"Test":1)" + tail), HasSubstr("Test"));
  EXPECT_THAT(refused(R"({"Protocol":"grpc","Pid":1})"), HasSubstr("Addr"));
  EXPECT_THAT(refused(R"({"Protocol":"grpc","Pid":1,"Addr":{"Network":"tcp","String":"192.0.2.1:1"}})"),
              HasSubstr("loopback"));
  EXPECT_THAT(refused(R"({"Protocol":"grpc","Pid":1,"Addr":{"Network":"unix","String":"/x|grpc|"}})"),
              HasSubstr("Addr"));
  EXPECT_FALSE(reattach_providers_from(R"({"a":{}})").has_value());
}

}  // namespace
}  // namespace sallyport
