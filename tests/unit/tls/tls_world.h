// SPDX-License-Identifier: Apache-2.0
// What the tests of certificate sources share: clocks that move, real files in a folder of their own, and a
// source that a test tells what to give.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <map>

#include "sallyport/base/text.h"
#include "sallyport/env/posix/system.h"
#include "sallyport/env/testing/fakes.h"
#include "sallyport/tls/keeper.h"

namespace sallyport {

using Variables = std::map<std::string, std::string, std::less<>>;

class TlsWorld : public testing::Test {
 protected:
  TlsWorld() {
    std::string pattern = testing::TempDir() + "sp-tls-XXXXXX";
    dir_ = ::mkdtemp(pattern.data());
  }
  ~TlsWorld() override { std::filesystem::remove_all(dir_); }

  std::string at(std::string_view name) const { return concat(dir_, '/', name); }
  Authority authority() {
    auto made = Authority::create({}, entropy_, clock_.now());
    EXPECT_TRUE(made);
    return *std::move(made);
  }
  CertifiedKey leaf(const Authority& by, Duration life = kServerLife) {
    LeafRequest request;
    request.names = names_;
    request.life = life;
    auto made = by.issue(request, entropy_, clock_.now());
    EXPECT_TRUE(made);
    return *std::move(made);
  }
  void write(const std::string& path, std::string_view text) {
    const Status written = files_.replace_private(path, text);
    ASSERT_TRUE(written) << written.error().what;
  }
  void write_pair(const CertifiedKey& pair) {
    write(at("k.pem"), pair.key.to_pem()->expose());
    write(at("c.pem"), pair.chain_pem());
  }
  TlsPowers powers() { return {files_, entropy_, monotonic_, environment_}; }
  TlsWish given() {
    TlsWish wish;
    wish.only = TlsTier::given_files;
    wish.certificate_file = at("c.pem");
    wish.key_file = at("k.pem");
    return wish;
  }
  TlsWish wish(std::optional<TlsTier> only = {}) {
    TlsWish made;
    made.only = only;
    made.dir = at("tls");
    made.names = names_;
    made.tailscale_socket = at("none.sock");
    return made;
  }
  Result<std::unique_ptr<TlsKeeper>> keep(const TlsWish& wanted) {
    TlsKeeper::Calls calls;
    calls.serve = [this](const ServerIdentity& identity) {
      served_.push_back(identity.fingerprint);
      return ok();
    };
    calls.tell = [this](const TlsNews& news) { news_.push_back(news); };
    return TlsKeeper::open(TlsCascade::make(wanted, powers()), {clock_, monotonic_, entropy_},
                           std::move(calls));
  }
  void pass(Duration time) {
    clock_.advance(time);
    monotonic_.advance(time);
  }

  std::string dir_;
  SystemFiles files_;
  ManualClock clock_;
  ManualMonotonicClock monotonic_;
  CountingEntropy entropy_;
  FixedEnvironment environment_;
  std::vector<SubjectName> names_ = *subject_names({"localhost", "127.0.0.1"});
  std::vector<std::string> served_;
  std::vector<TlsNews> news_;
};

}  // namespace sallyport
