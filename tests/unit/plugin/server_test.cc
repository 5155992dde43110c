// SPDX-License-Identifier: Apache-2.0
#include "sallyport/plugin/server.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "sallyport/env/testing/fakes.h"
#include "sallyport/pki/authority.h"
#include "tests/unit/plugin/served.h"

namespace sallyport {
namespace {

using ::testing::HasSubstr;
TEST_F(Served, TheSocketIsBornInADirectoryThatIsClosed) {
  ASSERT_TRUE(open().has_value());
  const auto path = server_->handshake().address.path;
  struct stat socket {};
  struct stat folder {};
  ASSERT_EQ(::stat(path.c_str(), &socket), 0);
  ASSERT_EQ(::stat(path.substr(0, path.rfind('/')).c_str(), &folder), 0);
  EXPECT_EQ(socket.st_mode & 0777, 0600U);
  EXPECT_EQ(folder.st_mode & 0777, 0700U);
  EXPECT_TRUE(path.starts_with(directory_)) << "the directory that was not there is passed over";
  EXPECT_EQ(call("/t.T/Echo", "hi").message, "hi");
}

TEST_F(Served, TheHealthServiceKnowsThePlugin) {
  ASSERT_TRUE(open().has_value());
  EXPECT_EQ(call("/grpc.health.v1.Health/Check", "\x0a\x06plugin").message, "\x08\x01");
  EXPECT_EQ(call("/grpc.health.v1.Health/Check", "\x0a\x05other").status.code, RpcCode::not_found);
}

TEST_F(Served, ShutdownIsAnsweredAndEndsTheServer) {
  ASSERT_TRUE(open().has_value());
  EXPECT_TRUE(call("/plugin.GRPCController/Shutdown").status.is_ok());
  thread_.join();
  const auto path = server_->handshake().address.path;
  server_.reset();
  EXPECT_NE(::access(path.c_str(), F_OK), 0) << "the socket is gone";
}

TEST_F(Served, MC_11_a_process_that_did_not_start_it_is_refused_and_counted) {
  ASSERT_TRUE(open(options_of(), {1}).has_value());
  EXPECT_FALSE(call("/t.T/Echo", "hi").status.is_ok());
  server_->stop();
  thread_.join();
  EXPECT_EQ(server_->counters().refused_peers, 1U);
  server_.reset();
}

TEST_F(Served, OutputGoesToOneHost) {
  ASSERT_TRUE(open().has_value());
  output_.put({StdioChunk::Channel::err, "oh"});
  const auto held = channel();
  const auto stream = held->open("/plugin.GRPCStdio/StreamStdio");
  stream->finish_writes();
  EXPECT_EQ(stream->read().value_or(""), std::string_view("\x08\x02\x12\x02oh"));
  const auto second = held->open("/plugin.GRPCStdio/StreamStdio");
  second->finish_writes();
  EXPECT_EQ(second->finish().code, RpcCode::failed_precondition);
  output_.put({StdioChunk::Channel::out, "x"});
  EXPECT_EQ(stream->read().value_or(""), std::string_view("\x08\x01\x12\x01x"));
  server_->stop();
  EXPECT_TRUE(stream->finish().is_ok()) << "the end is an end, and no failure";
}

TEST_F(Served, TcpListensOnLoopbackWithinTheHostsRange) {
  variables_ = {{"PLUGIN_TRANSPORTS", "tcp"}, {"PLUGIN_MIN_PORT", "20000"}, {"PLUGIN_MAX_PORT", "29999"}};
  ASSERT_TRUE(open().has_value());
  const auto address = server_->handshake().address;
  EXPECT_EQ(address.ip.str(), "127.0.0.1");
  EXPECT_GE(address.port, 20000);
  EXPECT_LE(address.port, 29999);
  EXPECT_EQ(call("/t.T/Echo", "hi").message, "hi");
}

TEST_F(Served, AGroupMayEnterWhereTheHostNamesOne) {
  variables_ = {{"PLUGIN_UNIX_SOCKET_GROUP", concat(::getegid())}};
  ASSERT_TRUE(open().has_value());
  struct stat socket {};
  ASSERT_EQ(::stat(server_->handshake().address.path.c_str(), &socket), 0);
  EXPECT_EQ(socket.st_mode & 0777, 0660U);
}

TEST_F(Served, GarbageOfTheHostIsAnErrorThatNamesIt) {
  variables_ = {{"PLUGIN_UNIX_SOCKET_GROUP", "no such group"}};
  EXPECT_THAT(open().error().what, HasSubstr("no such group here"));
  variables_ = {{"PLUGIN_UNIX_SOCKET_DIR", concat(directory_, "/none")}};
  EXPECT_EQ(open().error().code, Code::not_found);
  variables_ = {{"PLUGIN_UNIX_SOCKET_DIR", concat(directory_, "/", std::string(100, 'd'))}};
  ASSERT_EQ(::mkdir(variables_.begin()->second.c_str(), 0700), 0);
  EXPECT_THAT(open().error().what, HasSubstr("at most 107 bytes"));
  ::rmdir(variables_.begin()->second.c_str());
}

TEST_F(Served, ThatItDoesNotMultiplexIsSaidOnlyWhereTheHostAsked) {
  ASSERT_TRUE(open().has_value());
  EXPECT_EQ(server_->handshake().multiplex, PluginHandshake::Multiplex::unsaid);
}

TEST(PluginPeerRuleTest, DecidesByTheKernelsWord) {
  PluginPeerRule rule;
  rule.own_uid = 1000;
  rule.ancestors = {50, 40};
  const auto unix_socket = PluginTransport::unix_socket;
  EXPECT_FALSE(rule.refusal(PeerProcess{1000, 50}, unix_socket).has_value());
  EXPECT_FALSE(rule.refusal(PeerProcess{1000, 40}, unix_socket).has_value());
  EXPECT_FALSE(rule.refusal(PeerProcess{1000, 0}, PluginTransport::tcp).has_value());
  EXPECT_EQ(rule.refusal(PeerProcess{1000, 51}, unix_socket), "process 51 did not start this plugin");
  EXPECT_EQ(rule.refusal(PeerProcess{1001, 50}, unix_socket), "it belongs to another user, 1001");
  EXPECT_TRUE(rule.refusal(std::nullopt, unix_socket).has_value());
  rule.peers = PluginPeers::same_user;
  EXPECT_FALSE(rule.refusal(PeerProcess{1000, 51}, unix_socket).has_value());
  EXPECT_TRUE(rule.refusal(PeerProcess{0, 51}, unix_socket).has_value());
  rule.peers = PluginPeers::by_file;
  EXPECT_FALSE(rule.refusal(std::nullopt, unix_socket).has_value());
  EXPECT_TRUE(rule.refusal(std::nullopt, PluginTransport::tcp).has_value()) << "a port has no file";
}

TEST(PluginCookieCheck, MC_04_required_or_optional_and_never_wrong) {
  const auto judge = [](const Variables& variables, PluginCookieDemand demand) {
    auto options = options_of();
    options.cookie = demand;
    const auto judged = check_plugin_cookie(options, lookup_in(variables));
    if (judged) return std::optional<CookieFault>();
    EXPECT_THAT(judged.error().what, ::testing::Not(HasSubstr("hello")));
    EXPECT_THAT(judged.error().what, ::testing::Not(HasSubstr("hullo")));
    return cookie_fault_of(judged.error());
  };
  EXPECT_EQ(judge({{"KEY", "hello"}}, PluginCookieDemand::required), std::nullopt);
  EXPECT_EQ(judge({}, PluginCookieDemand::required), CookieFault::missing);
  EXPECT_EQ(judge({{"KEY", ""}}, PluginCookieDemand::required), CookieFault::missing);
  EXPECT_EQ(judge({{"KEY", "hullo"}}, PluginCookieDemand::required), CookieFault::authentication_failed);
  EXPECT_EQ(judge({{"KEY", "hello "}}, PluginCookieDemand::required), CookieFault::authentication_failed);
  EXPECT_EQ(judge({}, PluginCookieDemand::optional), std::nullopt);
  EXPECT_EQ(judge({{"KEY", "hullo"}}, PluginCookieDemand::optional), CookieFault::authentication_failed);
}

TEST(PluginCookieCheck, MC_04_by_descriptor_it_is_drawn_for_the_launch) {
  const Variables none;
  const auto judge = [&none](const PluginServerOptions& options, std::string_view handed) {
    const auto judged = check_plugin_cookie(options, lookup_in(none), SecretText(handed));
    return judged ? std::optional<CookieFault>() : cookie_fault_of(judged.error());
  };
  CountingEntropy entropy;
  const auto first = *MagicCookie::generate(entropy);
  const auto second = *MagicCookie::generate(entropy);
  EXPECT_EQ(judge(options_of(), first.text().expose()), std::nullopt) << "no variable is needed then";
  EXPECT_EQ(judge(options_of(), ""), CookieFault::malformed);
  EXPECT_EQ(judge(options_of(), "hello"), CookieFault::malformed) << "the one for the variable is too weak";
  EXPECT_EQ(judge(options_of(), std::string(kCookieTextMax + 1, 'x')), CookieFault::malformed);
  PluginServerOptions secret;
  EXPECT_EQ(cookie_fault_of(check_plugin_cookie(secret, lookup_in(none)).error()), CookieFault::missing);
  EXPECT_EQ(judge(secret, first.text().expose()), std::nullopt);
  secret.cookie_value = first.text().duplicate();
  EXPECT_EQ(judge(secret, first.text().expose()), std::nullopt);
  EXPECT_EQ(judge(secret, second.text().expose()), CookieFault::authentication_failed);
}

TEST(PluginCookieCheck, MC_06_a_cookie_of_one_plugin_is_refused_by_another) {
  CountingEntropy entropy;
  PluginServerOptions one;
  one.cookie_value = MagicCookie::generate(entropy)->text().duplicate();
  PluginServerOptions other;
  other.cookie_value = MagicCookie::generate(entropy)->text().duplicate();
  const Variables none;
  EXPECT_TRUE(check_plugin_cookie(one, lookup_in(none), one.cookie_value.duplicate()).has_value());
  EXPECT_FALSE(check_plugin_cookie(other, lookup_in(none), one.cookie_value.duplicate()).has_value());
}

TEST_F(Served, MC_04_after_the_cookies_life_no_new_connection_and_the_old_stays) {
  auto options = options_of();
  options.cookie_life = std::chrono::seconds(300);
  ASSERT_TRUE(open(std::move(options)).has_value());
  const auto held = channel();
  EXPECT_EQ(held->call("/t.T/Echo", "in time").message, "in time");
  plugin_clock_.advance(std::chrono::seconds(301));
  EXPECT_FALSE(call("/t.T/Echo", "late").status.is_ok());
  EXPECT_EQ(held->call("/t.T/Echo", "still").message, "still");
  server_->stop();
  thread_.join();
  EXPECT_EQ(server_->counters().refused_late, 1U);
  server_.reset();
}

CertifiedKey one_time(KeyKind key = KeyKind::p256) {
  SystemEntropy entropy;
  LeafRequest request;
  request.use = CertificateUse::peer;
  request.key = key;
  request.names = *subject_names({"localhost"});
  request.life = std::chrono::hours(1);
  return *self_signed(request, entropy, SystemClock().now());
}

std::shared_ptr<const MutualTls> tls_of(const CertifiedKey& own, const Certificate& trusted) {
  const auto key = *own.key.to_pem();
  return *MutualTls::make(*TlsIdentity::from_pem(own.chain_pem(), key), trusted.to_pem());
}

TEST_F(Served, SG_02_the_hosts_certificate_alone_is_let_in_whatever_its_curve) {
  for (const KeyKind key : {KeyKind::p256, KeyKind::p384, KeyKind::p521}) {
    const auto host = one_time(key);
    variables_ = {{"PLUGIN_CLIENT_CERT", host.certificate.to_pem()}};
    ASSERT_TRUE(open().has_value());
    const Certificate plugin = *server_->handshake().certificate;
    const auto trusted = channel_over(tls_of(host, plugin));
    ASSERT_TRUE(trusted.has_value()) << trusted.error().what;
    EXPECT_EQ((*trusted)->call("/t.T/Echo", "hi").message, "hi");
    // In TLS 1.3 a refused client learns so at its first read.
    const auto stranger = channel_over(tls_of(one_time(key), plugin));
    EXPECT_FALSE(stranger.has_value() && (*stranger)->call("/t.T/Echo", "hi").status.is_ok());
    EXPECT_FALSE(channel_over(tls_of(host, one_time().certificate)).has_value()) << "not our plugin";
    EXPECT_FALSE(call("/t.T/Echo", "plain").status.is_ok());
    server_->stop();
    thread_.join();
    EXPECT_GE(server_->counters().refused_tls, 2U);
    server_.reset();
  }
}

TEST_F(Served, SG_01_explicit_tls_lets_in_whom_its_authority_certified) {
  SystemEntropy entropy;
  const WallTime now = SystemClock().now();
  const auto authority = *Authority::create({.name = "plugins", .permitted = {}}, entropy, now);
  const auto issue = [&](const Authority& by) {
    LeafRequest request;
    request.use = CertificateUse::peer;
    request.names = *subject_names({"localhost"});
    return *by.issue(request, entropy, now);
  };
  const auto own = issue(authority);
  auto options = options_of();
  options.tls.certificate = own.chain_pem();
  options.tls.key = *own.key.to_pem();
  options.tls.client_roots = authority.certificate().to_pem();
  variables_ = {{"PLUGIN_CLIENT_CERT", one_time().certificate.to_pem()}};
  ASSERT_TRUE(open(std::move(options)).has_value());
  EXPECT_FALSE(server_->handshake().certificate.has_value());
  const auto known = channel_over(tls_of(issue(authority), authority.certificate()));
  ASSERT_TRUE(known.has_value()) << known.error().what;
  EXPECT_EQ((*known)->call("/t.T/Echo", "hi").message, "hi");
  const auto other = *Authority::create({.name = "others", .permitted = {}}, entropy, now);
  const auto stranger = channel_over(tls_of(issue(other), authority.certificate()));
  EXPECT_FALSE(stranger.has_value() && (*stranger)->call("/t.T/Echo", "hi").status.is_ok());
}

TEST(PluginCookieCheck, MC_03_a_strict_plugin_wants_no_made_up_cookie) {
  const Variables variables{{"KEY", "hello"}};
  auto options = options_of();
  options.cookie_strictness = CookieStrictness::strict;
  EXPECT_EQ(cookie_fault_of(check_plugin_cookie(options, lookup_in(variables)).error()),
            CookieFault::malformed);
  PluginServerOptions half;
  half.cookie_key = "KEY";
  EXPECT_EQ(check_plugin_cookie(half, lookup_in(variables)).error().code, Code::invalid_argument);
  half.cookie_key.clear();
  half.cookie_value = SecretText("hello");
  EXPECT_EQ(cookie_fault_of(check_plugin_cookie(half, lookup_in(variables)).error()), CookieFault::malformed)
      << "a secret has to be one";
}

}  // namespace
}  // namespace sallyport
