// SPDX-License-Identifier: Apache-2.0
// The scoreboard of C2SP's x509-limbo: every case is judged, every difference is known by name and reason,
// and docs/x509-limbo.md says so. The data is not part of the project: SALLYPORT_TEST_DATA names its folder,
// by default
// ../shared/data beside the repository.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "sallyport/base/text.h"
#include "sallyport/pki/verify.h"

namespace sallyport {
namespace {

using nlohmann::json;

constexpr std::size_t kRightMin = 160;
constexpr auto kCaseTimeMax = std::chrono::seconds(20);  // generous: a loaded machine; the bound is in steps
const std::filesystem::path kRoot = SALLYPORT_ROOT;

std::filesystem::path data_file() {
  const char* const folder = std::getenv("SALLYPORT_TEST_DATA");
  const std::filesystem::path base = folder != nullptr ? folder : kRoot.parent_path() / "shared" / "data";
  return base / "x509-limbo.json";
}

/// Reason is why a case may differ: a line "id: reason" of the expectations file.
std::map<std::string, std::string> read_expectations() {
  std::ifstream file(kRoot / "tests/unit/pki/limbo_expectations.txt");
  EXPECT_TRUE(file.good());
  std::map<std::string, std::string> reasons;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.front() == '#') continue;
    const auto colon = line.find(": ");
    EXPECT_NE(colon, std::string::npos) << line;
    reasons[line.substr(0, colon)] = line.substr(colon + 2);
  }
  return reasons;
}

WallTime time_of(const json& value, WallTime otherwise) {
  if (value.is_null()) return otherwise;
  const auto text = value.get<std::string>();  // 2023-07-10T00:00:00.123Z
  std::tm parts{};
  const char* const rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  EXPECT_NE(rest, nullptr) << text;
  WallTime time{std::chrono::seconds(timegm(&parts))};
  if (rest != nullptr && *rest == '.')
    time += std::chrono::nanoseconds(static_cast<long>(std::strtod(rest, nullptr) * 1e9));
  return time;
}

/// certificates_of: false where one cannot be parsed, which is a refusal.
bool certificates_of(const json& list, std::vector<Certificate>& out) {
  for (const json& pem : list) {
    auto read = Certificate::from_pem(pem.get<std::string>());
    if (!read) return false;
    out.push_back(*std::move(read));
  }
  return true;
}

bool lists_of(const json& list, std::vector<RevocationList>& out) {
  for (const json& pem : list) {
    auto read = RevocationList::from_pem(pem.get<std::string>());
    if (!read) return false;
    out.push_back(*std::move(read));
  }
  return true;
}

/// lacks_usage: the case demands keyUsage or extendedKeyUsage values of the leaf.
bool lacks_usage(const json& wanted, const std::vector<std::string>& listed) {
  for (const json& value : wanted) {
    if (std::find(listed.begin(), listed.end(), value.get<std::string>()) == listed.end()) return true;
  }
  return false;
}

struct Outcome {
  bool accepted = false;
  std::string why;
};

Outcome judge(const json& test) {
  std::vector<Certificate> anchors;
  std::vector<Certificate> intermediates;
  std::vector<RevocationList> lists;
  const auto leaf = Certificate::from_pem(test["peer_certificate"].get<std::string>());
  if (!leaf) return {false, leaf.error().what};
  if (!certificates_of(test["trusted_certs"], anchors) ||
      !certificates_of(test["untrusted_intermediates"], intermediates))
    return {false, "one of the certificates cannot be parsed"};
  if (!lists_of(test["crls"], lists)) return {false, "a revocation list cannot be parsed"};
  const WallTime present{std::chrono::system_clock::now().time_since_epoch()};
  VerifyRequest request{.anchors = anchors, .intermediates = intermediates};
  request.now = time_of(test["validation_time"], present);
  request.use = test["validation_kind"] == "CLIENT" ? CertificateUse::client : CertificateUse::server;
  request.profile = Profile::foreign();
  if (const json& depth = test["max_chain_depth"]; depth.is_number())
    request.intermediates_max = depth.get<std::size_t>();
  if (const json& name = test["expected_peer_name"]; !name.is_null()) {
    request.name = SubjectName::parse_any(name["value"].get<std::string>());
    if (!request.name) return {false, "the expected name is none"};
  }
  for (const json& name : test["expected_peer_names"])
    request.emails.push_back(name["value"].get<std::string>());
  request.lists = &lists;
  request.revocations = lists.empty() ? Revocations::where_listed : Revocations::demanded;
  const ChainVerdict verdict = verify(*leaf, request);
  if (verdict.accepted() && lacks_usage(test["key_usage"], leaf->facts().key_usage))
    return {false, "key usage"};
  return {verdict.accepted(), concat(name_of(verdict.fault), ": ", verdict.why)};
}

/// Row is one group of the table.
struct Row {
  int cases = 0;
  int right = 0;
  int false_accepts = 0;
  int false_refusals = 0;
};

std::string group_of(const std::string& id) {
  const auto first = id.find("::");
  const auto second = id.find("::", first + 2);
  return second == std::string::npos ? id.substr(0, first) : id.substr(0, second);
}

std::string table(const std::map<std::string, Row>& rows, const std::map<std::string, std::string>& reasons) {
  Row all;
  std::ostringstream out;
  out << "| group | cases | right | accepted, must fail | refused, must pass |\n|---|---|---|---|---|\n";
  for (const auto& [group, row] : rows) {
    out << "| " << group << " | " << row.cases << " | " << row.right << " | " << row.false_accepts << " | "
        << row.false_refusals << " |\n";
    all.cases += row.cases;
    all.right += row.right;
    all.false_accepts += row.false_accepts;
    all.false_refusals += row.false_refusals;
  }
  out << "| **all** | **" << all.cases << "** | **" << all.right << "** | **" << all.false_accepts
      << "** | **" << all.false_refusals << "** |\n\n| case | why |\n|---|---|\n";
  for (const auto& [id, why] : reasons) out << "| `" << id << "` | " << why << " |\n";
  return out.str();
}

/// check_document compares the part below the marker; SALLYPORT_WRITE_DOCS=1 writes it anew.
void check_document(const std::string& made) {
  const auto path = kRoot / "docs/x509-limbo.md";
  constexpr std::string_view kMarker = "<!-- made by the test pki.Limbo -->\n";
  std::ifstream file(path);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto at = text.find(kMarker);
  ASSERT_NE(at, std::string::npos) << path;
  const std::string head = text.substr(0, at + kMarker.size());
  if (std::getenv("SALLYPORT_WRITE_DOCS") != nullptr) {
    std::ofstream(path) << head << made;
    return;
  }
  EXPECT_EQ(text.substr(head.size()), made)
      << "docs/x509-limbo.md is out of date: run with SALLYPORT_WRITE_DOCS=1";
}

TEST(Limbo, SG_03_every_case_of_x509_limbo_is_right_or_a_known_difference) {
  const auto path = data_file();
  std::ifstream file(path);
  if (!file) {
    GTEST_SKIP() << "x509-limbo.json is not at " << path << "; name its folder in SALLYPORT_TEST_DATA";
  }
  const json suite = json::parse(file);
  const auto reasons = read_expectations();
  std::map<std::string, Row> rows;
  std::size_t right = 0;
  for (const json& test : suite["testcases"]) {
    const auto id = test["id"].get<std::string>();
    const bool must_pass = test["expected_result"] == "SUCCESS";
    const auto begun = std::chrono::steady_clock::now();
    const Outcome outcome = judge(test);
    EXPECT_LT(std::chrono::steady_clock::now() - begun, kCaseTimeMax) << id;
    Row& row = rows[group_of(id)];
    ++row.cases;
    if (outcome.accepted == must_pass) {
      ++row.right;
      ++right;
      EXPECT_FALSE(reasons.contains(id)) << id << " is right now; take it out of limbo_expectations.txt";
      continue;
    }
    ++(must_pass ? row.false_refusals : row.false_accepts);
    EXPECT_TRUE(reasons.contains(id)) << id << (must_pass ? " must pass: " : " must fail; ") << outcome.why;
  }
  EXPECT_GE(right, kRightMin);
  std::cout << "x509-limbo: " << right << " of " << suite["testcases"].size() << " right\n";
  check_document(table(rows, reasons));
}

}  // namespace
}  // namespace sallyport
