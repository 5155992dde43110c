// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "tls_world.h"

namespace sallyport {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class Keeper : public TlsWorld {};

TEST_F(Keeper, SG_05_a_pair_that_was_replaced_is_served_at_the_next_look) {
  const auto root = authority();
  write_pair(leaf(root));
  auto keeper = keep(given());
  ASSERT_TRUE(keeper);
  const auto first = (*keeper)->report();
  (*keeper)->look();
  EXPECT_THAT(served_, SizeIs(1)) << "nothing changed";
  write_pair(leaf(root));
  (*keeper)->look();
  ASSERT_THAT(served_, SizeIs(2));
  ASSERT_THAT(news_, SizeIs(1));
  EXPECT_EQ(news_.front().kind, TlsNews::Kind::replaced);
  EXPECT_THAT(news_.front().what, HasSubstr(served_.back()));
  EXPECT_NE((*keeper)->report().fingerprint, first.fingerprint);
  EXPECT_EQ((*keeper)->report().changes, 1U);
}

TEST_F(Keeper, SG_05_torn_garbage_and_mismatching_pairs_are_refused_and_the_old_one_serves_on) {
  const auto root = authority();
  write_pair(leaf(root));
  auto keeper = keep(given());
  ASSERT_TRUE(keeper);
  auto old = (*keeper)->report().fingerprint;
  const auto next = leaf(root);
  const std::string chain = next.chain_pem();
  for (const std::string& bad :
       {chain.substr(0, chain.size() / 2), std::string("garbage"), std::string(), chain}) {
    news_.clear();
    write(at("c.pem"), bad);
    (*keeper)->look();
    EXPECT_THAT(news_, IsEmpty()) << "it may be half a replacement";
    pass(std::chrono::seconds(5));
    (*keeper)->look();
    ASSERT_THAT(news_, SizeIs(1)) << bad;
    EXPECT_EQ(news_.front().kind, TlsNews::Kind::refused);
    EXPECT_THAT(news_.front().what, HasSubstr(at("c.pem")));
    EXPECT_EQ((*keeper)->report().fingerprint, old);
    EXPECT_THAT((*keeper)->report().fault, HasSubstr(at("c.pem")));
    pass(std::chrono::seconds(60));
    (*keeper)->look();
    EXPECT_THAT(news_, SizeIs(1)) << "one trouble is told once";
    write_pair(leaf(root));
    (*keeper)->look();
    EXPECT_EQ(news_.back().kind, TlsNews::Kind::mended);
    EXPECT_THAT((*keeper)->report().fault, IsEmpty());
    EXPECT_NE((*keeper)->report().fingerprint, old);
    old = (*keeper)->report().fingerprint;
  }
}

TEST_F(Keeper, SG_05_a_pair_that_is_over_or_not_valid_yet_never_replaces_a_good_one) {
  const auto root = authority();
  const auto brief = leaf(root, std::chrono::hours(1));
  pass(std::chrono::hours(2));
  write_pair(leaf(root));
  auto keeper = keep(given());
  ASSERT_TRUE(keeper);
  write_pair(brief);
  (*keeper)->look();
  pass(std::chrono::seconds(5));
  (*keeper)->look();
  EXPECT_THAT(served_, SizeIs(1));
  EXPECT_THAT((*keeper)->report().fault, HasSubstr("over"));
}

TEST_F(Keeper, SG_05_a_vanished_pair_serves_on) {
  write_pair(leaf(authority()));
  auto keeper = keep(given());
  ASSERT_TRUE(keeper);
  std::filesystem::remove(at("k.pem"));
  (*keeper)->look();
  pass(std::chrono::seconds(5));
  (*keeper)->look();
  EXPECT_THAT(served_, SizeIs(1));
  EXPECT_THAT((*keeper)->report().fault, HasSubstr(at("k.pem")));
}

TEST_F(Keeper, SG_05_renews_by_itself_at_two_thirds_of_life) {
  auto keeper = keep(wish(TlsTier::local_authority));
  ASSERT_TRUE(keeper);
  pass(Days(59));
  (*keeper)->look();
  EXPECT_THAT(served_, SizeIs(1));
  pass(Days(2));
  (*keeper)->look();
  EXPECT_THAT(served_, SizeIs(2));
  EXPECT_EQ((*keeper)->report().state, CertificateState::good);
}

TEST_F(Keeper, SG_05_failed_renewals_are_tried_again_at_growing_intervals) {
  auto keeper = keep(wish(TlsTier::local_authority));
  ASSERT_TRUE(keeper);
  const std::string key = at("tls/authority.pem");
  write(key, "garbage");
  for (int second = 0; second < 600; ++second) {
    pass(std::chrono::seconds(1));
    (*keeper)->look();
  }
  EXPECT_THAT(served_, SizeIs(1));
  EXPECT_THAT(news_, SizeIs(1));
  EXPECT_THAT((*keeper)->report().fault, HasSubstr("authority.pem"));
  std::filesystem::remove(key);
  (*keeper)->look();
  EXPECT_THAT((*keeper)->report().fault, IsEmpty())
      << "a file that changed is looked at, whatever the interval";
  EXPECT_THAT(served_, SizeIs(2)) << "a new authority signs anew";
}

TEST_F(Keeper, SG_05_an_earlier_source_takes_over_once_it_is_there_and_a_later_one_only_near_the_end) {
  std::filesystem::create_directory(at("caroot"));
  environment_ = FixedEnvironment(Variables{{"CAROOT", at("caroot")}});
  auto keeper = keep(wish());
  ASSERT_TRUE(keeper);
  EXPECT_EQ((*keeper)->report().source, "local authority");
  const auto root = authority();
  write(at("caroot/rootCA-key.pem"), root.pair().key.to_pem()->expose());
  write(at("caroot/rootCA.pem"), root.certificate().to_pem());
  (*keeper)->look();
  EXPECT_EQ((*keeper)->report().source, "mkcert");
  std::filesystem::remove(at("caroot/rootCA.pem"));
  for (int i = 0; i < 3; ++i) {
    pass(std::chrono::minutes(1));
    (*keeper)->look();
  }
  EXPECT_EQ((*keeper)->report().source, "mkcert") << "its certificate is good for long";
  EXPECT_THAT((*keeper)->report().fault, HasSubstr("rootCA.pem"));
  pass(Days(90));
  (*keeper)->look();
  EXPECT_EQ((*keeper)->report().source, "local authority");
}

TEST_F(Keeper, SG_05_a_pair_that_cannot_be_served_is_refused) {
  write_pair(leaf(authority()));
  TlsKeeper::Calls calls;
  calls.serve = [](const ServerIdentity&) -> Status { return fail(Code::invalid_argument, "no"); };
  EXPECT_FALSE(
      TlsKeeper::open(TlsCascade::make(given(), powers()), {clock_, monotonic_, entropy_}, std::move(calls)));
}

TEST_F(Keeper, SG_05_its_thread_looks_by_itself_and_ends_with_it) {
  const auto root = authority();
  write_pair(leaf(root));
  auto keeper = keep(given());
  ASSERT_TRUE(keeper);
  (*keeper)->run();
  write_pair(leaf(root));
  while ((*keeper)->report().changes == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  keeper->reset();
  EXPECT_THAT(served_, SizeIs(2));
}

TEST_F(Keeper, SG_05_marks_change_with_whatever_happens_to_a_file) {
  write(at("a"), "one");
  const std::vector<std::string> paths{at("a"), at("b")};
  const auto first = marks_of(paths);
  EXPECT_EQ(marks_of(paths), first);
  write(at("b"), "two");
  const auto second = marks_of(paths);
  EXPECT_NE(second, first);
  std::filesystem::create_symlink(at("a"), at("link"));
  const auto linked = marks_of({at("link")});
  write(at("a"), "three");
  EXPECT_NE(marks_of({at("link")}), linked) << "links are followed";
}

}  // namespace
}  // namespace sallyport
