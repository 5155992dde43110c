// SPDX-License-Identifier: Apache-2.0
// Question: can damage of any kind to a request make the gate let something through that holds no valid
// credential?
#include <gmock/gmock.h>

#include <random>

#include "tests/integration/world.h"

namespace sallyport::testing_world {
namespace {

using testing::ElementsAre;

constexpr int kRounds = 3000;
constexpr std::uint32_t kSeed = 20260131;

/// Mutator damages text in ways that parsers are known to disagree about. Its choices follow from the seed
/// alone.
class Mutator {
 public:
  explicit Mutator(std::uint32_t seed) : random_(seed) {}

  std::string mutate(std::string text) {
    for (std::size_t left = 1 + pick(3); left > 0; --left) once(text);
    return text;
  }

 private:
  std::size_t pick(std::size_t below) { return below == 0 ? 0 : random_() % below; }
  void once(std::string& text) {
    static constexpr std::array<std::string_view, 22> kPieces{
        "\r\n",
        "\n",
        "\r\n\r\n",
        " ",
        "\t",
        ",",
        ";",
        "%2e",
        "%00",
        "Connection: Authorization\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Authorization: Bearer spa_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n",
        "X-Forwarded-User: root\r\n",
        "X-Forwarded-For: 127.0.0.1\r\n",
        "Host: localhost:7070\r\n",
        "Origin: null\r\n",
        "Upgrade: websocket\r\nConnection: upgrade\r\n",
        "Cookie: __Host-sallyport-7070=spc_x\r\n",
        "/.sallyport/style.css",
        "/../",
        "?ticket=spt_x",
        "Content-Length: 0\r\n"};
    const std::size_t at = pick(text.size());
    switch (pick(7)) {
      case 0:
        text[at] = static_cast<char>(pick(256));
        break;
      case 1:
        text.erase(at, 1 + pick(4));
        break;
      case 2:
        text.insert(at, kPieces[pick(kPieces.size())]);
        break;
      case 3: {  // a whole line more, where a line begins
        const auto line = text.find("\r\n", at);
        text.insert(line == std::string::npos ? 0 : line + 2, kPieces[9 + pick(kPieces.size() - 9)]);
        break;
      }
      case 4:
        text[at] = static_cast<char>(static_cast<unsigned char>(text[at]) ^ (1U << pick(8)));
        break;
      case 5:
        text += text.substr(at);
        break;  // the end once more: two heads, or a body that is a request
      default: {
        const std::size_t other = pick(text.size());
        std::swap(text[at], text[other]);
      }
    }
    if (text.empty()) text = "G";
  }
  std::mt19937 random_;
};

/// Prober sends damaged copies of `base`, and holds whatever reaches the tool against what was sent.
class Prober {
 public:
  Prober(World& world, std::vector<std::string> credentials)
      : world_(world), credentials_(std::move(credentials)) {}

  void probe(const Request& base, const ConnectionFacts& facts, std::uint32_t seed) {
    Mutator mutator(seed);
    const std::string good = base.text(world_.host);
    for (int round = 0; round < kRounds && !testing::Test::HasFailure(); ++round) {
      const std::string text = mutator.mutate(good);
      world_.tool.heads.clear();
      End end = world_.connect(facts);
      end.write(text);
      world_.settle();
      end.pull();
      for (const auto& head : world_.tool.heads) expect_deserved(head, text);
      admitted += static_cast<int>(world_.tool.heads.size());
      end.shut();
      world_.settle();
      world_.audit.clear();
    }
  }
  int admitted = 0;

 private:
  void expect_deserved(const std::string& head, const std::string& text) {
    const bool deserved = std::any_of(credentials_.begin(), credentials_.end(), [&](const std::string& one) {
      return text.find(one) != std::string::npos;
    });
    EXPECT_TRUE(deserved) << "let through:\n" << text;
    EXPECT_THAT(values_in(head, "Authorization"), ElementsAre("Bearer " + std::string(kBackendSecret)))
        << text;
    EXPECT_THAT(values_in(head, "X-Forwarded-User"), ElementsAre("alice")) << text;
    EXPECT_THAT(values_in(head, "X-Session-ID"), ElementsAre("tool")) << text;
    EXPECT_THAT(values_in(head, "X-Session-Token"), ElementsAre(std::string(kBackendSecret))) << text;
  }
  World& world_;
  std::vector<std::string> credentials_;
};

TEST(Mutations, AT_05_of_a_request_with_a_token_pass_only_with_the_token_whole) {
  World world;
  const std::string token = world.access_token();
  Prober prober(world, {token});
  prober.probe(Request::get("/api?x=1").with("Accept", "text/html").bearer(token), world.stranger(), kSeed);
  prober.probe(Request::post_json("/api", "{\"a\":1}").bearer(token), world.stranger(), kSeed + 1);
  EXPECT_GT(prober.admitted, kRounds / 20)
      << "damage that does not matter lets the request pass: the test tests something";
}

TEST(Mutations, AT_05_of_a_request_with_a_cookie_pass_only_with_the_cookie_whole) {
  World world;
  Browser browser(world);
  ASSERT_EQ(browser.log_in().status, 303);
  Prober prober(world, {browser.login_cookie()});
  prober.probe(Request::get("/").with("Cookie", "a=1; " + browser.cookie_line()), world.stranger(),
               kSeed + 2);
  prober.probe(
      Request::post_json("/", "{}").with("Origin", world.origin).with("Cookie", browser.cookie_line()),
      world.stranger(), kSeed + 3);
  EXPECT_GT(prober.admitted, kRounds / 20);
}

TEST(Mutations, AT_06_of_an_upgrade_pass_only_with_the_token_whole) {
  World world;
  const std::string token = world.session_token();
  Prober prober(world, {token});
  prober.probe(Request::upgrade("/ws").with("Origin", world.origin).with("X-Session-Token", token),
               world.stranger(), kSeed + 4);
  EXPECT_GT(prober.admitted, kRounds / 20);
}

TEST(Mutations, AT_05_of_requests_without_a_credential_never_pass) {
  World world;
  WorldOptions on_loopback;
  on_loopback.place = Place::loopback;
  World local(on_loopback);
  const std::string wrong = world.unminted(CredentialKind::access_token);
  Prober prober(world, {});
  prober.probe(Request::get("/").with("X-Forwarded-User", "alice").with("X-Forwarded-For", "127.0.0.1"),
               world.stranger(), kSeed + 5);
  prober.probe(Request::get("/").bearer(wrong), world.stranger(), kSeed + 6);
  Prober neighbour(local, {});
  neighbour.probe(Request::get("/").with("Sec-Fetch-Site", "none"), local.stranger(), kSeed + 7);
  EXPECT_EQ(prober.admitted + neighbour.admitted, 0);
}

}  // namespace
}  // namespace sallyport::testing_world
