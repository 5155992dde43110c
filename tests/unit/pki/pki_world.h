// SPDX-License-Identifier: Apache-2.0
// What the tests of certificates share: a time, an authority, short ways to a leaf and to a verdict.
#pragma once

#include <gtest/gtest.h>

#include "sallyport/base/text.h"
#include "sallyport/env/testing/fakes.h"
#include "sallyport/pki/authority.h"
#include "sallyport/pki/verify.h"

namespace sallyport {

inline constexpr WallTime kPkiNow{std::chrono::seconds(1'800'000'000)};

class PkiWorld : public testing::Test {
 protected:
  Authority authority(const AuthorityRequest& request = {}, WallTime now = kPkiNow) {
    auto made = Authority::create(request, entropy_, now);
    EXPECT_TRUE(made) << made.error().what;
    return *std::move(made);
  }
  LeafRequest request(const std::vector<std::string>& names, CertificateUse use = CertificateUse::server) {
    LeafRequest made;
    made.use = use;
    made.names = *subject_names(names);
    return made;
  }
  CertifiedKey leaf(const Authority& by, const LeafRequest& wanted, WallTime now = kPkiNow) {
    auto made = by.issue(wanted, entropy_, now);
    EXPECT_TRUE(made) << made.error().what;
    return *std::move(made);
  }
  /// Question is a VerifyRequest that owns what it borrows.
  struct Question {
    std::vector<Certificate> anchors;
    std::vector<Certificate> intermediates = {};
    std::vector<RevocationList> lists = {};
    WallTime now = kPkiNow;
    CertificateUse use = CertificateUse::server;
    std::string name = {};
    Profile profile = Profile::own();
    Revocations revocations = Revocations::where_listed;
  };
  static ChainVerdict ask(const Certificate& leaf, const Question& question) {
    VerifyRequest request{question.anchors, question.intermediates};
    request.now = question.now;
    request.use = question.use;
    request.profile = question.profile;
    request.lists = &question.lists;
    request.revocations = question.revocations;
    if (!question.name.empty()) request.name = SubjectName::parse_any(question.name);
    return verify(leaf, request);
  }
  static std::string_view fault(const Certificate& leaf, const Question& question) {
    return name_of(ask(leaf, question).fault);
  }
  CountingEntropy entropy_;
};

}  // namespace sallyport
